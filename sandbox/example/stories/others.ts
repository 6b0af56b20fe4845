// Disputes, payouts and customers' billing profiles.
import type Stripe from "stripe";
import type { Dice } from "../dice.ts";
import type { Ledger } from "../planter.ts";
import { type DisputeRow, disputeStatusOf, type PayoutRow, type ProfileRow, utc } from "../rows.ts";
import { nextNumber, structuralStories } from "./structure.ts";

export function disputeLedger(
  rows: DisputeRow[],
  objects: ReadonlyMap<string, Stripe.Dispute>,
  dice: Dice,
): Ledger<Stripe.Dispute, DisputeRow> {
  return {
    resource: "disputes",
    rows,
    objectOf: (row) => objects.get(row.stripe_dispute_id),
    keyOf: (row) => row.id,
    stories: [
      {
        kind: "mismatch",
        weight: 3,
        origin: "webhook",
        why: "The bank has decided; still under review here.",
        happensTo: (d) => ["won", "lost", "closed"].includes(disputeStatusOf(d)),
        tell: (_, row) => {
          row.status = "under_review";
          return { fields: ["status"], impact: "other" };
        },
      },
      {
        kind: "mismatch",
        weight: 2,
        origin: "edit",
        why: "The deadline was put off here; the bank's stands.",
        happensTo: (d) => d.evidence_details.due_by !== null,
        tell: (d, row) => {
          row.due_by = `${utc((d.evidence_details.due_by ?? 0) + 7 * 86_400)}Z`;
          return { fields: ["due_by"], impact: "other" };
        },
      },
      ...structuralStories<Stripe.Dispute, DisputeRow>({
        rows,
        mapped: ["charge", "status", "amount", "currency", "reason", "due_by"],
        copy: (row, stripeId = row.stripe_dispute_id) => ({
          ...row,
          id: `CASE-${dice.int(50_000, 99_999)}`,
          stripe_dispute_id: stripeId,
        }),
        keyOf: (row) => row.id,
        newStripeId: () => dice.id("du", 24),
        why: {
          lost: "A customer disputed a payment, and nobody here has seen it.",
          stray: "A case that the bank withdrew in the previous account.",
        },
      }),
    ],
  };
}

export function payoutLedger(
  rows: PayoutRow[],
  objects: ReadonlyMap<string, Stripe.Payout>,
  dice: Dice,
): Ledger<Stripe.Payout, PayoutRow> {
  return {
    resource: "payouts",
    rows,
    objectOf: (row) => objects.get(row.payout_id),
    keyOf: (row) => row.payout_id,
    stories: [
      {
        kind: "mismatch",
        weight: 2,
        origin: "webhook",
        why: "The money is at the bank; still on its way here.",
        happensTo: (p) => p.status === "paid",
        tell: (_, row) => {
          row.state = "in_transit";
          return { fields: ["state"], impact: "other", before: { status: "in_transit" } };
        },
      },
      ...structuralStories<Stripe.Payout, PayoutRow>({
        rows,
        mapped: ["state", "amount", "currency", "arrives_on", "automatic"],
        copy: (row, stripeId = dice.id("po", 24)) => ({ ...row, payout_id: stripeId }),
        keyOf: (row) => row.payout_id,
        newStripeId: () => dice.id("po", 24),
        why: { lost: "Paid out; never booked here.", stray: "Booked for a payout that never happened." },
      }),
    ],
  };
}

export function profileLedger(
  rows: ProfileRow[],
  objects: ReadonlyMap<string, Stripe.Customer>,
  dice: Dice,
): Ledger<Stripe.Customer, ProfileRow> {
  return {
    resource: "customers",
    rows,
    objectOf: (row) => objects.get(row.stripe_customer_id),
    keyOf: (row) => String(row.id),
    stories: [
      {
        kind: "mismatch",
        weight: 2,
        origin: "edit",
        why: "The address was changed here only.",
        happensTo: (c) => c.email !== null,
        tell: (c, row) => {
          row.email = `new.${c.email}`;
          return { fields: ["email"], impact: "other" };
        },
      },
      {
        kind: "mismatch",
        weight: 1,
        origin: "edit",
        why: "A credit was promised here and not given at Stripe.",
        happensTo: () => true,
        tell: (c, row) => {
          row.balance = c.balance - dice.int(100, 2_000);
          return { fields: ["balance"], impact: "money" };
        },
      },
      {
        kind: "mismatch",
        weight: 1,
        origin: "none",
        why: "An import forgot who owes.",
        happensTo: (c) => c.delinquent === true,
        tell: (_, row) => {
          row.delinquent = null;
          return { fields: ["delinquent"], impact: "other" };
        },
      },
      {
        kind: "mismatch",
        weight: 1,
        origin: "edit",
        why: "Metadata was added here only.",
        happensTo: () => true,
        tell: (c, row) => {
          row.metadata = JSON.stringify({ ...c.metadata, segment: "smb" });
          return { fields: ["metadata"], impact: "other" };
        },
      },
      ...structuralStories<Stripe.Customer, ProfileRow>({
        rows,
        mapped: ["email", "name", "delinquent", "balance", "metadata"],
        copy: (row, stripeId = row.stripe_customer_id) => ({
          ...row,
          id: nextNumber(rows),
          stripe_customer_id: stripeId,
        }),
        keyOf: (row) => String(row.id),
        newStripeId: () => dice.id("cus"),
        why: { lost: "Never saved here.", stray: "Deleted at Stripe long ago.", twice: "Saved twice." },
      }),
    ],
  };
}
