// A whole Stripe account, made from a seed: customers with their subscriptions, the invoices and payments that follow
// from these, and the events of the last thirty days. Everything in it agrees with everything else.
import type Stripe from "stripe";
import { makeAccount } from "./account.ts";
import { makeDispute, makePayout, makeRefund, refundedCharge } from "./aftermath.ts";
import { type currencies, makePrices, makeProducts } from "./catalogue.ts";
import { makeCustomer } from "./customer.ts";
import { type EventObject, makeEvent, type WireEvent } from "./event.ts";
import { makeInvoice } from "./invoice.ts";
import { makePayment } from "./payment.ts";
import { Random } from "./random.ts";
import { Shelf } from "./shelf.ts";
import { makeSubscription } from "./subscription.ts";
import { addMonths, day, hour, secondsOf } from "./times.ts";

export interface WorldOptions {
  seed: number;
  customers: number;
  now: Date;
  /** How far the account reaches back. Default 730. */
  ageDays?: number;
  /** The newest so many of each subscription. Default 8; 0 for none. */
  invoicesPerSubscription?: number;
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
  events: Shelf<WireEvent>;
}

const dated = <T extends { id: string; created: number }>() => new Shelf<T>((object) => object.created);

export function generateWorld(options: WorldOptions): World {
  const random = new Random(options.seed);
  const now = secondsOf(options.now);
  const began = now - (options.ageDays ?? 730) * day;
  const livemode = options.livemode ?? false;
  const world: World = {
    seed: options.seed,
    random,
    livemode,
    account: makeAccount(random.id("acct", 16), began - 30 * day),
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
  };
  for (const product of makeProducts(began - 20 * day, livemode)) world.products.put(product);
  for (const price of makePrices(began - 20 * day, livemode)) world.prices.put(price);
  const maker = new Maker(world, now, options.invoicesPerSubscription ?? 8);
  for (let number = 1; number <= options.customers; number++) {
    // More of them lately, as in a company that grows.
    const age = Math.floor((now - began - hour) * random.next() ** 1.4);
    maker.customer(number, now - hour - age);
  }
  if (options.invoicesPerSubscription !== 0) maker.payouts(began);
  return world;
}

type Status =
  | "trialing"
  | "active"
  | "past_due"
  | "unpaid"
  | "paused"
  | "incomplete"
  | "incomplete_expired"
  | "canceled";

class Maker {
  readonly #world: World;
  readonly #now: number;
  readonly #invoices: number;
  #invoiceNumber = 0;

  constructor(world: World, now: number, invoices: number) {
    this.#world = world;
    this.#now = now;
    this.#invoices = invoices;
  }

