// The end of a full run: what it found settled is remembered, so that the next ones need not read it. In the transaction
// that records the run: a killed one has remembered a resource whole or not at all.
import type { TransactionSql } from "postgres";
import { fieldsOf } from "./settled-doubt.ts";
import { listedStates } from "./settled-states.ts";
import { clocksApart, memoryOf, rangeOf, worthRemembering } from "./settled-take.ts";
import type { Stage } from "./staging.ts";

/** What is read, left out and dropped at once. */
const objectsPerRange = 1_000;
/** Leaving out fewer, between others that are read, saves hardly a request. */
const worthLeavingOut = 300;

/**
 * Replaces what is remembered of everything that this run read. Not for a run that did not read all of the resource, or
 * does not believe it. Takes seconds for a million objects: to be called before anything is locked that people wait for.
 */
export async function rememberSettled(tx: TransactionSql, stage: Stage): Promise<void> {
  const { resource } = stage;
  const memoryId = await memoryOf(tx, stage);
  if (memoryId === null || !resource.settled) return;
  const [run] = await tx<{ startedAt: Date }[]>`
    SELECT started_at AS "startedAt" FROM driftdesk.runs WHERE id = ${stage.runId}`;
  const { startedAt } = run as { startedAt: Date };
  const since = new Date(startedAt.getTime() - resource.settled.afterMs);
  await dropWhatWasRead(tx, stage, memoryId);
  if (await comparedSince(tx, stage, since)) await addRanges(tx, stage, { memoryId, startedAt, since });
  await dropForgotten(tx, memoryId);
}

async function dropWhatWasRead(
  tx: TransactionSql,
  { runId, resource }: Stage,
  memoryId: number,
): Promise<void> {
  await tx`
    WITH taken AS (
      SELECT range_agg(int8range(created_from, created_to)) AS spans FROM driftdesk.windows
      WHERE run_id = ${runId} AND resource = ${resource.name} AND read_at IS NOT NULL
    ), dropped AS (
      DELETE FROM driftdesk.settled_ranges r USING taken
      WHERE r.settled_id = ${memoryId}
        AND NOT coalesce(int8range(r.created_from, r.created_to) && taken.spans, false)
      RETURNING r.created_from, r.created_to
    )
    DELETE FROM driftdesk.settled_objects o
    USING (SELECT unnest(range_agg(int8range(created_from, created_to))) AS span FROM dropped) d
    WHERE o.settled_id = ${memoryId} AND o.created >= lower(d.span) AND o.created < upper(d.span)`;
}

/** Equal for long is only what was looked at that long ago. */
async function comparedSince(tx: TransactionSql, stage: Stage, since: Date): Promise<boolean> {
  const [earlier] = await tx`
    SELECT FROM driftdesk.runs r
    JOIN driftdesk.run_resources s ON s.run_id = r.id AND s.resource = ${stage.resource.name} AND s.state = 'done'
    WHERE r.account_id = ${stage.accountId} AND r.mode = 'full' AND r.started_at <= ${since}
    LIMIT 1`;
  return earlier !== undefined;
}

/**
 * Cuts what was read into ranges of `created`, and remembers those that are hardly anything but settled: final for long,
 * as Stripe dates it, in order now, and without a difference for as long as that. What is not settled in them is
 * remembered by its id, to be read in every run. Ranges reach back to the object before them, so that no window is left
 * between two.
 */
