// What changed since the last run, from four sources: Stripe's events, the local rows' own times, and the open
// discrepancies, whose rows somebody may have corrected; then both sides of all that, as they are now.
import { listed, resolvableStates, type Scope } from "../db/schema.ts";
import { DriftdeskError } from "../errors.ts";
import { quoteName, quoteTable } from "../local/catalog.ts";
import { changedSince } from "../local/changed.ts";
import { copyAcross } from "../local/copy.ts";
import { readTouched } from "./asked.ts";
import { rowValues } from "./compare.ts";
import { readEventLists } from "./events.ts";
import { rereadRows, rowsPerQuery } from "./local-rows.ts";
import { cursorOf } from "./scope.ts";
import type { Sides } from "./sides.ts";
import { createRereadTable, localMatch, type Stage } from "./staging.ts";
import { touch } from "./touched.ts";

interface ChangesContext extends Sides {
  since: Date | null;
}

/** Stages both sides of what changed. Answers why everything has to be read instead, in words; null when it has not. */
export async function readChanges(
  context: ChangesContext,
  stage: Stage,
  scope: Scope,
): Promise<string | null> {
  try {
    await readEventLists(context, stage, scope);
  } catch (error) {
    if (!(error instanceof DriftdeskError) || !notByEvents.has(error.code)) throw error;
    return `Everything was read: ${error.message}`;
  }
  await touchChangedRows(context, stage, scope);
  await touchEditedRows(context, stage);
  const questions = await openQuestions(context, stage);
  if (questions > (await worthReadingAll(context, stage)))
    return `Everything was read: ${questions} records changed, and asking for each of them would have taken longer.`;
  await beginBothSides(context, stage);
  await readTouched(context, stage);
  return null;
}

/** What keeps a run from reading events, and not from reading everything. */
const notByEvents = new Set(["stripe_permission_missing", "stripe_events_forgotten"]);

/** Rows that say that they were changed. Also those that the mapping's `where` leaves out by now. */
async function touchChangedRows(context: ChangesContext, stage: Stage, scope: Scope): Promise<void> {
  const { table, resource } = stage;
  if (resource.updatedAt === undefined || scope.localFrom === null) return;
  const { updatedAt } = resource;
  // Asked to begin at a time of its own, the run still leaves out nothing that the last one could not see.
  const conditions = [changedSince(updatedAt, scope.localFrom, scope.snapshotFrom)];
  if (context.since !== null) conditions.push(changedSince(updatedAt, context.since, null));
  const changed = `
    SELECT DISTINCT ${localMatch(stage)}
    FROM ${quoteTable(table)} t
    WHERE (${conditions.join(" OR ")})
      AND nullif(btrim(t.${quoteName(resource.match.column)}::text), '') IS NOT NULL`;
  await context.begin(async (tx) => {
    await createRereadTable(tx, stage);
    await copyAcross(context.local, changed, tx, stage.reread, "match");
  });
  await touchMatches(context, stage, `SELECT DISTINCT match FROM ${stage.reread}`, []);
}

/**
 * Rows of discrepancies that are not over: one that says something else than was observed, or that is gone, or that has
 * come where none was, is looked at again, whether or not it says that it was changed.
 */
async function touchEditedRows(context: ChangesContext, stage: Stage): Promise<void> {
  const known = `
    FROM driftdesk.discrepancies d
    WHERE d.account_id = $1 AND d.resource = $2 AND d.match IS NOT NULL
      AND d.state IN (${listed(resolvableStates)})`;
  const names = [stage.accountId, stage.resource.name];
  await rereadRows(context, stage, `SELECT d.local_key AS key, d.match ${known}`, names);
  await touchMatches(
    context,
    stage,
    `WITH known AS (
       SELECT d.match, d.local_key AS key, d.observed ${known}
     ), seen AS (
       SELECT DISTINCT ON (l.key) l.match, l.key, ${rowValues(stage, "l")} AS observed
       FROM ${stage.reread} l ORDER BY l.key
     )
     SELECT DISTINCT coalesce(k.match, s.match) AS match
     FROM (SELECT * FROM known WHERE key IS NOT NULL) k
     FULL JOIN seen s ON s.key = k.key AND s.match = k.match
     WHERE s.key IS NULL OR k.key IS NULL OR s.observed IS DISTINCT FROM k.observed`,
    names,
  );
}

/** In batches, by a query on Driftdesk's own tables. */
async function touchMatches(
  context: ChangesContext,
  stage: Stage,
  query: string,
  parameters: string[],
): Promise<void> {
  const matches = context.sql.unsafe<{ match: string }[]>(query, parameters);
  for await (const batch of matches.cursor(rowsPerQuery)) {
    context.signal.throwIfAborted();
    await context.begin((tx) =>
      touch(
        tx,
        stage,
        batch.map((row) => row.match),
      ),
    );
  }
}

async function openQuestions({ sql }: ChangesContext, stage: Stage): Promise<number> {
  const [row] = await sql.unsafe<{ count: number }[]>(
    `SELECT count(*)::int AS count FROM ${stage.asked} WHERE state <> 'done'`,
  );
  return row?.count ?? 0;
}

const objectsPerPage = 100;
/** A page of a list takes Stripe longer than one object, and all local rows have to be read with it. */
const questionsPerPage = 4;
const questionsAtLeast = 500;

/** So many questions take as long as a list of everything. */
async function worthReadingAll({ sql }: ChangesContext, stage: Stage): Promise<number> {
  const size = (await cursorOf(sql, stage))?.size ?? 0;
  return Math.max(questionsAtLeast, (size / objectsPerPage) * questionsPerPage);
}

/** Everything that the events told happened before, and whatever is read from here on is newer than the events. */
const beginBothSides = ({ begin }: ChangesContext, stage: Stage) =>
  begin((tx) =>
    tx.unsafe(
      `UPDATE driftdesk.scopes SET begun_at = clock_timestamp()
         WHERE run_id = $1 AND resource = $2 AND NOT EXISTS (SELECT FROM ${stage.asked} WHERE state = 'done')`,
      [stage.runId, stage.resource.name],
    ),
  );
