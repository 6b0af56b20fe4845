import type { TransactionSql } from "postgres";
import type { Dispute } from "../db/schema.ts";
import type { Desks } from "../desk.ts";
import { answerable } from "../disputes/answerable.ts";
import type { Raised } from "./alert.ts";

/** So many days before evidence is due people are told, once each. */
const steps = [1, 3, 7] as const;
const dayMs = 24 * 3_600_000;

/** Disputes whose evidence is due soon. Which of the steps were told is known by the alerts' keys. */
export async function dueDisputes(tx: TransactionSql, desk: Pick<Desks, "now">): Promise<Raised[]> {
  const now = desk.now();
  const soon = await tx<(Dispute & { dueAt: Date })[]>`
    SELECT d.account_id AS "accountId", d.id, d.status, d.reason, d.amount_minor AS "amountMinor", d.currency,
           d.charge_id AS "chargeId", d.customer_id AS "customerId", d.due_at AS "dueAt", d.livemode
    FROM driftdesk.disputes d
    WHERE ${answerable(tx)} AND d.due_at > ${now} AND d.due_at <= ${new Date(now.getTime() + Math.max(...steps) * dayMs)}
    ORDER BY d.due_at, d.id`;
  const due = soon.map((dispute): Raised & { kind: "dispute_due" } => {
    const days = steps.find((step) => dispute.dueAt.getTime() - now.getTime() <= step * dayMs) ?? 7;
    const { accountId, id, amountMinor, currency, chargeId, customerId, reason, livemode, dueAt } = dispute;
    return {
      kind: "dispute_due",
      key: `dispute_due ${accountId} ${id} ${dueAt.toISOString()} ${days}`,
      account_id: accountId,
      data: {
        dispute: id,
        amountMinor,
        currency,
        charge: chargeId,
        customer: customerId,
        reason,
        due: dueAt.toISOString(),
        days,
        livemode,
      },
    };
  });
  if (due.length === 0) return [];
  const told = await tx<{ key: string }[]>`
    SELECT key FROM driftdesk.alerts WHERE key = ANY (${due.map(({ key }) => key)}::text[])`;
  const known = new Set(told.map(({ key }) => key));
  return due.filter(({ key }) => !known.has(key));
}
