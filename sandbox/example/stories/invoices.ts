import type Stripe from "stripe";
import type { Dice } from "../dice.ts";
import type { Ledger } from "../planter.ts";
import { type InvoiceRow, inMajor } from "../rows.ts";
import { nextNumber, structuralStories } from "./structure.ts";

type I = Stripe.Invoice;

export function invoiceLedger(
  rows: InvoiceRow[],
  objects: ReadonlyMap<string, I>,
  dice: Dice,
): Ledger<I, InvoiceRow> {
  const paid = (i: I) => i.status === "paid" && i.amount_paid > 0;
  return {
    resource: "invoices",
    rows,
    objectOf: (row) => objects.get(row.stripe_invoice_id),
    keyOf: (row) => String(row.id),
    stories: [
      {
        kind: "mismatch",
        weight: 6,
        origin: "webhook",
        why: "Paid at Stripe; still dunned for here.",
        happensTo: paid,
        tell: (_, row) => {
          Object.assign(row, { status: "open", paid: false, amount_paid: "0.00" });
          return { fields: ["amount_paid", "paid", "status"], impact: "money" };
        },
      },
      {
        kind: "mismatch",
        weight: 3,
        origin: "webhook",
        why: "Written off or voided at Stripe; open here.",
        happensTo: (i) => i.status === "void" || i.status === "uncollectible",
        tell: (_, row) => {
          row.status = "open";
          return { fields: ["status"], impact: "other" };
        },
      },
      {
        kind: "mismatch",
        weight: 2,
        origin: "edit",
        why: "Marked as paid by hand; nothing was.",
        happensTo: (i) => i.status === "open" && i.amount_due > 0,
        tell: (i, row) => {
          Object.assign(row, { status: "paid", paid: true, amount_paid: inMajor(i.amount_due, i.currency) });
          return { fields: ["amount_paid", "paid", "status"], impact: "money" };
        },
      },
      {
        kind: "mismatch",
        weight: 2,
        origin: "edit",
        why: "The amount due was corrected here only.",
        happensTo: (i) => i.amount_due > 100,
        tell: (i, row) => {
          row.amount_due = i.amount_due - dice.int(1, Math.floor(i.amount_due / 2));
          return { fields: ["amount_due"], impact: "money" };
        },
      },
      {
        kind: "mismatch",
        weight: 1,
        origin: "edit",
        why: "The purchase order number was written here and not at Stripe.",
        happensTo: () => true,
        tell: (_, row) => {
          row.metadata = { ...row.metadata, purchase_order: `PO-${dice.int(10_000, 99_999)}` };
          return { fields: ["metadata"], impact: "other" };
        },
      },
      {
        kind: "mismatch",
        weight: 1,
        origin: "none",
        why: "An import cut the lines off.",
        happensTo: (i) => i.lines.data.length > 0,
        tell: (_, row) => {
          row.lines = [];
          return { fields: ["lines"], impact: "other" };
        },
      },
      {
        kind: "mismatch",
        weight: 1,
        origin: "none",
        why: "An import took the day in the server's zone.",
        happensTo: () => true,
        tell: (i, row) => {
          row.issued_on = new Date((i.created - 86_400) * 1000).toISOString().slice(0, 10);
          return { fields: ["issued_on"], impact: "other" };
        },
      },
      ...structuralStories<I, InvoiceRow>({
        rows,
        mapped: [
          "number",
          "status",
          "amount_due",
          "amount_paid",
          "currency",
          "paid",
          "issued_on",
          "due_date",
          "lines",
          "metadata",
        ],
        copy: (row, stripeId = row.stripe_invoice_id) => ({
          ...row,
          id: nextNumber(rows),
          stripe_invoice_id: stripeId,
        }),
        keyOf: (row) => String(row.id),
        newStripeId: () => dice.id("in", 24),
        why: {
          lost: "Billed at Stripe; accounting here never saw the invoice.",
          stray: "Left over from Stripe's test mode.",
          twice: "An import ran twice.",
        },
      }),
    ],
  };
}
