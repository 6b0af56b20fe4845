import type Stripe from "stripe";
import type { Random } from "./random.ts";

export const apiVersion = "2026-10-28.endive";

/** The kinds of object that events of ours are about. */
export type EventObject =
  | Stripe.Customer
  | Stripe.Subscription
  | Stripe.Invoice
  | Stripe.Charge
  | Stripe.PaymentIntent
  | Stripe.Refund
  | Stripe.Dispute
  | Stripe.Payout;

type OurEvent = Extract<Stripe.Event, { data: { object: EventObject } }>;
export type EventType = OurEvent["type"];
/** What events of a type are about: the package's types decide, so that no event carries another kind of object. */
export type ObjectOf<T extends EventType> = Extract<OurEvent, { type: T }>["data"]["object"];

/** An event as it goes over the wire. Stripe's own type is a union over some hundred names; ours are picked at run time. */
export interface WireEvent extends Omit<Stripe.EventBase, "data" | "type"> {
  type: EventType;
  data: { object: EventObject; previous_attributes?: Record<string, unknown> };
}

export interface EventFacts<T extends EventType> {
  type: T;
  created: number;
  livemode: boolean;
  object: ObjectOf<T>;
  /** What changed, with the values from before. Nested objects hold only what changed in them. */
  previous?: Record<string, unknown> | undefined;
  /** Endpoints that have not taken it yet. */
  pendingWebhooks: number;
}

export function makeEvent<T extends EventType>(random: Random, facts: EventFacts<T>): WireEvent {
  return {
    id: random.id("evt_1", 23),
    object: "event",
    api_version: apiVersion,
    created: facts.created,
    data: { object: facts.object, ...(facts.previous && { previous_attributes: facts.previous }) },
    livemode: facts.livemode,
    pending_webhooks: facts.pendingWebhooks,
    request: { id: null, idempotency_key: null },
    type: facts.type,
  };
}
