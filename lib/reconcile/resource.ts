// The steps of one resource, read top to bottom: plan → fetch → project → stage → compare → confirm → record.
import type { TransactionSql } from "postgres";
import type { Resource } from "../config/resource.ts";
import { endedResourceStates, type Run, type RunResourceState, type Scope } from "../db/schema.ts";
import { inTurn } from "../db/turns.ts";
import type { Desk } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";
import { copyAcross } from "../local/copy.ts";
import { traced } from "../tracing/span.ts";
import { assess } from "./assess.ts";
import { confirmCandidates, findCandidates } from "./compare.ts";
import { reaskStripe, rereadLocal } from "./confirm.ts";
import { type FetchContext, fetchResource } from "./fetch.ts";
import { readImport } from "./import-lines.ts";
import { readChanges } from "./incremental.ts";
import type { Begin } from "./lease.ts";
import { planResource, prepareStaging } from "./plan.ts";
import type { Progress } from "./progress.ts";
import { type RecordOptions, recordResource } from "./record.ts";
import { forgetScope, planScope, readFullyInstead } from "./scope.ts";
import { readApart } from "./settled-apart.ts";
import { reopenDoubtful } from "./settled-doubt.ts";
import type { Sides } from "./sides.ts";
import { localColumns, localRowsQuery, type Stage } from "./staging.ts";
import { readTargets } from "./targeted.ts";
import { together } from "./together.ts";
import { confirmTold } from "./told-differences.ts";
import { leaveOutUnread, leaveOutUntouched, useInserts } from "./touched.ts";
import { type FileWord, wordOf } from "./word.ts";

export interface RunContext {
  desk: Desk;
  run: Run;
  accountId: string;
  /** When the account was made, Unix seconds. */
  began: number;
  /** Whose windows are read here. */
  holder: string;
  progress: Progress;
  signal: AbortSignal;
  parallel: number;
  begin: Begin;
}

export function fetchContext(context: Omit<RunContext, "begin">): FetchContext {
  const { desk, progress, signal, parallel, holder, began } = context;
  return { sql: desk.sql, stripe: desk.stripe, company: progress, signal, parallel, holder, began };
}

export async function runResource(context: RunContext, resource: Resource): Promise<void> {
  const { desk, run, begin } = context;
  const enter: Enter = (state, message = null) =>
    begin(
      (tx) => tx`
        UPDATE driftdesk.run_resources SET state = ${state}, message = ${message}
        WHERE run_id = ${run.id} AND resource = ${resource.name}`,
    );
  const [before] = await desk.sql<{ state: RunResourceState }[]>`
    SELECT state FROM driftdesk.run_resources WHERE run_id = ${run.id} AND resource = ${resource.name}`;
  if (before && endedResourceStates.includes(before.state)) return;
  try {
    const stage = await planResource(desk.local, run, context.accountId, resource);
    // A targeted run looks again when another run was faster.
    while (!(await takeSteps(context, stage, enter))) await forgetScope(begin, stage);
  } catch (error) {
    if (!(error instanceof DriftdeskError) || !resourceOnly.has(error.code)) throw error;
    await enter("failed", error.message);
  }
}

/** Answers whether it was recorded. */
async function takeSteps(context: RunContext, stage: Stage, enter: Enter): Promise<boolean> {
  const { desk, run, signal, begin } = context;
  const step = <T>(state: RunResourceState, work: () => Promise<T>) =>
    traced(
      `run ${state}`,
      { "driftdesk.run": run.id, "driftdesk.resource": stage.resource.name },
      async () => {
        await enter(state);
        return work();
      },
    );
  const word = await wordOf(desk.sql, run);
  const planned = await planScope(context, stage);

  const scope = await step("fetching", () => readSides(context, stage, planned, word));
  await context.progress.write();

  await step("comparing", () => compareSides(context, stage, scope, enter));

  const verdict = await step("confirming", () => confirm(context, stage, scope, word));

  return step("recording", async () => {
    signal.throwIfAborted();
    return begin(async (tx) => {
      await stillStaged(tx, stage);
      const recorded = await recordResource(tx, stage, { now: desk.now(), scope, word, ...verdict });
      await stillRunning(tx, run);
      return recorded;
    });
  });
}

type Enter = (state: RunResourceState, message?: string | null) => Promise<unknown>;

/** What stops one resource and says nothing about the others. */
const resourceOnly = new Set(["mapping_broken", "stripe_permission_missing", "stripe_request_invalid"]);

const sidesOf = ({ desk, begin, signal, parallel }: RunContext): Sides => ({
  begin,
  sql: desk.sql,
  local: desk.local,
  stripe: desk.stripe,
  signal,
  parallel,
});

