// What a short full run has to read in the ranges that it left out: objects that are not settled, and those that something
// was heard of. What is not final was listed by its state, where Stripe has such lists; the rest is asked for one by one.
import type { TransactionSql } from "postgres";
import { stageExpected } from "./expected.ts";
import { isUnreachable } from "./patience.ts";
import { type Projected, projectObject } from "./project.ts";
import { reopen, takenRanges } from "./settled-doubt.ts";
import { heardOf, takenFrom } from "./settled-take.ts";
import type { Sides } from "./sides.ts";
import type { Stage } from "./staging.ts";
import { together } from "./together.ts";

/**
 * Stages them, after all windows were read. Answers whether there are windows to be read again: ranges of which something
 * could not be asked are read by pages after all.
 */
export async function readApart(context: Sides, stage: Stage): Promise<boolean> {
  const memoryId = await takenFrom(context.sql, stage);
  if (memoryId === null) return false;
  const parameters = [memoryId, stage.accountId, stage.resource.name, stage.runId];
  const wanted = context.sql.unsafe<{ id: string }[]>(unread(stage), parameters);
  let broken = false;
  for await (const batch of wanted.cursor(context.parallel * 10)) {
    broken = !(await readBatch(
      context,
      stage,
      batch.map((row) => row.id),
    ));
    if (broken) break;
  }
  return context.begin(async (tx) => {
    await keepLatest(tx, stage);
    if (!broken) return false;
    return reopen(
      tx,
      stage,
      memoryId,
      `r.created_from IN (
      SELECT t.created_from FROM (${takenRanges}) t
      JOIN driftdesk.settled_objects o ON o.settled_id = $1 AND o.created >= t.created_from AND o.created < t.created_to
      JOIN (${unread(stage)}) u ON u.id = o.stripe_id)`,
    );
  });
}

/** Ids of what has to be read in the ranges left out, and is not staged as read by this run. */
const unread = (stage: Stage) => `
  SELECT o.stripe_id AS id
  FROM (${takenRanges}) t
  JOIN driftdesk.settled_objects o ON o.created >= t.created_from AND o.created < t.created_to
  WHERE o.settled_id = $1 AND o.fields IS NULL
  UNION
  SELECT h.stripe_id FROM (${heardOf}) h JOIN (${takenRanges}) t USING (created_from)
  EXCEPT
  SELECT stripe_id FROM ${stage.expected} WHERE NOT remembered`;

/** Answers whether Stripe did. */
async function readBatch(context: Sides, stage: Stage, ids: readonly string[]): Promise<boolean> {
  const { resource, table } = stage;
  const queue = [...ids];
  const rows: Projected[] = [];
  const gone: string[] = [];
  let answered = true;
  const worker = async (signal: AbortSignal) => {
    for (let id = queue.pop(); id !== undefined && answered; id = queue.pop()) {
      signal.throwIfAborted();
      try {
        const object = await context.stripe.retrieve(resource.stripe, id, resource.expand);
        if (object) rows.push(projectObject(resource, table, object));
        else gone.push(id);
      } catch (error) {
        if (!isUnreachable(error)) throw error;
        answered = false;
      }
    }
  };
  await together(context.signal, Array<typeof worker>(context.parallel).fill(worker));
  await context.begin(async (tx) => {
    await stageExpected(tx, stage, rows);
    await tx.unsafe(`DELETE FROM ${stage.expected} WHERE remembered AND stripe_id = ANY($1::text[])`, [gone]);
    // Counts as read, beside the windows that were.
    await tx`
      INSERT INTO driftdesk.windows (run_id, resource, state, objects)
      VALUES (${stage.runId}, ${resource.name}, 'done', ${rows.length})`;
  });
  return answered;
}

/**
 * What this run read replaces what was remembered; and of what changed its state while the lists of two states were read,
 * either reading is as good.
 */
async function keepLatest(tx: TransactionSql, stage: Stage): Promise<void> {
  await tx.unsafe(
    `
    DELETE FROM ${stage.expected} e
    USING (
      SELECT stripe_id, max(ctid) AS kept FROM ${stage.expected}
      WHERE NOT remembered AND created <@ (
        SELECT range_agg(int8range(created_from, created_to)) FROM driftdesk.windows
        WHERE run_id = $1 AND resource = $2 AND read_at IS NOT NULL)
      GROUP BY stripe_id
    ) fresh
    WHERE e.stripe_id = fresh.stripe_id AND e.ctid <> fresh.kept`,
    [stage.runId, stage.resource.name],
  );
}
