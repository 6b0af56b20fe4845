import { appendAudit } from "../audit/append.ts";
import { inHand } from "../db/schema.ts";
import { transaction } from "../db/transaction.ts";
import type { Desks } from "../desk.ts";
import { executeBulk } from "./execute.ts";

/**
 * Goes on with what a killed process left half done, also of actions that somebody stopped meanwhile: what was intended
 * has to have an outcome. Actions that a live process works on are left to it.
 */
export async function recoverFixes(desk: Desks): Promise<number> {
  const left = await desk.sql<{ id: number }[]>`
    SELECT id FROM driftdesk.bulk_actions WHERE state = 'running'
    UNION
    SELECT bulk_id FROM driftdesk.fixes WHERE state = 'intended' AND bulk_id IS NOT NULL
    ORDER BY id`;
  const failures: unknown[] = [];
  for (const { id } of left) await executeBulk(desk, id).catch((error) => failures.push(error));
  // One that cannot go on is no reason to leave the others.
  if (failures.length > 0) throw failures[0];
  return left.length;
}

/** Opens what was put off until a time that has come. Answers how many. */
export async function wakeSnoozed(desk: Desks): Promise<number> {
  const now = desk.now();
  return transaction(desk.sql, async (tx) => {
    const woken = await tx<{ id: number; account_id: string; resource: string; label: string | null }[]>`
      WITH due AS (
        SELECT d.id FROM driftdesk.discrepancies d
        WHERE d.state = 'snoozed' AND d.snoozed_until <= ${now} AND NOT ${tx.unsafe(inHand)}
        ORDER BY id FOR NO KEY UPDATE
      )
      UPDATE driftdesk.discrepancies d SET state = 'open', snoozed_until = NULL
      FROM due WHERE d.id = due.id
      RETURNING d.id, account_id, resource, coalesce(label, stripe_id, local_key) AS label`;
    const entries = woken.map((row) => ({
      actor: "system",
      action: "discrepancy.woken" as const,
      account_id: row.account_id,
      resource: row.resource,
      discrepancy_id: row.id,
      subject: row.label,
    }));
    await appendAudit(tx, entries, now);
    return woken.length;
  });
}
