// In the middle of a short full run: what was taken from the memory and now looks wrong is read after all.
import type { TransactionSql } from "postgres";
import type { Stage } from "./staging.ts";

/** More rows of the memory than this share, among those that were read again, and nothing of it is believed. */
const believable = 0.05;

/**
 * Opens the windows of remembered ranges that are not to be believed, and forgets what was staged of them. Answers
 * whether there are any: they have to be fetched, and the two sides compared again. A few differences in a range are no
 * reason: those are asked about one by one, like all that one side lacks.
 */
export async function reopenDoubtful(tx: TransactionSql, stage: Stage): Promise<boolean> {
  const [memory] = await tx<{ id: number }[]>`
    SELECT s.id FROM driftdesk.settled s
    WHERE s.account_id = ${stage.accountId} AND s.resource = ${stage.resource.name}
      AND EXISTS (SELECT FROM driftdesk.windows w
                  WHERE w.run_id = ${stage.runId} AND w.resource = ${stage.resource.name} AND w.read_at IS NOT NULL)`;
  if (!memory) return false;
  const reopened = await tx.unsafe(
    `
    WITH ranges AS (
      SELECT created_from, created_to, objects, row_number() OVER (ORDER BY created_from) AS number
      FROM driftdesk.settled_ranges WHERE settled_id = $3
    ), differing AS (
      SELECT width_bucket(e.created, (SELECT array_agg(created_from ORDER BY created_from) FROM ranges)) AS number,
             count(*) AS count
      FROM (SELECT DISTINCT match FROM ${stage.candidates}) c
      JOIN ${stage.expected} e ON e.match = c.match AND e.remembered
      GROUP BY 1
    ), doubtful AS (
      -- More candidates than pages: reading the pages is cheaper than asking for each.
      SELECT range_agg(int8range(r.created_from, r.created_to)) AS spans
      FROM ranges r LEFT JOIN differing d USING (number)
      WHERE $4 OR d.count * 100 > r.objects
    ), opened AS (
      UPDATE driftdesk.windows w
      SET state = 'open', objects = 0, read_at = NULL
      FROM doubtful d
      WHERE w.run_id = $1 AND w.resource = $2 AND w.read_at IS NOT NULL
        AND int8range(w.created_from, w.created_to) <@ d.spans
      RETURNING w.created_from, w.created_to
    ), forgotten AS (
      DELETE FROM ${stage.expected} e
      USING (SELECT range_agg(int8range(created_from, created_to)) AS spans FROM opened) o
      WHERE e.remembered AND e.created <@ o.spans
    )
    SELECT FROM opened LIMIT 1`,
    [stage.runId, stage.resource.name, memory.id, await isOutOfDate(tx, stage, memory.id)],
  );
  return reopened.length > 0;
}

/**
 * Whether what was read again says that the memory as a whole has become wrong: a mapping that reads something outside
 * of itself, another version of Stripe's or of ours. Objects that were heard of may well have changed.
 */
async function isOutOfDate(tx: TransactionSql, stage: Stage, memoryId: number): Promise<boolean> {
  const [seen] = await tx.unsafe<{ outOfDate: boolean }[]>(
    `
    SELECT count(*) FILTER (WHERE (o.match, o.customer_id, o.label, o.rank, o.amount_minor, o.currency, o.fields)
             IS DISTINCT FROM (e.match, e.customer_id, e.label, e.rank, e.amount_minor, e.currency, ${fieldsOf(stage, "e")}))
           > greatest(10, ${believable} * count(*)) AS "outOfDate"
    FROM driftdesk.settled_objects o
    JOIN ${stage.expected} e ON e.stripe_id = o.stripe_id AND NOT e.remembered
    WHERE o.settled_id = $1
      AND NOT EXISTS (SELECT FROM driftdesk.settled_forgotten f WHERE f.settled_id = $1 AND f.stripe_id = o.stripe_id)`,
    [memoryId],
  );
  return seen?.outOfDate ?? false;
}

/** The mapped columns of a staged row as the memory keeps them. */
export const fieldsOf = (stage: Stage, alias: string) =>
  `ARRAY[${stage.columns.map((_, i) => `${alias}.f${i}::text`).join(", ")}]::text[]`;
