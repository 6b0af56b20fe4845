// What Stripe's events say about the objects that can be mapped: which kinds of event can mean that one changed, and
// which objects and customers an event is about. What is in an event is as old as the event; it only names what to read.
import type Stripe from "stripe";
import type { Resource, StripeType } from "../config/resource.ts";

export type EventType = Stripe.Event.Type;

/** A list of events takes so many types. */
export const typesPerList = 20;
/** Stripe lists an event a moment after it happened, and has more than one clock: that much is listed twice. */
export const eventOverlapMs = 5 * 60_000;
/** Stripe forgets after that long. */
export const eventsKeptMs = 30 * 86_400_000;
/** An hour less is worth beginning with: the oldest must not be gone by the time they are listed. */
export const eventsInReachMs = eventsKeptMs - 3_600_000;

/** The names in the package's own union that begin so. */
type Named<Prefix extends string> = Extract<EventType, `${Prefix}.${string}`>;

const subscriptionEvents = [
  "customer.subscription.created",
  "customer.subscription.deleted",
  "customer.subscription.paused",
  "customer.subscription.pending_update_applied",
  "customer.subscription.pending_update_expired",
  "customer.subscription.resumed",
  "customer.subscription.trial_will_end",
  "customer.subscription.updated",
] as const satisfies readonly Named<"customer.subscription">[];

const discountEvents = [
  "customer.discount.created",
  "customer.discount.deleted",
  "customer.discount.updated",
] as const satisfies readonly Named<"customer.discount">[];

const customerEvents = [
  "customer.created",
  "customer.deleted",
  "customer.updated",
  ...discountEvents,
  "customer.source.created",
  "customer.source.deleted",
  "customer.source.expiring",
  "customer.source.updated",
  "customer.tax_id.created",
  "customer.tax_id.deleted",
  "customer.tax_id.updated",
] as const satisfies readonly Exclude<Named<"customer">, Named<"customer.subscription">>[];

const invoiceEvents = [
  "invoice.created",
  "invoice.deleted",
  "invoice.finalization_failed",
  "invoice.finalized",
  "invoice.marked_uncollectible",
  "invoice.overdue",
  "invoice.overpaid",
  "invoice.paid",
  "invoice.payment_action_required",
  "invoice.payment_attempt_required",
  "invoice.payment_failed",
  "invoice.payment_succeeded",
  "invoice.sent",
  "invoice.updated",
  "invoice.voided",
  "invoice.will_be_due",
] as const satisfies readonly Named<"invoice">[];
/** Of an invoice that is not there yet. */
type Unborn = "invoice.upcoming";

const disputeEvents = [
  "charge.dispute.closed",
  "charge.dispute.created",
  "charge.dispute.funds_reinstated",
  "charge.dispute.funds_withdrawn",
  "charge.dispute.updated",
] as const satisfies readonly Named<"charge.dispute">[];

const refundEvents = [
  "charge.refund.updated",
  "refund.created",
  "refund.failed",
  "refund.updated",
] as const satisfies readonly (Named<"refund"> | Named<"charge.refund">)[];

const chargeEvents = [
  "charge.captured",
  "charge.expired",
  "charge.failed",
  "charge.pending",
  "charge.refunded",
  "charge.succeeded",
  "charge.updated",
] as const satisfies readonly Exclude<Named<"charge">, Named<"charge.dispute"> | Named<"charge.refund">>[];

const paymentIntentEvents = [
  "payment_intent.amount_capturable_updated",
  "payment_intent.canceled",
  "payment_intent.created",
  "payment_intent.partially_funded",
  "payment_intent.payment_failed",
  "payment_intent.processing",
  "payment_intent.requires_action",
  "payment_intent.succeeded",
] as const satisfies readonly Named<"payment_intent">[];

const payoutEvents = [
  "payout.canceled",
  "payout.created",
  "payout.failed",
  "payout.paid",
  "payout.reconciliation_completed",
  "payout.updated",
] as const satisfies readonly Named<"payout">[];

type Listed =
  | (typeof subscriptionEvents)[number]
  | (typeof customerEvents)[number]
  | (typeof invoiceEvents)[number]
  | (typeof disputeEvents)[number]
  | (typeof refundEvents)[number]
  | (typeof chargeEvents)[number]
  | (typeof paymentIntentEvents)[number]
  | (typeof payoutEvents)[number];
// A package that knows more of them does not compile until somebody has decided about each.
true satisfies [
  Exclude<Named<"customer" | "invoice" | "charge" | "refund" | "payment_intent" | "payout">, Listed | Unborn>,
] extends [never]
  ? true
  : never;

/** By kind of object, the events that can mean that one of them changed; also those of another that it names. */
const eventsOf: Record<StripeType, readonly EventType[]> = {
  customer: customerEvents,
  subscription: [...subscriptionEvents, ...discountEvents],
  invoice: [
    ...invoiceEvents,
    "credit_note.created",
    "credit_note.updated",
    "credit_note.voided",
    "invoice_payment.paid",
  ],
  // Money that goes back changes the charge as well.
  charge: [...chargeEvents, ...refundEvents, ...disputeEvents],
  payment_intent: paymentIntentEvents,
  refund: refundEvents,
  dispute: disputeEvents,
  payout: payoutEvents,
};

/** What an object may be expanded by so that each change of it is told by an event that names the object, or its customer. */
const followed: Partial<Record<StripeType, readonly string[]>> = {
  customer: ["discount", "sources", "tax_ids"],
  subscription: ["discounts"],
  invoice: ["payments", "payments.data.payment"],
  charge: ["refunds"],
};

/** The parts of a mapping that decide what it hears of. */
type Mapped = Pick<Resource, "stripe" | "expand" | "match">;

/** Whether a customer's change alone can change what the resource's rows should hold. */
export const followsCustomers = ({ stripe, expand }: Mapped): boolean =>
  stripe !== "customer" && expand.includes("customer");

/** What the mapping expands that can change without an event that says whose it is. */
export const unfollowed = ({ stripe, expand }: Mapped): string[] =>
  expand.filter((path) => path !== "customer" && !followed[stripe]?.includes(path));

/** Whether something that the resource maps can change without any event: a payment intent has none for being updated. */
export const isSilent = (resource: Mapped): boolean =>
  resource.stripe === "payment_intent" || unfollowed(resource).length > 0;

/** The events that can mean that a row of the resource should hold something else by now. */
export function eventTypesFor(resource: Mapped): EventType[] {
  const customers = followsCustomers(resource) ? customerEvents : [];
  return [...new Set([...eventsOf[resource.stripe], ...customers])].sort();
}

/** What an event names. */
export interface Subject {
  /** Of the kind that was asked about: the object itself, or one that it names. */
  objects: string[];
  /** Whose it is, and whose it was before. */
  customers: string[];
}

type Properties = Readonly<Record<string, unknown>>;

/** Which objects of a kind, and which customers, an event is about. */
export function subjectOf(event: Stripe.Event, type: StripeType): Subject {
  const object = event.data.object as unknown as Properties;
  const previous = (event.data.previous_attributes ?? {}) as Properties;
  const itself = (kind: StripeType) => (object.object === kind ? [object.id] : []);
  const named = (kind: StripeType) => [...itself(kind), object[kind], previous[kind]].flatMap(idOf);
  return {
    objects: [...new Set(named(type))],
    customers: [...new Set(named("customer"))],
  };
}

/** The id of what Stripe may have expanded. */
function idOf(value: unknown): string[] {
  if (typeof value === "string") return value === "" ? [] : [value];
  return value !== null && typeof value === "object" && "id" in value ? idOf(value.id) : [];
}
