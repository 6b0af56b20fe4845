// A run, read top to bottom: plan → fetch → project → stage → compare → confirm → record.
import { randomUUID } from "node:crypto";
import type { TransactionSql } from "postgres";
import { appendAudit } from "../audit/append.ts";
import type { Resource } from "../config/resource.ts";
import { isConnectionLost } from "../db/connect.ts";
import type { Run, RunResourceState, RunState } from "../db/schema.ts";
import { type Desk, systemActor } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";
import { copyAcross } from "../local/copy.ts";
import { assess } from "./assess.ts";
import { confirmCandidates, findCandidates } from "./compare.ts";
import { reaskStripe, rereadLocal } from "./confirm.ts";
import { fetchResource } from "./fetch.ts";
import { failRun, finishRun, unlessAnotherHasIt } from "./finish.ts";
import { type Begin, type Lease, takeLease } from "./lease.ts";
import { planResource, prepareStaging, resourcesOf, verifyAccount } from "./plan.ts";
import { watchProgress } from "./progress.ts";
import { recordResource } from "./record.ts";
import { getRun, type RunView } from "./runs.ts";
import { dropForgottenStagingTables, localColumns, localRowsQuery, type Stage } from "./staging.ts";
import { together } from "./together.ts";

export interface ExecuteOptions {
  signal?: AbortSignal | undefined;
  /** How long a killed process keeps its resources to itself. */
  leaseMs?: number | undefined;
  /** Windows of one resource that are paged at the same time. */
  parallel?: number | undefined;
}

const over: readonly RunState[] = ["succeeded", "incomplete", "suspicious", "failed", "cancelled"];

/**
 * Executes a run to its end and answers it. Called again on a run whose process was killed, it goes on at the last
 * page of every window. Never throws for what a run can meet: that is the run's state and message. It throws `run_busy`
 * and `run_superseded` when the run belongs to another process, and `database_lost` when the connection to Driftdesk's
 * own database broke: the run is then as after a kill, and can go on.
 */
export async function executeRun(desk: Desk, runId: number, options: ExecuteOptions = {}): Promise<RunView> {
  const found = await getRun(desk.sql, runId);
  if (!found) throw new DriftdeskError("run_unknown", `There is no run ${runId}.`, { status: 404 });
  if (over.includes(found.state)) return found;
  const requestsBefore = { ...desk.stripe.counts };
  let lease: Lease | undefined;
  let mayEnd = unlessAnotherHasIt(desk, found);
  try {
    const accountId = await verifyAccount(desk, found);
    await dropForgottenStagingTables(desk.sql);
    const resources = resourcesOf(desk, found);
    const names = resources.map((resource) => resource.name);
    lease = await takeLease(desk.sql, {
      runId,
      accountId,
      resources: names,
      holder: randomUUID(),
      leaseMs: options.leaseMs ?? 15_000,
    });
    mayEnd = lease.holding(names);
    const run = await start(desk, runId, accountId, names, mayEnd);
    if (run) {
      await runResources(desk, { run, accountId, lease, requestsBefore, ...options }, resources);
      await finishRun(desk, run, mayEnd);
    }
  } catch (error) {
    await failRun(desk, found, await reasonToFail(desk, error), mayEnd);
  } finally {
    await lease?.release();
  }
  return (await getRun(desk.sql, runId)) as RunView;
}

/** What the run has failed for. Throws what says nothing about it: the run goes on in another process, or later. */
async function reasonToFail(desk: Desk, error: unknown): Promise<unknown> {
  if (error instanceof DriftdeskError && ["run_busy", "run_superseded", "database_lost"].includes(error.code))
    throw error;
  if (!isConnectionLost(error)) return error;
  const answers = (sql: Desk["sql"]) =>
    sql`SELECT 1`.then(
      () => true,
      () => false,
    );
  if (desk.local !== desk.sql && (await answers(desk.sql)) && !(await answers(desk.local)))
    return new DriftdeskError(
      "local_unreachable",
      "The database of LOCAL_DATABASE_URL cannot be reached any more. Start the run again when it is back.",
      { cause: error },
    );
  throw databaseLost(error);
}

const databaseLost = (cause?: unknown) =>
  new DriftdeskError(
    "database_lost",
    "The connection to the database broke in the middle of the run, or Postgres was started anew. `driftdesk reconcile --resume` goes on with the run; a worker does so by itself.",
    { cause, status: 503 },
  );

