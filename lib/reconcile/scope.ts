// How a run reads a resource: all of it, what changed since the last run, or what it was asked about. Decided once, when
// the reading begins: a run that is killed and resumed goes on in the same way.
import { createHash } from "node:crypto";
import type { Sql, TransactionSql } from "postgres";
import type { Cursor, Run, Scope, ScopeMode } from "../db/schema.ts";
import type { Desk } from "../desk.ts";
import { changedFrom, type LocalHorizon, localHorizon, reaches } from "../local/changed.ts";
import { eventOverlapMs, eventsInReachMs, unfollowed } from "../stripe/events.ts";
import { eventsForgotten, lackEvents, planEventLists } from "./events.ts";
import type { Begin } from "./lease.ts";
import type { Stage } from "./staging.ts";
import { createTouchedTables } from "./touched.ts";

interface Planning {
  desk: Desk;
  run: Run;
  begin: Begin;
}

/** Decides how to read a resource, or finds what was decided before the run was interrupted, as long as that can be done. */
export async function planScope({ desk, run, begin }: Planning, stage: Stage): Promise<Scope> {
  const mapping = mappingOf(stage, desk.config.source);
  const left = await scopeOf(desk.sql, stage);
  const stripeAt = desk.stripe.time() ?? desk.now();
  if (left?.mapping === mapping && !(await lackEvents(desk.sql, stage, left, stripeAt))) return left;
  const horizon = await localHorizon(desk.local, stage.table);
  const cursor = await cursorOf(desk.sql, stage);
  const why =
    run.mode === "incremental" ? whyEverything({ run, stage, mapping, horizon, stripeAt }, cursor) : null;
  const mode: ScopeMode =
    run.mode === "targeted" ? "targets" : run.mode === "incremental" && why === null ? "changes" : "full";
  const from = mode === "changes" && cursor ? changesFrom(run, cursor) : null;
  return begin(async (tx) => {
    // What was read before is older than these horizons, or by another mapping: none of it may be gone on with.
    for (const table of ["windows", "local_copies"])
      await tx`
        DELETE FROM ${tx(`driftdesk.${table}`)}
        WHERE run_id = ${stage.runId} AND resource = ${stage.resource.name}`;
    await tx`
      INSERT INTO driftdesk.scopes
        (run_id, resource, mode, why, mapping, begun_at, stripe_from, stripe_at, local_from, local_at, snapshot_from,
         local_snapshot, local_table, moves)
      VALUES
        (${stage.runId}, ${stage.resource.name}, ${mode}, ${why}, ${mapping}, clock_timestamp(), ${from?.stripe ?? null},
         ${stripeAt}, ${from?.local ?? null}, ${horizon.at}, ${from?.snapshot ?? null}, ${horizon.snapshot},
         ${horizon.table}, ${from?.moves ?? mode === "full"})
      ON CONFLICT (run_id, resource) DO UPDATE
      SET mode = EXCLUDED.mode, why = EXCLUDED.why, mapping = EXCLUDED.mapping, begun_at = EXCLUDED.begun_at,
          stripe_from = EXCLUDED.stripe_from, stripe_at = EXCLUDED.stripe_at, local_from = EXCLUDED.local_from,
          local_at = EXCLUDED.local_at, snapshot_from = EXCLUDED.snapshot_from,
          local_snapshot = EXCLUDED.local_snapshot, local_table = EXCLUDED.local_table, moves = EXCLUDED.moves`;
    await tx`
      UPDATE driftdesk.run_resources SET scope = ${mode} WHERE run_id = ${stage.runId} AND resource = ${stage.resource.name}`;
    if (mode !== "full") await createTouchedTables(tx, stage);
    if (mode === "changes") await planEventLists(tx, stage);
    return (await scopeOf(tx, stage)) as Scope;
  });
}

/** Begins anew: what was read is older by now than what another run has recorded. */
export const forgetScope = (begin: Begin, stage: Stage): Promise<unknown> =>
  begin(
    (tx) => tx`
      DELETE FROM driftdesk.scopes WHERE run_id = ${stage.runId} AND resource = ${stage.resource.name}`,
  );

