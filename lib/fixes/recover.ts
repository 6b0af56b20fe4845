import { appendAudit } from "../audit/append.ts";
import type { Desk } from "../desk.ts";
import { executeBulk } from "./execute.ts";

/** Goes on with what a killed process left half done. Actions that a live process works on are left to it. */
export async function recoverFixes(desk: Desk): Promise<number> {
  const running = await desk.sql<{ id: number }[]>`
    SELECT id FROM driftdesk.bulk_actions WHERE state = 'running' ORDER BY id`;
  for (const { id } of running) await executeBulk(desk, id);
  return running.length;
}

/** Opens what was put off until a time that has come. Answers how many. */
export async function wakeSnoozed(desk: Desk): Promise<number> {
  const now = desk.now();
  return desk.sql.begin(async (tx) => {
    const woken = await tx<{ id: number; account_id: string; resource: string; label: string | null }[]>`
      UPDATE driftdesk.discrepancies SET state = 'open', snoozed_until = NULL
      WHERE state = 'snoozed' AND snoozed_until <= ${now}
      RETURNING id, account_id, resource, coalesce(label, stripe_id, local_key) AS label`;
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