/** Stages both sides of what is to be compared; answers how much was read in the end. */
async function readSides(
  context: RunContext,
  stage: Stage,
  planned: Scope,
  word: FileWord | null,
): Promise<Scope> {
  const { desk, run, begin } = context;
  if (word) {
    await readImport(sidesOf(context), stage, word);
    return planned;
  }
  if (planned.mode === "targets" && run.targets) {
    await readTargets(sidesOf(context), stage, run.targets);
    return planned;
  }
  let scope = planned;
  if (scope.mode === "changes") {
    const why = await readChanges({ ...sidesOf(context), since: run.since }, stage, scope);
    if (why === null) return scope;
    scope = await readFullyInstead(begin, stage, why);
  }
  await prepareStaging(desk, stage, begin);
  await together(context.signal, [
    (signal) => readStripe({ ...context, signal }, stage),
    () => inTurn(desk.local, "copy", () => stageLocal(context, stage)),
  ]);
  return scope;
}

async function readStripe(context: RunContext, stage: Stage): Promise<void> {
  do await fetchResource(fetchContext(context), stage);
  while (await readApart(sidesOf(context), stage));
}

async function compareSides(context: RunContext, stage: Stage, scope: Scope, enter: Enter): Promise<void> {
  const { begin } = context;
  if (scope.mode !== "full") await begin((tx) => leaveOutUnread(tx, stage));
  await begin((tx) => findCandidates(tx, stage));
  if (!(await begin((tx) => reopenDoubtful(tx, stage)))) return;
  await enter("fetching");
  await readStripe(context, stage);
  await context.progress.write();
  await enter("comparing");
  await begin((tx) => findCandidates(tx, stage));
}

/** Reads the candidates again, on both sides; answers how much of it may be believed. */
async function confirm(
  context: RunContext,
  stage: Stage,
  scope: Scope,
  word: FileWord | null,
): Promise<Omit<RecordOptions, "now" | "scope" | "word">> {
  const { desk, begin } = context;
  if (word) return confirmTold(sidesOf(context), stage, word);
  const partly = scope.mode !== "full";
  const seen = await assess(desk, stage, scope);
  await rereadLocal(sidesOf(context), stage);
  if (partly) await begin((tx) => leaveOutUntouched(tx, stage));
  const unasked = await reaskStripe(sidesOf(context), stage, { missing: seen.missing, justAsked: partly });
  if (partly) await begin((tx) => useInserts(tx, stage));
  await begin((tx) => confirmCandidates(tx, stage));
  const doubt = unasked > 0 ? `${unasked} records could not be checked a second time at Stripe.` : null;
  return {
    ...seen,
    state: seen.state === "done" && unasked > 0 ? "incomplete" : seen.state,
    message: [scope.why, seen.message ?? doubt].filter((part) => part !== null).join(" ") || null,
  };
}

/** Streams the local rows beside the windows. The marker is in the same transaction: there are all rows or none. */
async function stageLocal({ desk, begin }: RunContext, stage: Stage): Promise<void> {
  const { runId, resource } = stage;
  const [copied] = await desk.sql`
    SELECT rows FROM driftdesk.local_copies WHERE run_id = ${runId} AND resource = ${resource.name}`;
  if (copied) return;
  await begin(async (tx) => {
    await copyAcross(desk.local, localRowsQuery(stage), tx, stage.local, localColumns(stage));
    await tx`
      INSERT INTO driftdesk.local_copies (run_id, resource, rows)
      SELECT ${runId}, ${resource.name}, count(*) FROM ${tx.unsafe(stage.local)}`;
  });
}

/**
 * A crash of Postgres empties all unlogged tables, and a pool connects again without a word: staging tables that lost
 * their rows would look as if nothing differed. The marker of the local copy is lost with them.
 */
async function stillStaged(tx: TransactionSql, stage: Stage): Promise<void> {
  const marker = await tx`
    SELECT FROM driftdesk.local_copies WHERE run_id = ${stage.runId} AND resource = ${stage.resource.name}`;
  if (marker.length === 0) throw databaseLost();
}

/** Without a lock: the run's sign of life is written into the same row meanwhile. */
async function stillRunning(tx: TransactionSql, run: Run): Promise<void> {
  const running = await tx`
    SELECT FROM driftdesk.runs WHERE id = ${run.id} AND state = 'running'`;
  if (running.length === 0) throw new DriftdeskError("run_cancelled", "The run was stopped.");
}

export const databaseLost = (cause?: unknown) =>
  new DriftdeskError(
    "database_lost",
    "The connection to the database broke in the middle of the run, or Postgres was started anew. `driftdesk reconcile --resume` goes on with the run; a worker does so by itself.",
    { cause, status: 503 },
  );