/** Reads everything instead of what changed, and says why. */
export const readFullyInstead = (begin: Begin, stage: Stage, why: string): Promise<Scope> =>
  begin(async (tx) => {
    // Nothing of it was compared yet, and what happens from here on is the next run's: the horizons stay.
    await tx`
      UPDATE driftdesk.scopes SET mode = 'full', why = ${why}, moves = true
      WHERE run_id = ${stage.runId} AND resource = ${stage.resource.name}`;
    await tx`
      UPDATE driftdesk.run_resources SET scope = 'full' WHERE run_id = ${stage.runId} AND resource = ${stage.resource.name}`;
    return (await scopeOf(tx, stage)) as Scope;
  });

export async function scopeOf(sql: Sql | TransactionSql, stage: Stage): Promise<Scope | null> {
  const [scope] = await sql<Scope[]>`
    SELECT run_id AS "runId", resource, mode, why, mapping, begun_at AS "begunAt", stripe_from AS "stripeFrom",
           stripe_at AS "stripeAt", local_from AS "localFrom", local_at AS "localAt", snapshot_from AS "snapshotFrom",
           local_snapshot AS "localSnapshot", local_table AS "localTable", moves
    FROM driftdesk.scopes WHERE run_id = ${stage.runId} AND resource = ${stage.resource.name}`;
  return scope ?? null;
}

export async function cursorOf(sql: Sql | TransactionSql, stage: Stage): Promise<Cursor | null> {
  const [cursor] = await sql<Cursor[]>`
    SELECT account_id AS "accountId", resource, mapping, stripe_at AS "stripeAt", seen, local_at AS "localAt",
           local_snapshot AS "localSnapshot", local_table AS "localTable", size, run_id AS "runId"
    FROM driftdesk.cursors WHERE account_id = ${stage.accountId} AND resource = ${stage.resource.name}`;
  return cursor ?? null;
}

/** Everything that decides what a row should hold: functions by their text, and by what else stands in their file. */
export function mappingOf({ resource, columns }: Stage, source: string | undefined): string {
  const text = JSON.stringify([resource, columns, source], (_, value: unknown) =>
    typeof value === "function" ? String(value) : value,
  );
  return createHash("sha256").update(text).digest("hex");
}

interface Asked {
  run: Run;
  stage: Stage;
  mapping: string;
  horizon: LocalHorizon;
  stripeAt: Date;
}

/** Why what changed is not enough, in words; null when it is. */
function whyEverything(
  { run, stage, mapping, horizon, stripeAt }: Asked,
  cursor: Cursor | null,
): string | null {
  const silent = unfollowed(stage.resource);
  if (silent.length > 0)
    return `Everything was read: the mapping expands ${silent.join(", ")}, and no event of Stripe's says when that changes.`;
  if (!cursor) return "Everything was read: no run had read it to its end before.";
  if (cursor.mapping !== mapping) return "Everything was read: the mapping has changed since the last run.";
  if (
    cursor.localTable !== horizon.table ||
    (cursor.localSnapshot && horizon.snapshot && !reaches(horizon.snapshot, cursor.localSnapshot))
  )
    return "Everything was read: the local table was emptied, written anew or set back since the last run.";
  if (stripeAt.getTime() - (run.since ?? cursor.stripeAt).getTime() > eventsInReachMs)
    return `Everything was read: ${eventsForgotten}`;
  return null;
}

/** Where the changes begin: at the end of the last run, or when the run was asked to begin. */
function changesFrom({ since }: Run, cursor: Cursor) {
  const last = {
    stripe: new Date(cursor.stripeAt.getTime() - eventOverlapMs),
    local: changedFrom({ at: cursor.localAt, snapshot: cursor.localSnapshot }),
    snapshot: cursor.localSnapshot,
  };
  if (since === null) return { ...last, moves: true };
  // What happened between the last run and a later beginning stays unread: the next run has to begin there.
  if (since > cursor.stripeAt) return { ...last, stripe: since, moves: false };
  return { ...last, stripe: since < last.stripe ? since : last.stripe, moves: true };
}
