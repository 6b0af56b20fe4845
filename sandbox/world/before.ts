// What an object was like before what is known of it now: events show it as it was when they happened.
import type Stripe from "stripe";
import { day } from "./times.ts";

/** Before it was finalized. */
export const draftOf = (invoice: Stripe.Invoice): Stripe.Invoice => ({
  ...openOf(invoice),
  effective_at: null,
  ending_balance: null,
  hosted_invoice_url: null,
  invoice_pdf: null,
  number: null,
  payments: invoice.payments && { ...invoice.payments, data: [] },
  status: "draft",
  status_transitions: { finalized_at: null, marked_uncollectible_at: null, paid_at: null, voided_at: null },
  webhooks_delivered_at: null,
});

/** Finalized, and nobody has tried to charge it. */
export const openOf = (invoice: Stripe.Invoice): Stripe.Invoice => ({
  ...invoice,
  amount_paid: 0,
  amount_remaining: invoice.amount_due,
  attempt_count: 0,
  attempted: false,
  auto_advance: true,
  next_payment_attempt: null,
  payments: invoice.payments && {
    ...invoice.payments,
    data: invoice.payments.data.map((payment) => ({
      ...payment,
      amount_paid: null,
      status: "open",
      status_transitions: { canceled_at: null, paid_at: null },
    })),
  },
  status: "open",
  status_transitions: {
    ...invoice.status_transitions,
    marked_uncollectible_at: null,
    paid_at: null,
    voided_at: null,
  },
});

/** The first attempt has failed. */
export const failedOf = (invoice: Stripe.Invoice): Stripe.Invoice =>
  invoice.status === "open" ? invoice : { ...openOf(invoice), attempt_count: 1, attempted: true };

/** Nobody has given it up. */
export const unpaidOf = (intent: Stripe.PaymentIntent): Stripe.PaymentIntent =>
  intent.status === "canceled"
    ? { ...intent, canceled_at: null, cancellation_reason: null, status: "requires_payment_method" }
    : intent;

/** Nobody has canceled it. */
export const runningOf = (
  subscription: Stripe.Subscription,
  status: Stripe.Subscription.Status,
): Stripe.Subscription => ({
  ...subscription,
  cancel_at: null,
  cancel_at_period_end: false,
  canceled_at: null,
  cancellation_details: { comment: null, feedback: null, feedback_option: null, reason: null },
  ended_at: null,
  status,
});

/** In its first period, on its first day. */
export function begunOf(subscription: Stripe.Subscription, firstPeriodEnd: number): Stripe.Subscription {
  const { created, status, trial_end: trialEnd } = subscription;
  const begun = runningOf(
    subscription,
    trialEnd !== null ? "trialing" : status.startsWith("incomplete") ? "incomplete" : "active",
  );
  const data = subscription.items.data.map((item) => ({
    ...item,
    current_period_start: created,
    current_period_end: firstPeriodEnd,
  }));
  return { ...begun, items: { ...subscription.items, data } };
}

/** Nobody has answered the bank. */
export function unansweredOf(dispute: Stripe.Dispute): Stripe.Dispute {
  const inquiry = dispute.status.startsWith("warning");
  return {
    ...dispute,
    balance_transactions: dispute.balance_transactions.slice(0, 1),
    evidence_details: {
      ...dispute.evidence_details,
      due_by: dispute.created + 14 * day,
      has_evidence: false,
      submission_count: 0,
      submission_method: "not_submitted",
    },
    status: inquiry ? "warning_needs_response" : "needs_response",
  };
}

/** Nobody knows that it will fail. */
export function hopefulOf(refund: Stripe.Refund): Stripe.Refund {
  if (refund.status !== "failed") return refund;
  const { failure_balance_transaction: _, failure_reason: __, ...rest } = refund;
  return { ...rest, status: "pending" };
}

/** On its way. */
export const sentOf = (payout: Stripe.Payout): Stripe.Payout => ({
  ...payout,
  failure_balance_transaction: null,
  failure_code: null,
  failure_message: null,
  reconciliation_status: "in_progress",
  status: "pending",
});
