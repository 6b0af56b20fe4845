// In the middle of a short full run: what was taken from the memory and now looks wrong is read after all.
import type { TransactionSql } from "postgres";
import { takenFrom } from "./settled-take.ts";
import type { Stage } from "./staging.ts";

/** More rows of the memory than this share, among those that were read again, and nothing of it is believed. */
const believable = 0.05;

/** The ranges of memory `$1`, of account `$2` and resource `$3`, that run `$4` left out. */
export const takenRanges = `
  SELECT r.* FROM driftdesk.settled_ranges r
  JOIN driftdesk.settled m ON m.id = r.settled_id AND m.account_id = $2
  JOIN driftdesk.windows w
    ON w.run_id = $4 AND w.resource = $3 AND w.created_from = r.created_from AND w.read_at IS NOT NULL
  WHERE r.settled_id = $1`;

/**
 * Opens the windows of remembered ranges that are not to be believed, after the two sides were compared. Answers whether
 * there are any: they have to be read, and the sides compared again. A few differences in a range are no reason: those
 * are asked about one by one, like all that one side lacks.
 */
export async function reopenDoubtful(tx: TransactionSql, stage: Stage): Promise<boolean> {
  const memoryId = await takenFrom(tx, stage);
  if (memoryId === null) return false;
  if (await isOutOfDate(tx, stage, memoryId)) return reopen(tx, stage, memoryId, "true");
  // More candidates than pages: reading the pages is cheaper than asking for each.
  return reopen(
    tx,
    stage,
    memoryId,
    `r.number IN (SELECT d.number FROM differing d JOIN ranges x USING (number) WHERE 100 * d.count > x.objects)`,
    `, differing AS MATERIALIZED (
       SELECT width_bucket(e.created, (SELECT array_agg(created_from ORDER BY created_from) FROM ranges)) AS number,
              count(*) AS count
       FROM (SELECT DISTINCT match FROM ${stage.candidates}) c
       JOIN ${stage.expected} e ON e.match = c.match AND e.remembered
       GROUP BY 1
     )`,
  );
}

/**
 * Opens the windows of ranges `r` that meet a condition, and forgets what was staged of them. `tables` are more of the
 * WITH; `$1` to `$4` are the memory, the account, the resource and the run.
 */
export async function reopen(
  tx: TransactionSql,
  stage: Stage,
  memoryId: number,
  condition: string,
  tables = "",
): Promise<boolean> {
  const opened = await tx.unsafe(
    `
    WITH ranges AS (
      SELECT t.*, row_number() OVER (ORDER BY t.created_from) AS number FROM (${takenRanges}) t
    )${tables}, opened AS (
      UPDATE driftdesk.windows w
      SET state = 'open', objects = 0, read_at = NULL
      FROM ranges r
      WHERE w.run_id = $4 AND w.resource = $3 AND w.created_from = r.created_from AND w.read_at IS NOT NULL
        AND (${condition})
      RETURNING w.created_from, w.created_to
    ), forgotten AS (
      DELETE FROM ${stage.expected} e
      USING (SELECT range_agg(int8range(created_from, created_to)) AS spans FROM opened) o
      WHERE e.created <@ o.spans
    )
    SELECT FROM opened LIMIT 1`,
    [memoryId, stage.accountId, stage.resource.name, stage.runId],
  );
  return opened.length > 0;
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
    WHERE o.settled_id = $1 AND o.fields IS NOT NULL
      AND NOT EXISTS (SELECT FROM driftdesk.settled_forgotten f WHERE f.settled_id = $1 AND f.stripe_id = o.stripe_id)`,
    [memoryId],
  );
  return seen?.outOfDate ?? false;
}

/** The mapped columns of a staged row as the memory keeps them. */
export const fieldsOf = (stage: Stage, alias: string) =>
  `ARRAY[${stage.columns.map((_, i) => `${alias}.f${i}::text`).join(", ")}]::text[]`;
