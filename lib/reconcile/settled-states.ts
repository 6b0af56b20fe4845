import type Stripe from "stripe";
import type { StripeObject, StripeObjects, StripeType } from "../config/resource.ts";

/**
 * Since when an object has been in a final state, in Unix seconds; null when it is not. Final says that the state does
 * not change in the ordinary course of things, not that nothing does: each line below names what still can.
 */
export function finalSince(object: StripeObject): number | null {
  // Each type's function takes that type's objects.
  const since = finalStates[object.object as StripeType] as (object: StripeObject) => number | null;
  return since(object);
}

/** Where Stripe does not date the final state, the object's beginning has to do. */
const finalStates: { [K in StripeType]: (object: StripeObjects[K]) => number | null } = {
  customer: () => null,
  // Both are where a subscription ends; a new one begins instead. Metadata can still be written.
  subscription: ({ status, ended_at: ended, created }) =>
    status === "canceled" || status === "incomplete_expired" ? (ended ?? created) : null,
  // An uncollectible one can still be paid. A paid one still takes credit notes, and metadata.
  invoice: ({ status, status_transitions: at, created }) => {
    if (status === "paid") return at.paid_at ?? created;
    return status === "void" ? (at.voided_at ?? created) : null;
  },
  // One that is not captured is a reservation. Refunds, disputes and metadata change a succeeded one, not its status.
  charge: ({ status, captured, created }) =>
    status === "failed" || (status === "succeeded" && captured) ? created : null,
  // Refunds and disputes are its charge's. Metadata and the description can be written.
  payment_intent: ({ status, canceled_at: canceled, created }) => {
    if (status === "canceled") return canceled ?? created;
    return status === "succeeded" ? created : null;
  },
  // A bank may return a succeeded one within about a month, which makes it fail.
  refund: ({ status, created }) =>
    status === "succeeded" || status === "failed" || status === "canceled" ? created : null,
  // A lost one may be appealed: it is under review again then. An inquiry closes for good.
  dispute: (dispute) =>
    dispute.status === "won" || dispute.status === "lost" || dispute.status === "warning_closed"
      ? lastMovement(dispute)
      : null,
  // A bank may return a paid one within five working days of its arrival, which makes it fail.
  payout: ({ status, arrival_date: arrival, created }) =>
    status === "paid" || status === "failed" || status === "canceled" ? Math.max(arrival, created) : null,
};

/**
 * The other states, where Stripe lists objects by their state: what is not final among settled objects need not be asked
 * for one by one then.
 */
export const listedStates: { readonly [K in StripeType]?: readonly string[] } = {
  subscription: ["active", "trialing", "past_due", "unpaid", "paused", "incomplete"],
  invoice: ["draft", "open", "uncollectible"],
};

/** When money was taken or given back because of a dispute, the last time. */
const lastMovement = (dispute: Stripe.Dispute): number =>
  Math.max(dispute.created, ...dispute.balance_transactions.map((movement) => movement.created));
