import type Stripe from "stripe";
import type { Dice } from "../dice.ts";
import type { Ledger } from "../planter.ts";
import { type CheckoutRow, inMajor, type PaymentRow, type RefundRow } from "../rows.ts";
import { nextNumber, structuralStories } from "./structure.ts";

export function paymentLedger(
  rows: PaymentRow[],
  objects: ReadonlyMap<string, Stripe.Charge>,
  dice: Dice,
): Ledger<Stripe.Charge, PaymentRow> {
  return {
    resource: "payments",
    rows,
    objectOf: (row) => objects.get(row.stripe_charge_id),
    keyOf: (row) => row.id,
    stories: [
      {
        kind: "mismatch",
        weight: 5,
        origin: "webhook",
        why: "Refunded in the Stripe Dashboard; the payment here knows nothing of it.",
        happensTo: (c) => c.amount_refunded > 0,
        tell: (_, row) => {
          row.amount_refunded = 0;
          return { fields: ["amount_refunded"], impact: "money" };
        },
      },
      {
        kind: "mismatch",
        weight: 3,
        origin: "webhook",
        why: "Went through at the second try; failed here.",
        happensTo: (c) => c.status === "succeeded",
        tell: (_, row) => {
          Object.assign(row, { status: "failed", captured: false });
          return { fields: ["captured", "status"], impact: "other" };
        },
      },
      {
        kind: "mismatch",
        weight: 2,
        origin: "none",
        why: "An old import forgot the tax.",
        happensTo: (c) => c.amount > 1_000,
        tell: (c, row) => {
          row.amount = inMajor(Math.floor(c.amount / 1.21), c.currency);
          return { fields: ["amount"], impact: "money" };
        },
      },
      ...structuralStories<Stripe.Charge, PaymentRow>({
        rows,
        mapped: ["status", "amount", "amount_refunded", "currency", "captured", "card_brand"],
        copy: (row, stripeId = row.stripe_charge_id) => ({
          ...row,
          id: dice.uuid(),
          stripe_charge_id: stripeId,
        }),
        keyOf: (row) => row.id,
        newStripeId: () => dice.id("ch", 24),
        why: {
          lost: "The money came; nobody here knows.",
          stray: "Booked here by hand, never charged.",
          twice: "One charge was booked twice.",
        },
      }),
    ],
  };
}

export function refundLedger(
  rows: RefundRow[],
  objects: ReadonlyMap<string, Stripe.Refund>,
  dice: Dice,
): Ledger<Stripe.Refund, RefundRow> {
  return {
    resource: "refunds",
    rows,
    objectOf: (row) => objects.get(row.stripe_refund_id),
    keyOf: (row) => String(row.id),
    stories: [
      {
        kind: "mismatch",
        weight: 3,
        origin: "webhook",
        why: "The bank has paid it out; still pending here.",
        happensTo: (r) => r.status === "succeeded",
        tell: (_, row) => {
          row.status = "pending";
          return { fields: ["status"], impact: "other", before: { status: "pending" } };
        },
      },
      {
        kind: "mismatch",
        weight: 1,
        origin: "edit",
        why: "Somebody wrote down the wrong amount.",
        happensTo: (r) => r.amount > 10,
        tell: (r, row) => {
          row.amount = r.amount - dice.int(1, 9);
          return { fields: ["amount"], impact: "money" };
        },
      },
      ...structuralStories<Stripe.Refund, RefundRow>({
        rows,
        mapped: ["charge", "status", "amount", "currency", "reason"],
        copy: (row, stripeId = row.stripe_refund_id) => ({
          ...row,
          id: nextNumber(rows),
          stripe_refund_id: stripeId,
        }),
        keyOf: (row) => String(row.id),
        newStripeId: () => dice.id("re", 24),
        why: {
          lost: "Refunded in the Stripe Dashboard; never booked here.",
          stray: "Promised and booked, but never refunded.",
        },
      }),
    ],
  };
}

export function checkoutLedger(
  rows: CheckoutRow[],
  objects: ReadonlyMap<string, Stripe.PaymentIntent>,
  dice: Dice,
): Ledger<Stripe.PaymentIntent, CheckoutRow> {
  return {
    resource: "checkouts",
    rows,
    objectOf: (row) => objects.get(row.payment_intent),
    keyOf: (row) => String(row.id),
    stories: [
      {
        kind: "mismatch",
        weight: 3,
        origin: "webhook",
        why: "Paid; the order still waits.",
        happensTo: (p) => p.status === "succeeded" && p.amount_received > 0,
        tell: (_, row) => {
          Object.assign(row, { state: "processing", received: 0 });
          return { fields: ["received", "state"], impact: "money" };
        },
      },
      {
        kind: "mismatch",
        weight: 1,
        origin: "none",
        why: "The clock of one server was an hour off.",
        happensTo: () => true,
        tell: (p, row) => {
          row.started_at = new Date((p.created + 3_600) * 1000).toISOString().slice(0, 19);
          return { fields: ["started_at"], impact: "other" };
        },
      },
      ...structuralStories<Stripe.PaymentIntent, CheckoutRow>({
        rows,
        mapped: ["state", "amount", "received", "currency", "started_at"],
        copy: (row, stripeId = row.payment_intent) => ({
          ...row,
          id: nextNumber(rows),
          payment_intent: stripeId,
        }),
        keyOf: (row) => String(row.id),
        newStripeId: () => dice.id("pi", 24),
        why: {
          lost: "The checkout was never saved.",
          stray: "From Stripe's test mode.",
          twice: "Saved twice.",
        },
      }),
    ],
  };
}