async function addRanges(
  tx: TransactionSql,
  stage: Stage,
  { memoryId, startedAt, since }: { memoryId: number; startedAt: Date; since: Date },
): Promise<void> {
  const { accountId, resource, expected } = stage;
  const settled = `(e.error IS NULL AND r.match IS NULL AND coalesce(e.final_since <= (SELECT at FROM latest), false))`;
  const listed = resource.stripe in listedStates ? "e.final_since IS NULL" : "false";
  const added = await tx.unsafe(
    `
    WITH restless AS (
      SELECT match FROM ${stage.candidates} WHERE match IS NOT NULL
      UNION
      SELECT e.match FROM driftdesk.discrepancies d JOIN ${expected} e ON e.stripe_id = d.stripe_id
      WHERE d.account_id = $2 AND d.resource = $3 AND e.match IS NOT NULL
        AND (d.state NOT IN ('fixed', 'resolved') OR d.closed_at > $5)
    ), standing AS (
      -- Asked by subqueries: joined, a thousand bounds would be sorted with every row.
      SELECT range_agg(int8range(created_from, created_to)) AS spans,
             coalesce(array_agg(created_from ORDER BY created_from), '{}') AS starts
      FROM driftdesk.settled_ranges WHERE settled_id = $1
    ), latest AS (
      SELECT extract(epoch FROM $5::timestamptz)::bigint AS at
    ), seconds AS (
      SELECT e.created, count(*) AS objects, count(*) FILTER (WHERE NOT ${settled} AND ${listed}) AS listed,
             count(*) FILTER (WHERE NOT ${settled} AND NOT (${listed})) AS apart
      FROM ${expected} e LEFT JOIN restless r ON r.match = e.match
      WHERE NOT e.remembered AND e.created <= (SELECT at FROM latest)
        AND NOT coalesce(e.created <@ (SELECT spans FROM standing), false)
      GROUP BY e.created
    ), placed AS (
      SELECT s.*, coalesce(lag(created) OVER (ORDER BY created), -1) AS before,
             width_bucket(created, (SELECT starts FROM standing)) AS stretch
      FROM seconds s
    ), counted AS (
      SELECT p.*, sum(objects) OVER (PARTITION BY stretch) AS total,
             sum(objects) OVER (PARTITION BY stretch ORDER BY created) - objects AS earlier
      FROM placed p
    ), ranges AS (
      INSERT INTO driftdesk.settled_ranges
        (settled_id, created_from, created_to, objects, listed, apart, read_at, good_until)
      SELECT $1,
             greatest(c.before + 1, (SELECT max(r.created_to) FROM driftdesk.settled_ranges r
                                     WHERE r.settled_id = $1 AND r.created_from <= c.first)),
             c.last + 1, c.objects, c.listed, c.apart, $4::timestamptz, $4::timestamptz + $6 * interval '1 millisecond'
      FROM (
        SELECT min(created) AS first, max(created) AS last, min(before) AS before, sum(objects) AS objects,
               sum(listed) AS listed, sum(apart) AS apart
        FROM counted
        WHERE total >= ${worthLeavingOut}
        GROUP BY stretch, floor(earlier * ceil(total / ${objectsPerRange}) / total)
      ) c
      WHERE ${worthRemembering("c")}
      RETURNING created_from, created_to
    ), added AS (
      SELECT range_agg(int8range(created_from, created_to)) AS spans FROM ranges
    )
    INSERT INTO driftdesk.settled_objects
      (settled_id, created, stripe_id, match, customer_id, label, rank, amount_minor, currency, fields)
    SELECT $1, e.created, e.stripe_id, e.match, e.customer_id, e.label, e.rank, e.amount_minor, e.currency,
           CASE WHEN ${settled} THEN ${fieldsOf(stage, "e")} END
    FROM ${expected} e LEFT JOIN restless r ON r.match = e.match, added
    WHERE NOT e.remembered AND e.created <@ added.spans
    ORDER BY e.created`,
    [memoryId, accountId, resource.name, startedAt, since, resource.settled?.rereadEveryMs ?? 0],
  );
  // The plans of the runs to come depend on how much there is.
  if (added.count > 0) await tx`ANALYZE driftdesk.settled_objects, driftdesk.settled_ranges`;
}

/** What was heard of objects that are not remembered, or were read since, has no more to say. */
async function dropForgotten(tx: TransactionSql, memoryId: number): Promise<void> {
  await tx.unsafe(
    `
    DELETE FROM driftdesk.settled_forgotten f
    WHERE f.settled_id = $1 AND NOT EXISTS (
      SELECT FROM driftdesk.settled_objects o CROSS JOIN LATERAL (${rangeOf("o.created")}) r
      WHERE o.settled_id = $1 AND o.stripe_id = f.stripe_id AND o.fields IS NOT NULL
        AND f.forgotten_at > r.read_at - ${clocksApart})`,
    [memoryId],
  );
}
