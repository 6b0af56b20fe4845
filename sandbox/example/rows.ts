// A faithful row for each Stripe object, as the company's own webhook handler would have written it. Deliberately not
// the mapping of driftdesk.config.ts: were both one piece of code, the same mistake in both would be found by nobody.
import type Stripe from "stripe";

export type UserRow = {
  id: string;
  email: string;
  name: string;
  stripe_customer_id: string | null;
  subscription_status: string;
  plan: string | null;
  current_period_end: string | null;
  created_at: Date;
  updated_at: Date;
};
export type AccountRow = {
  id: number;
  stripe_subscription_id: string | null;
  stripe_customer_id: string | null;
  customer_email: string | null;
  subscription_status: string;
  plan: string;
  seats: number;
  amount_minor: number | null;
  currency: string | null;
  current_period_end: string | null;
  canceled_at: string | null;
  created_at: Date;
  updated_at: Date;
  deleted_at: Date | null;
};
export type InvoiceRow = {
  id: number;
  stripe_invoice_id: string;
  number: string | null;
  status: string;
  amount_due: number;
  amount_paid: string;
  currency: string;
  paid: boolean;
  issued_on: string;
  due_date: string | null;
  lines: string[];
  metadata: Record<string, string>;
  created_at: Date;
  updated_at: Date;
};
export type PaymentRow = {
  id: string;
  stripe_charge_id: string;
  status: string;
  amount: string;
  amount_refunded: number;
  currency: string;
  captured: boolean;
  card_brand: string | null;
  created_at: Date;
  updated_at: Date;
};
export type RefundRow = {
  id: number;
  stripe_refund_id: string;
  charge: string | null;
  status: string;
  amount: number;
  currency: string;
  reason: string | null;
  created_at: Date;
  updated_at: Date;
};
export type DisputeRow = {
  id: string;
  stripe_dispute_id: string;
  charge: string | null;
  status: string;
  amount: number;
  currency: string;
  reason: string;
  due_by: string | null;
  created_at: Date;
  updated_at: Date;
};
export type PayoutRow = {
  payout_id: string;
  state: string;
  amount: string;
  currency: string;
  arrives_on: string;
  automatic: boolean;
  updated_at: Date;
};
export type ProfileRow = {
  id: number;
  stripe_customer_id: string;
  email: string | null;
  name: string | null;
  delinquent: boolean | null;
  balance: number;
  metadata: string;
  updated_at: Date;
};
export type CheckoutRow = {
  id: number;
  payment_intent: string;
  state: string;
  amount: number;
  received: number;
  currency: string;
  started_at: string | null;
  updated_at: Date;
};

/** What our columns without a zone hold: UTC. */
export const utc = (seconds: number | null | undefined): string | null =>
  seconds === null || seconds === undefined ? null : new Date(seconds * 1000).toISOString().slice(0, 19);
export const day = (seconds: number): string => new Date(seconds * 1000).toISOString().slice(0, 10);
export const idOf = (value: string | { id: string } | null | undefined): string | null =>
  typeof value === "string" ? value : (value?.id ?? null);

const withoutDecimals = new Set(["jpy", "krw", "vnd", "clp"]);
export const inMajor = (minor: number, currency: string): string =>
  withoutDecimals.has(currency) ? String(minor) : (minor / 100).toFixed(2);

export function statusOf(subscription: Stripe.Subscription): string {
  return subscription.status === "incomplete_expired" ? "canceled" : subscription.status;
}

export function disputeStatusOf(dispute: Stripe.Dispute): string {
  const status: string = dispute.status;
  if (status.endsWith("needs_response")) return "needs_response";
  if (status.endsWith("under_review")) return "under_review";
  if (status === "warning_closed") return "closed";
  return status === "prevented" ? "won" : status;
}
