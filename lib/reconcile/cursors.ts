// How far a resource is read: written with what was found, in one transaction, so that nothing lies between the two.
import type { TransactionSql } from "postgres";
import type { Scope } from "../db/schema.ts";
import type { Stage } from "./staging.ts";

/**
 * Moves a resource's cursor to where this reading began, also when nothing had happened. For a reading that was complete:
 * what could not be read is where the next one begins again.
 */
export async function moveCursor(tx: TransactionSql, stage: Stage, scope: Scope): Promise<void> {
  if (!scope.moves) return;
  const all = scope.mode === "full";
  const moved = await tx.unsafe(
    `
    INSERT INTO driftdesk.cursors AS c
      (account_id, resource, mapping, stripe_at, seen, local_at, local_snapshot, local_table, size, run_id)
    SELECT $1, $2, r.mapping, r.stripe_at,
           coalesce((SELECT array_agg(DISTINCT event ORDER BY event)
                     FROM driftdesk.event_lists l, unnest(l.seen) AS event
                     WHERE l.run_id = r.run_id AND l.resource = r.resource AND r.mode = 'changes'), '{}'),
           r.local_at, r.local_snapshot, r.local_table,
           ${all ? `greatest((SELECT count(*) FROM ${stage.local}), (SELECT count(*) FROM ${stage.expected}))` : "0"}, r.run_id
    FROM driftdesk.scopes r
    WHERE r.run_id = $3 AND r.resource = $2
      -- What was taken as read was not: events may tell of it.
      AND NOT EXISTS (SELECT FROM driftdesk.windows w
                      WHERE w.run_id = $3 AND w.resource = $2 AND w.read_at IS NOT NULL)
    ON CONFLICT (account_id, resource) DO UPDATE
    SET mapping = EXCLUDED.mapping, stripe_at = EXCLUDED.stripe_at, seen = EXCLUDED.seen, local_at = EXCLUDED.local_at,
        local_snapshot = EXCLUDED.local_snapshot, local_table = EXCLUDED.local_table,
        size = ${all ? "EXCLUDED.size" : "c.size"}, run_id = EXCLUDED.run_id`,
    [stage.accountId, stage.resource.name, stage.runId],
  );
  if (moved.count > 0 && stage.resource.match.by === "customerEmail") await keepAddresses(tx, stage, all);
}

async function keepAddresses(tx: TransactionSql, stage: Stage, all: boolean): Promise<void> {
  const names = [stage.accountId, stage.resource.name];
  const asked = (kind: string) => `(SELECT id FROM ${stage.asked} WHERE kind = '${kind}')`;
  await tx.unsafe(
    `DELETE FROM driftdesk.addresses WHERE account_id = $1 AND resource = $2
     ${all ? "" : `AND (match IN (SELECT match FROM ${stage.touched}) OR customer_id IN ${asked("customer")} OR object_id IN ${asked("object")})`}`,
    names,
  );
  await tx.unsafe(
    `INSERT INTO driftdesk.addresses (account_id, resource, match, customer_id, object_id)
     SELECT DISTINCT $1, $2, match, coalesce(customer_id, ''), CASE WHEN customer_id IS NULL THEN stripe_id ELSE '' END
     FROM ${stage.expected} WHERE match IS NOT NULL
     ON CONFLICT DO NOTHING`,
    names,
  );
}
