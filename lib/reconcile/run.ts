// A run as a whole: whose it is, how it begins, and what becomes of its errors. Its steps are in resource.ts.
import { randomUUID } from "node:crypto";
import { deskOfRun } from "../accounts/known.ts";
import { appendAudit } from "../audit/append.ts";
import type { Resource } from "../config/resource.ts";
import { isConnectionLost } from "../db/connect.ts";
import type { Run, RunState } from "../db/schema.ts";
import { inTurn } from "../db/turns.ts";
import { type Desk, type Desks, systemActor } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";
import { failRun, finishRun, unlessAnotherHasIt } from "./finish.ts";
import { type Begin, type Lease, takeLease } from "./lease.ts";
import { resourcesOf, verifyAccount } from "./plan.ts";
import { watchProgress } from "./progress.ts";
import { databaseLost, runResource } from "./resource.ts";
import { getRun, type RunView } from "./runs.ts";
import { dropForgottenStagingTables } from "./staging.ts";
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
export async function executeRun(
  desks: Desks,
  runId: number,
  options: ExecuteOptions = {},
): Promise<RunView> {
  const found = await getRun(desks.sql, runId);
  if (!found) throw new DriftdeskError("run_unknown", `There is no run ${runId}.`, { status: 404 });
  if (over.includes(found.state)) return found;
  let desk: Desk;
  try {
    desk = await deskOfRun(desks, found);
  } catch (error) {
    await failRun(desks, found, error, unlessAnotherHasIt(desks, found));
    return (await getRun(desks.sql, runId)) as RunView;
  }
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

/** The account's budget is used up by these. */
const resourcesAtOnce = 6;

async function runResources(desk: Desk, attempt: Attempt, resources: readonly Resource[]): Promise<void> {
  const { run, accountId, lease, parallel = 12 } = attempt;
  const progress = watchProgress(desk, run, attempt.requestsBefore);
  const signals = [lease.signal, progress.signal, attempt.signal].filter((one) => one !== undefined);
  const waiting = [...resources];
  const worker = async (signal: AbortSignal) => {
    for (let resource = waiting.shift(); resource; resource = waiting.shift()) {
      const mine = resource;
      await inTurn(desk.sql, "resource", async () => {
        signal.throwIfAborted();
        const begin = lease.holding([mine.name]);
        await runResource({ desk, run, accountId, signal, parallel, begin }, mine);
      });
    }
  };
  try {
    await together(AbortSignal.any(signals), Array<typeof worker>(resourcesAtOnce).fill(worker));
  } finally {
    await progress.stop();
  }
}