  customer(number: number, createdAt: number): void {
    const { random, livemode } = this.#world;
    const currency = random.weighted({ usd: 70, eur: 22, jpy: 8 } satisfies Record<
      (typeof currencies)[number],
      number
    >);
    const subscriptions = Number(random.weighted({ "0": 12, "1": 70, "2": 14, "3": 4 }));
    const deleted = random.chance(0.03);
    const customer = this.#world.customers.put(
      makeCustomer(random, { created: createdAt, livemode, number, currency, delinquent: false }),
    ) as Stripe.Customer;
    this.#event("customer.created", createdAt, customer);
    let delinquent = false;
    for (let i = 0; i < subscriptions; i++) {
      const age = this.#now - createdAt;
      const began = createdAt + Math.floor((age * i) / subscriptions) + (i === 0 ? 60 : 0);
      // Of several the newest is the one that counts; the others are over, or run beside it.
      const last = i === subscriptions - 1;
      const status: Status =
        deleted || (!last && random.chance(0.8)) ? "canceled" : this.#statusFor(this.#now - began);
      delinquent ||= status === "past_due" || status === "unpaid";
      this.#subscription(customer, currency, began, status);
    }
    if (delinquent) this.#world.customers.put({ ...customer, delinquent });
    if (!deleted) return;
    this.#world.customers.put({ id: customer.id, object: "customer", deleted: true });
    this.#event("customer.deleted", Math.min(this.#now - hour, createdAt + 100 * day), customer);
  }

  #statusFor(age: number): Status {
    const { random } = this.#world;
    if (age < 20 * hour) return random.weighted({ trialing: 5, active: 4, incomplete: 2 });
    if (age < 10 * day)
      return random.weighted({ trialing: 6, active: 6, incomplete_expired: 1, canceled: 1 });
    return random.weighted({
      active: 70,
      past_due: 6,
      unpaid: 3,
      paused: 2,
      incomplete_expired: 2,
      canceled: 17,
    });
  }

  #subscription(customer: Stripe.Customer, currency: string, began: number, status: Status): void {
    const world = this.#world;
    const { random, livemode } = world;
    const plan = random.weighted({ starter: 40, pro: 40, team: 16, enterprise: 4 });
    const every = random.chance(0.85) ? "monthly" : "yearly";
    const price = world.prices.get(`price_${plan}_${every}_${currency}`) as Stripe.Price;
    const months = every === "monthly" ? 1 : 12;
    const quantity = plan === "team" ? random.int(2, 12) : 1;
    const amount = (price.unit_amount ?? 0) * quantity;
    const paused = status === "paused";
    const trial = status === "trialing" || paused ? { start: began, end: began + 14 * day } : null;
    const over =
      status === "canceled" ? began + Math.floor((this.#now - began) * (0.3 + 0.65 * random.next())) : null;
    const until = over ?? this.#now;
    let cycles = 0;
    while (addMonths(began, (cycles + 1) * months) <= until) cycles++;
    const first = ["trialing", "paused", "incomplete", "incomplete_expired"].includes(status);
    const periodStart = first ? began : addMonths(began, cycles * months);
    const periodEnd = trial ? trial.end : addMonths(began, first ? months : (cycles + 1) * months);
    const cancelAtPeriodEnd = status === "active" && random.chance(0.04);
    const subscription = makeSubscription(random, {
      id: random.id("sub", 24),
      customer: customer.id,
      created: began,
      livemode,
      price,
      quantity,
      status,
      periodStart,
      periodEnd,
      trial,
      canceledAt:
        over ??
        (status === "incomplete_expired" ? began + 23 * hour : cancelAtPeriodEnd ? periodStart + hour : null),
      endedAt: over ?? (status === "incomplete_expired" ? began + 23 * hour : null),
      cancelAtPeriodEnd,
      latestInvoice: null,
    });
    let latest: Stripe.Invoice | null = null;
    const lastCycle = first ? 0 : cycles;
    for (
      let cycle = Math.max(0, lastCycle - this.#invoices + 1);
      cycle <= lastCycle && this.#invoices > 0;
      cycle++
    ) {
      const at = cycle === 0 ? began : addMonths(began, cycle * months);
      latest = this.#invoice(customer, subscription, {
        at,
        end: Math.max(at, cycle === 0 && trial ? trial.end : addMonths(began, (cycle + 1) * months)),
        amount: trial && cycle === 0 ? 0 : amount,
        first: cycle === 0,
        outcome: cycle < lastCycle ? "paid" : outcomeOf(status, random),
      });
    }
    world.subscriptions.put({ ...subscription, latest_invoice: latest?.id ?? null });
    const stored = world.subscriptions.get(subscription.id) as Stripe.Subscription;
    this.#event("customer.subscription.created", began, stored);
    if (over !== null) this.#event("customer.subscription.deleted", over, stored);
    else if (cycles > 0 && !first)
      this.#event("customer.subscription.updated", periodStart, stored, {
        items: { data: [{ current_period_end: periodStart }] },
        latest_invoice: null,
      });
  }

  #invoice(
    customer: Stripe.Customer,
    subscription: Stripe.Subscription,
    facts: {
      at: number;
      end: number;
      amount: number;
      first: boolean;
      outcome: "paid" | "failed" | "written_off" | "void" | "draft";
    },
  ): Stripe.Invoice {
    const world = this.#world;
    const { random, livemode } = world;
    const { at, amount, outcome } = facts;
    const paid = outcome === "paid";
    const number = `HAL-${String(++this.#invoiceNumber).padStart(6, "0")}`;
    const payment =
      amount > 0 && outcome !== "draft"
        ? makePayment(random, {
            customer,
            amount,
            currency: subscription.currency,
            created: at + 5,
            livemode,
            succeeded: paid,
            description: facts.first ? "Subscription creation" : "Subscription update",
          })
        : null;
    const invoice = world.invoices.put(
      makeInvoice(random, {
        id: random.id("in", 24),
        number,
        customer,
        subscription,
        created: at,
        period: { start: at, end: facts.end },
        status: (
          {
            paid: "paid",
            failed: "open",
            written_off: "uncollectible",
            void: "void",
            draft: "draft",
          } as const
        )[outcome],
        reason: facts.first ? "subscription_create" : "subscription_cycle",
        amount,
        paymentIntent: payment?.paymentIntent.id ?? null,
        attempts: payment ? (paid ? 1 : random.int(1, 4)) : 0,
      }),
    );
    if (payment) {
      world.paymentIntents.put(payment.paymentIntent);
      world.charges.put(payment.charge);
      this.#event(paid ? "charge.succeeded" : "charge.failed", at + 5, payment.charge);
      this.#event(
        paid ? "payment_intent.succeeded" : "payment_intent.payment_failed",
        at + 6,
        payment.paymentIntent,
      );
      if (paid) this.#afterwards(payment.charge);
    }
    this.#event("invoice.created", at, invoice);
    if (outcome !== "draft") this.#event(paid ? "invoice.paid" : "invoice.payment_failed", at + 7, invoice);
    return invoice;
  }

  /** Some payments are refunded, fewer are disputed. */
  #afterwards(charge: Stripe.Charge): void {
    const world = this.#world;
    const { random } = world;
    const at = Math.min(this.#now - hour, charge.created + random.int(1, 20) * day);
    if (at <= charge.created) return;
    if (random.chance(0.03)) {
      const part = random.chance(0.4) && charge.amount > 100;
      const amount = part ? Math.floor(charge.amount / 2) : charge.amount;
      const recent = this.#now - at < 3 * day;
      const status = recent && random.chance(0.5) ? "pending" : random.chance(0.05) ? "failed" : "succeeded";
      const refund = world.refunds.put(makeRefund(random, charge, { amount, created: at, status }));
      const refunded = world.charges.put(refundedCharge(charge, refund));
      this.#event("refund.created", at, refund);
      if (status !== "failed") this.#event("charge.refunded", at, refunded);
    } else if (random.chance(0.012)) {
      const recent = this.#now - at < 14 * day;
      const status = recent
        ? random.pick(["needs_response", "under_review", "warning_needs_response"] as const)
        : random.pick(["won", "lost", "warning_closed", "lost"] as const);
      const { livemode } = world;
      const dispute = world.disputes.put(makeDispute(random, charge, { created: at, status, livemode }));
      world.charges.put({ ...charge, disputed: true });
      this.#event("charge.dispute.created", at, dispute);
    }
  }

  /** Once a week the company gets its money. */
  payouts(began: number): void {
    const { random, livemode } = this.#world;
    for (let at = began + 7 * day; at < this.#now; at += 7 * day) {
      const age = this.#now - at;
      const status =
        age < day ? "pending" : age < 2 * day ? "in_transit" : random.chance(0.02) ? "failed" : "paid";
      const payout = makePayout(random, {
        created: at,
        amount: random.int(200_000, 3_000_000),
        currency: "usd",
        status,
        livemode,
      });
      this.#world.payouts.put(payout);
      this.#event("payout.created", at, payout);
      if (status === "paid") this.#event("payout.paid", at + 2 * day, payout);
    }
  }

  /** Stripe keeps events for thirty days: older ones were never there for us. */
  #event(type: string, at: number, object: EventObject, previous?: Record<string, unknown>): void {
    if (this.#now - at >= 30 * day || at > this.#now) return;
    const { random, livemode, events } = this.#world;
    events.put(makeEvent(random, { type, created: at, livemode, object, previous }));
  }
}

function outcomeOf(status: Status, random: Random): "paid" | "failed" | "written_off" | "void" | "draft" {
  if (status === "past_due" || status === "incomplete") return "failed";
  if (status === "unpaid") return random.chance(0.5) ? "written_off" : "failed";
  if (status === "incomplete_expired") return "void";
  if (status === "paused") return "paid";
  return status === "active" && random.chance(0.01) ? "draft" : "paid";
}
