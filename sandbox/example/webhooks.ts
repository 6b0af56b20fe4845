// What became of each webhook at the company's endpoint. Events that nobody planted anything on arrived and were handled.

import type Stripe from "stripe";
import type { Cause } from "../../lib/db/schema.ts";
import { apiVersion, type WireEvent } from "../world/event.ts";
import { Random } from "../world/random.ts";
import type { World } from "../world/world.ts";
import { Dice } from "./dice.ts";
import type { Row } from "./load.ts";

/** The endpoint answered nothing for eighteen hours, until this morning. Stripe's retries caught up on most of it. */
const outageBeganHoursAgo = 21;
const outageEndedHoursAgo = 3;

/** The company's endpoint, as its Stripe account lists it. Nobody answers there: what happens later stays undelivered. */
export function companyEndpoint(world: World): Stripe.WebhookEndpoint {
  return {
    id: new Random(world.seed + 13).id("we_1", 23),
    object: "webhook_endpoint",
    api_version: apiVersion,
    application: null,
    created: world.account.created ?? 0,
    description: "Billing of the app",
    enabled_events: ["*"],
    livemode: world.livemode,
    metadata: {},
    status: "enabled",
    url: "https://api.acme.example/webhooks/stripe",
  };
}

type Fate = Extract<Cause, "webhook_undelivered" | "webhook_lost" | "handler_failed">;

export class Webhooks {
  readonly #world: World;
  readonly #nowMs: number;
  readonly #dice: Dice;
  readonly #fates = new Map<string, Fate>();
  readonly #byObject = new Map<string, WireEvent[]>();

  constructor(world: World, seed: number, now: Date) {
    this.#world = world;
    this.#nowMs = now.getTime();
    this.#dice = new Dice(seed, "webhooks");
    for (const event of world.events.values()) {
      const { id } = event.data.object;
      const events = this.#byObject.get(id);
      if (events) events.push(event);
      else this.#byObject.set(id, [event]);
    }
    for (const events of this.#byObject.values()) events.sort((a, b) => a.created - b.created);
  }

  /** The last event about an object that Stripe still keeps; `suffix` wants one of a kind, as ".created". */
  latest(objectId: string, suffix = ""): WireEvent | undefined {
    return this.#byObject.get(objectId)?.findLast((event) => event.type.endsWith(suffix));
  }

  /** Lets an object's event go wrong, and answers how. Without an event that Stripe still keeps nobody can tell any more. */
  goWrong(event: WireEvent | undefined): Cause {
    if (!event) return "unknown";
    const known = this.#fates.get(event.id);
    if (known) return known;
    const fate: Fate = this.duringOutage(event)
      ? "webhook_undelivered"
      : this.#dice.pick([
          "webhook_undelivered",
          "webhook_lost",
          "webhook_lost",
          "handler_failed",
          "handler_failed",
        ]);
    this.#fates.set(event.id, fate);
    return fate;
  }

  /** Whether any of the object's events went wrong. */
  wentWrong(objectId: string): boolean {
    return this.#byObject.get(objectId)?.some((event) => this.#fates.has(event.id)) ?? false;
  }

  duringOutage(event: WireEvent): boolean {
    const hoursAgo = (this.#nowMs / 1000 - event.created) / 3600;
    return hoursAgo <= outageBeganHoursAgo && hoursAgo > outageEndedHoursAgo;
  }

  /** Tells Stripe's side which events it could not deliver, and answers the rows of the company's own log. */
  settle(): Row[] {
    this.#world.webhookEndpoints.put(companyEndpoint(this.#world));
    const dice = new Dice(this.#world.account.id, "deliveries");
    const log: Row[] = [];
    for (const event of [...this.#world.events.values()]) {
      const fate = this.#fates.get(event.id);
      const pending = fate === "webhook_undelivered" ? 1 : 0;
      if (event.pending_webhooks !== pending) this.#world.events.put({ ...event, pending_webhooks: pending });
      if (fate === "webhook_undelivered" || fate === "webhook_lost") continue;
      const sentMs = this.duringOutage(event)
        ? this.#nowMs - outageEndedHoursAgo * 3_600_000 + dice.int(1, 40) * 60_000
        : event.created * 1000;
      const receivedMs = sentMs + dice.int(400, 3_000);
      const failed = fate === "handler_failed";
      log.push({
        event_id: event.id,
        type: event.type,
        received_at: new Date(receivedMs),
        processed_at: failed ? null : new Date(receivedMs + dice.int(20, 900)),
        error: failed ? dice.pick(handlerErrors) : null,
      });
    }
    return log;
  }
}

const handlerErrors = [
  "TypeError: Cannot read properties of undefined (reading 'plan')",
  "deadlock detected",
  "canceling statement due to statement timeout",
  'invalid input value for enum subscription_state: "incomplete_expired"',
];