/** Takes the run in hand, and answers it as it is under the lease; null when it came to its end meanwhile. */
async function start(
  desk: Desk,
  runId: number,
  accountId: string,
  names: readonly string[],
  begin: Begin,
): Promise<Run | null> {
  const now = desk.now();
  const started = await begin(async (tx) => {
    const [run] = await tx<{ mode: string; attempts: number }[]>`
      UPDATE driftdesk.runs
      SET state = 'running', account_id = ${accountId}, started_at = coalesce(started_at, ${now}),
          heartbeat_at = ${now}, attempts = attempts + 1
      WHERE id = ${runId} AND state IN ('queued', 'running')
      RETURNING mode, attempts`;
    if (!run) return false;
    await tx`
      INSERT INTO driftdesk.run_resources (run_id, resource)
      SELECT ${runId}, r FROM unnest(${[...names]}::text[]) AS r
      ON CONFLICT DO NOTHING`;
    await tx`
      UPDATE driftdesk.run_resources
      SET state = 'failed', message = 'The config has no resource of this name any more.'
      WHERE run_id = ${runId} AND resource <> ALL (${[...names]}::text[])
        AND state IN ('waiting', 'fetching', 'comparing', 'confirming', 'recording')`;
    await appendAudit(
      tx,
      [
        {
          actor: systemActor.email,
          action: "run.started",
          account_id: accountId,
          run_id: runId,
          data: { mode: run.mode, attempt: run.attempts },
        },
      ],
      now,
    );
    return true;
  });
  return started ? getRun(desk.sql, runId) : null;
}

interface Attempt extends ExecuteOptions {
  run: Run;
  accountId: string;
  lease: Lease;
  requestsBefore: Desk["stripe"]["counts"];
}

/**
 * Each resource under way holds up to two of the pool's connections and waits for others: were there as many as
 * connections, all would wait for ever. The account's budget is used up by fewer.
 */
const resourcesAtOnce = 6;

async function runResources(desk: Desk, attempt: Attempt, resources: readonly Resource[]): Promise<void> {
  const { run, accountId, lease, parallel = 12 } = attempt;
  const progress = watchProgress(desk, run, attempt.requestsBefore);
  const signals = [lease.signal, progress.signal, attempt.signal].filter((one) => one !== undefined);
  const waiting = [...resources];
  const worker = async (signal: AbortSignal) => {
    for (let resource = waiting.shift(); resource; resource = waiting.shift()) {
      signal.throwIfAborted();
      const begin = lease.holding([resource.name]);
      await runResource({ desk, run, accountId, signal, parallel, begin }, resource);
    }
  };
  try {
    await together(AbortSignal.any(signals), Array<typeof worker>(resourcesAtOnce).fill(worker));
  } finally {
    await progress.stop();
  }
}

interface RunContext {
  desk: Desk;
  run: Run;
  accountId: string;
  signal: AbortSignal;
  parallel: number;
  begin: Begin;
}

async function runResource(context: RunContext, resource: Resource): Promise<void> {
  const { desk, run, signal, parallel, begin } = context;
  const enter = (state: RunResourceState, message: string | null = null) =>
    begin(
      (tx) => tx`
        UPDATE driftdesk.run_resources SET state = ${state}, message = ${message}
        WHERE run_id = ${run.id} AND resource = ${resource.name}`,
    );
  const [before] = await desk.sql<{ state: RunResourceState }[]>`
    SELECT state FROM driftdesk.run_resources WHERE run_id = ${run.id} AND resource = ${resource.name}`;
  if (before && ["done", "incomplete", "suspicious", "failed"].includes(before.state)) return;
  try {
    const stage = await planResource(desk.local, run, context.accountId, resource);
    await prepareStaging(desk, stage, begin);

    await enter("fetching");
    const reading = { begin, sql: desk.sql, local: desk.local, stripe: desk.stripe, signal, parallel };
    await together(signal, [
      (either) => fetchResource({ ...reading, signal: either }, stage),
      () => stageLocal(context, stage),
    ]);

    await enter("comparing");
    await begin((tx) => findCandidates(tx, stage));

    await enter("confirming");
    const seen = await assess(desk, stage);
    await rereadLocal(reading, stage);
    const unasked = await reaskStripe(reading, stage, seen.missing);
    await begin((tx) => confirmCandidates(tx, stage));

    await enter("recording");
    signal.throwIfAborted();
    await begin(async (tx) => {
      await stillStaged(tx, stage);
      await recordResource(tx, stage, {
        now: desk.now(),
        state: seen.state === "done" && unasked > 0 ? "incomplete" : seen.state,
        message:
          seen.message ??
          (unasked > 0 ? `${unasked} records could not be checked a second time at Stripe.` : null),
        missing: seen.missing,
        differences: seen.differences,
      });
      await stillRunning(tx, run);
    });
  } catch (error) {
    if (!(error instanceof DriftdeskError) || !resourceOnly.has(error.code)) throw error;
    await enter("failed", error.message);
  }
}

/** What stops one resource and says nothing about the others. */
const resourceOnly = new Set(["mapping_broken", "stripe_permission_missing", "stripe_request_invalid"]);

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
