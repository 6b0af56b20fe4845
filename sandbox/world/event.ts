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

/** An event as it goes over the wire. Stripe's own type is a union over some hundred names; ours are picked at run time. */
export interface WireEvent extends Omit<Stripe.EventBase, "data" | "type"> {
  type: string;
  data: { object: EventObject; previous_attributes?: Record<string, unknown> };
}

export function makeEvent(
  random: Random,
  facts: {
    type: string;
    created: number;
    livemode: boolean;
    object: EventObject;
    previous?: Record<string, unknown> | undefined;
    /** Endpoints that have not taken it yet. */
    pendingWebhooks?: number | undefined;
  },
): WireEvent {
  return {
    id: random.id("evt", 24),
    object: "event",
    api_version: apiVersion,
    created: facts.created,
    data: { object: facts.object, ...(facts.previous && { previous_attributes: facts.previous }) },
    livemode: facts.livemode,
    pending_webhooks: facts.pendingWebhooks ?? 0,
    request: { id: null, idempotency_key: null },
    type: facts.type,
  };
}
