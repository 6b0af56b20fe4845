// A whole Stripe account, made from a seed: customers with their subscriptions, the invoices and payments that follow
// from these, and the events of the last thirty days. Everything in it agrees with everything else.
import type Stripe from "stripe";
import { makeAccount } from "./account.ts";
import { makePrices, makeProducts } from "./catalogue.ts";
import { type EventType, makeEvent, type ObjectOf, type WireEvent } from "./event.ts";
import { Life } from "./life.ts";
import { addPayouts } from "./payout.ts";
import { Random } from "./random.ts";
import { Shelf } from "./shelf.ts";
import { day, hour, secondsOf } from "./times.ts";

export interface WorldOptions {
  seed: number;
  customers: number;
  now: Date;
  /** How far the account reaches back. Default 730. */
  ageDays?: number;
  /** The newest so many of each subscription. Default 8; 0 for none: no money moves then. */
  invoicesPerSubscription?: number;
  /**
   * How customers came: more and more of them (the default), as many every day, or most of them within two days, as after
   * a move from another system.
   */
  spread?: "growing" | "even" | "imported";
  livemode?: boolean;
}

export interface World {
  seed: number;
  /** For whatever happens after the beginning. */
  random: Random;
  livemode: boolean;
  account: Stripe.Account;
  products: Shelf<Stripe.Product>;
  prices: Shelf<Stripe.Price>;
  customers: Shelf<Stripe.Customer | Stripe.DeletedCustomer>;
  subscriptions: Shelf<Stripe.Subscription>;
  invoices: Shelf<Stripe.Invoice>;
  charges: Shelf<Stripe.Charge>;
  paymentIntents: Shelf<Stripe.PaymentIntent>;
  refunds: Shelf<Stripe.Refund>;
  disputes: Shelf<Stripe.Dispute>;
  payouts: Shelf<Stripe.Payout>;
  /** All that ever happened since `now` and of the thirty days before it. Stripe forgets after thirty days; lists do too. */
  events: Shelf<WireEvent>;
  webhookEndpoints: Shelf<Stripe.WebhookEndpoint>;
  /** Called with each event that happens from now on. */
  listeners: Set<(event: WireEvent) => void>;
}

const dated = <T extends { id: string; created: number }>() => new Shelf<T>((object) => object.created);

export function generateWorld(options: WorldOptions): World {
  const { seed, customers, livemode = false, invoicesPerSubscription = 8, spread = "growing" } = options;
  const random = new Random(seed);
  const now = secondsOf(options.now);
  const began = now - (options.ageDays ?? 730) * day;
  const world: World = {
    seed,
    random,
    livemode,
    account: makeAccount(random.id("acct_1", 15), began - 30 * day),
    products: dated(),
    prices: dated(),
    customers: new Shelf((customer) => ("created" in customer ? customer.created : 0)),
    subscriptions: dated(),
    invoices: dated(),
    charges: dated(),
    paymentIntents: dated(),
    refunds: dated(),
    disputes: dated(),
    payouts: dated(),
    events: dated(),
    webhookEndpoints: dated(),
    listeners: new Set(),
  };
  for (const product of makeProducts(began - 20 * day, livemode)) world.products.put(product);
  for (const price of makePrices(began - 20 * day, livemode)) world.prices.put(price);
  const life = new Life(world, now, invoicesPerSubscription);
  const reach = now - began - hour;
  for (let number = 1; number <= customers; number++) {
    const imported = spread === "imported" && random.chance(0.7);
    const age = imported
      ? reach / 2 + random.next() * 2 * day
      : reach * random.next() ** (spread === "growing" ? 1.4 : 1);
    life.ofCustomer(number, now - hour - Math.floor(age));
  }
  addPayouts(world, began, now);
  return world;
}

/** Writes an event down and tells everybody who listens. */
export function happen<T extends EventType>(
  world: World,
  type: T,
  created: number,
  object: ObjectOf<T>,
  previous?: Record<string, unknown>,
): WireEvent {
  const { random, livemode } = world;
  let pendingWebhooks = 0;
  for (const endpoint of world.webhookEndpoints.values()) if (wants(endpoint, type)) pendingWebhooks++;
  const event = world.events.put(
    makeEvent(random, { type, created, livemode, object, previous, pendingWebhooks }),
  );
  for (const listener of world.listeners) listener(event);
  return event;
}

export const wants = (endpoint: Stripe.WebhookEndpoint, type: string): boolean =>
  endpoint.status === "enabled" &&
  endpoint.enabled_events.some((wanted) => wanted === "*" || wanted === type);
