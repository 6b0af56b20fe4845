// What became of each webhook at the company's endpoint. Events that nobody planted anything on arrived and were handled.

import type Stripe from "stripe";
import type { Cause } from "../../lib/db/schema.ts";
import { apiVersion, type EventType, type WireEvent } from "../world/event.ts";
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

/** What a row missed, as Stripe tells it. */
export interface Change {
  /** Attributes of the object as they were before: what the row is stuck in. */
  before?: Record<string, unknown> | undefined;
  /** Another of the customer's objects, whose event came last. */
  overwrittenBy?: string | undefined;
}

export interface Missed {
  cause: Cause;
  /** When the handler wrote what it should not have written any more. */
  writtenAt?: Date;
}

/** Stripe tries again for so long. */
const triesForSeconds = 3 * 86_400;

export class Webhooks {
  readonly #world: World;
  readonly #nowMs: number;
  readonly #dice: Dice;
  readonly #missed: Dice;
  readonly #fates = new Map<string, Fate>();
  /** By object: what else goes wrong with it goes wrong in the same way. */
  readonly #fateOf = new Map<string, Fate | "order">();
  /** Events that were processed in the wrong order, or right before such a one. */
  readonly #processed = new Map<string, Date>();
  readonly #byObject = new Map<string, WireEvent[]>();

  constructor(world: World, seed: number, now: Date) {
    this.#world = world;
    this.#nowMs = now.getTime();
    this.#dice = new Dice(seed, "webhooks");
    this.#missed = new Dice(seed, "missed");
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

  /**
   * Lets a change of an object go wrong, and answers how. Where the mapping's columns cannot be told from the events that
   * happened by chance, Stripe has one that says what changed.
   */
  miss(event: WireEvent | undefined, change: Change): Missed {
    if (!event) return { cause: "unknown" };
    if (change.overwrittenBy !== undefined) return this.#overwrite(event, change.overwrittenBy);
    if (change.before === undefined) return { cause: this.goWrong(event) };
    const { id } = event.data.object;
    const told = isTheEnd(event) ? event : this.#tell(event, change.before);
    const known = this.#fateOf.get(id) ?? this.#fates.get(told.id);
    const fate = this.duringOutage(told)
      ? "webhook_undelivered"
      : (known ??
        this.#missed.pick(["webhook_undelivered", "webhook_lost", "handler_failed", "order"] as const));
    this.#fateOf.set(id, fate);
    const overtaken = fate === "order" && this.#overtake(told, change.before);
    if (overtaken) return overtaken;
    if (!isTheEnd(event) || this.#before(event)) this.#amend(told, change.before);
    this.#fates.set(told.id, fate === "order" ? "handler_failed" : fate);
    return { cause: fate === "order" ? "handler_failed" : fate };
  }

  /** An event of its own for what changed, after all that happened. */
  #tell(latest: WireEvent, before: Record<string, unknown>): WireEvent {
    const at = Math.min(latest.created + this.#missed.int(120, 1_800), this.#nowMs / 1000 - 400);
    return this.#add({
      ...latest,
      created: Math.max(Math.floor(at), latest.created + 1),
      type: updatedTypes[latest.data.object.object] ?? latest.type,
      data: { object: latest.data.object, previous_attributes: before },
    });
  }

  #add(event: WireEvent): WireEvent {
    const added = { ...event, id: this.#missed.id("evt_1", 23) };
    this.#world.events.put(added);
    const events = this.#byObject.get(added.data.object.id) ?? [];
    const place = events.findLastIndex((other) => other.created <= added.created) + 1;
    events.splice(place, 0, added);
    return added;
  }

  #before(event: WireEvent): WireEvent | undefined {
    const events = this.#byObject.get(event.data.object.id) ?? [];
    return events[events.findIndex((other) => other.id === event.id) - 1];
  }

  /** The event before it says what the row is stuck in. */
  #amend(event: WireEvent, before: Record<string, unknown>): void {
    const previous = this.#before(event);
    if (!previous || this.#processed.has(previous.id)) return;
    const object = { ...previous.data.object, ...before } as WireEvent["data"]["object"];
    const amended = { ...previous, data: { ...previous.data, object } };
    this.#world.events.put(amended);
    const events = this.#byObject.get(object.id) ?? [];
    events[events.findIndex((other) => other.id === previous.id)] = amended;
  }

  /** An earlier event is processed after this one, and writes what was true before it. */
  #overtake(event: WireEvent, before: Record<string, unknown>): Missed | null {
    const at = event.created - this.#missed.int(2, 60);
    const previous = this.#before(event);
    const tooEarly = at <= (previous?.created ?? this.#nowMs / 1000 - 29 * 86_400);
    if (tooEarly || this.duringOutage(event)) return null;
    const object = { ...event.data.object, ...before } as WireEvent["data"]["object"];
    const type = updatedTypes[object.object] ?? event.type;
    const earlier = this.#add({
      ...event,
      type,
      created: at,
      data: { object, previous_attributes: { metadata: { note: null } } },
    });
    return this.#swap(earlier, event);
  }

  #overwrite(event: WireEvent, otherId: string): Missed {
    const other = this.latest(otherId);
    const told =
      other &&
      other.created < event.created &&
      event.created - other.created < triesForSeconds &&
      ![event, other].some(
        (one) => this.#fates.has(one.id) || this.#processed.has(one.id) || this.duringOutage(one),
      );
    return told ? this.#swap(other, event) : { cause: "unknown" };
  }

  #swap(earlier: WireEvent, later: WireEvent): Missed {
    const right = later.created * 1000 + this.#missed.int(900, 3_000);
    const writtenAt = new Date(right + this.#missed.int(2_000, 90_000));
    this.#processed.set(later.id, new Date(right));
    this.#processed.set(earlier.id, writtenAt);
    return { cause: "handler_failed", writtenAt };
  }

  /** When the company's code was certainly done with an object's events. */
  doneWith(objectId: string): number {
    const done = (event: WireEvent) =>
      this.duringOutage(event)
        ? this.#nowMs - outageEndedHoursAgo * 3_600_000 + 41 * 60_000
        : event.created * 1000;
    return Math.max(0, ...(this.#byObject.get(objectId) ?? []).map((event) => done(event) + 5 * 60_000));
  }

  /** Whether any of the object's events went wrong. */
  wentWrong(objectId: string): boolean {
    return (
      this.#byObject
        .get(objectId)
        ?.some((event) => this.#fates.has(event.id) || this.#processed.has(event.id)) ?? false
    );
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
      const processed = this.#processed.get(event.id) ?? new Date(receivedMs + dice.int(20, 900));
      log.push({
        event_id: event.id,
        type: event.type,
        received_at: new Date(Math.min(receivedMs, processed.getTime() - 20)),
        processed_at: failed ? null : processed,
        error: failed ? dice.pick(handlerErrors) : null,
      });
    }
    return log;
  }
}

/** Nothing happens to the object any more: the change that was missed is this one. */
const isTheEnd = ({ type }: WireEvent) => /\.(deleted|paid|closed)$/.test(type);

const updatedTypes: Record<string, EventType> = {
  subscription: "customer.subscription.updated",
  refund: "refund.updated",
  payout: "payout.updated",
  invoice: "invoice.updated",
};

const handlerErrors = [
  "TypeError: Cannot read properties of undefined (reading 'plan')",
  "deadlock detected",
  "canceling statement due to statement timeout",
  'invalid input value for enum subscription_state: "incomplete_expired"',
];
