// A run as a whole: whose it is, how it begins, and what becomes of its errors. How processes divide it among themselves
// is in share.ts, what is done with each resource in resource.ts.
import { randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { deskOfRun } from "../accounts/known.ts";
import { appendAudit } from "../audit/append.ts";
import type { Resource } from "../config/resource.ts";
import { isConnectionLost } from "../db/connect.ts";
import { listed, type Run, type RunState, underWayStates } from "../db/schema.ts";
import { type Desk, type Desks, systemActor } from "../desk.ts";
import { diagnoseOnce } from "../diagnose/once.ts";
import { foldTotals } from "../discrepancies/totals.ts";
import { DriftdeskError } from "../errors.ts";
import { applyPolicies } from "../fixes/policy.ts";
import { about } from "../log-context.ts";
import { traced } from "../tracing/span.ts";
import { failRun, finishRun, unlessAnotherHasIt } from "./finish.ts";
import { joinRun, type Presence } from "./lease.ts";
import { isUnreachable, Patience, type PatienceClock } from "./patience.ts";
import { resourcesOf, verifyAccount } from "./plan.ts";
import { watchProgress } from "./progress.ts";
import { databaseLost } from "./resource.ts";
import { getRun, type RunView } from "./runs.ts";
import { shareRun } from "./share.ts";
import { dropForgottenStagingTables } from "./staging.ts";

export interface ExecuteOptions {
  signal?: AbortSignal | undefined;
  /** How long a killed process keeps what it has to itself. */
  leaseMs?: number | undefined;
  /** Windows of one resource that are paged at the same time. */
  parallel?: number | undefined;
  /** Leave a run that others are at when there is nothing to do for now, instead of staying to its end. */
  onlyHelp?: boolean | undefined;
  /** For how long an outage of Stripe's is borne with. */
  clock?: PatienceClock | undefined;
}

const over: readonly RunState[] = ["succeeded", "incomplete", "suspicious", "failed", "cancelled"];

/**
 * Takes part in a run until its end and answers it: alone as well as beside other processes. Called on a run whose
 * process was killed, it goes on at the last page of every window. Never throws for what a run can meet: that is the
 * run's state and message. It throws `run_busy` when this process cannot take part in what others work on,
 * `run_superseded` when it is told to stop, and `database_lost` when the connection to Driftdesk's own database broke:
 * the run is then as after a kill, and can go on. So it is when Stripe does not answer at the very start of a later attempt.
 */
export function executeRun(desks: Desks, runId: number, options: ExecuteOptions = {}): Promise<RunView> {
  return about({ run: runId }, () =>
    traced("run", { "driftdesk.run": runId }, () => execute(desks, runId, options)),
  );
}

async function execute(desks: Desks, runId: number, options: ExecuteOptions): Promise<RunView> {
  const found = await getRun(desks.sql, runId);
  if (!found) throw new DriftdeskError("run_unknown", `There is no run ${runId}.`, { status: 404 });
  if (over.includes(found.state)) return found;
  const holder = randomUUID();
  let desk: Desk;
  try {
    desk = await deskOfRun(desks, found);
  } catch (error) {
    await failRun(desks, found, error, unlessAnotherHasIt(desks, found, holder));
    return (await getRun(desks.sql, runId)) as RunView;
  }
  const before = { ...desk.stripe.counts };
  let presence: Presence | undefined;
  try {
    const account = await verifyAccount(desk, found);
    const resources = resourcesOf(desk, found);
    const joining = { runId, accountId: account.id, holder, leaseMs: options.leaseMs ?? 15_000 };
    presence = await joinRun(desk.sql, joining);
    letGoInTime(presence, options.signal);
    await takePart({ desk, run: found, account, resources, presence, before, options });
  } catch (error) {
    // What was read so far is worth another try.
    if (!presence && found.state === "running" && isUnreachable(error)) throw error;
    if (!(error instanceof DriftdeskError && error.code === "run_cancelled"))
      await failRun(desk, found, await reasonToFail(desk, error), unlessAnotherHasIt(desk, found, holder));
  } finally {
    await presence?.leave();
  }
  await dropForgottenStagingTables(desk.sql);
  await foldTotals(desk.sql);
  return (await getRun(desk.sql, runId)) as RunView;
}

interface Part {
  desk: Desk;
  run: Run;
  account: { id: string; began: number };
  resources: readonly Resource[];
  presence: Presence;
  before: Desk["stripe"]["counts"];
  options: ExecuteOptions;
}

async function takePart(part: Part): Promise<void> {
  const { desk, run, account, resources, presence, options } = part;
  let begun = await start(part);
  if (!begun) return;
  const patience = new Patience(options.clock);
  const watched = { patience, run, holder: presence.holder, began: account.began, before: part.before };
  const progress = watchProgress(desk, watched);
  const signals = [progress.signal, options.signal].filter((one) => one !== undefined);
  const signal = AbortSignal.any(signals);
  const onlyHelp = options.onlyHelp ?? false;
  try {
    await shareRun(
      {
        desk,
        run,
        accountId: account.id,
        began: account.began,
        presence,
        progress,
        patience,
        parallel: options.parallel ?? 12,
        signal,
        onlyHelp,
        reasonToFail: (error) => reasonToFail(desk, error),
        async aloneNow() {
          if (begun === "joined") begun = await start(part);
          return begun !== null;
        },
      },
      resources,
    );
    const whose = { run, accountId: account.id, holder: presence.holder };
    if (!(await diagnoseOnce(desk, whose, { signal, onlyHelp }))) return;
    // The last thing that a run does: one that was killed before its end goes on with it.
    if (await applyPolicies(desk, run, { signal, onlyHelp })) await finishRun(desk, run);
  } finally {
    await progress.stop();
  }
}

/**
 * Takes the run in hand: null when it came to its end meanwhile. While others are at it this process only joins; it
 * begins an attempt of its own when they are gone.
 */
async function start({
  desk,
  run: { id },
  account,
  resources,
  presence,
}: Part): Promise<"begun" | "joined" | null> {
  const now = desk.now();
  const names = resources.map((resource) => resource.name);
  return desk.sql.begin(async (tx) => {
    const [run] = await tx<{ state: RunState; mode: string; attempts: number; accountId: string | null }[]>`
      SELECT state, mode, attempts, account_id AS "accountId" FROM driftdesk.runs
      WHERE id = ${id} AND state IN (${tx.unsafe(listed(underWayStates))}) FOR NO KEY UPDATE`;
    if (!run) return null;
    const others = await tx`
      SELECT FROM driftdesk.run_processes
      WHERE run_id = ${id} AND holder <> ${presence.holder} AND expires_at > clock_timestamp() LIMIT 1`;
    if (run.state === "running" && others.length > 0) {
      if (run.accountId === account.id) return "joined";
      throw new DriftdeskError("run_busy", `Another process compares ${run.accountId} in this run.`);
    }
    await tx`
      UPDATE driftdesk.runs
      SET state = 'running', account_id = ${account.id}, started_at = coalesce(started_at, ${now}),
          heartbeat_at = ${now}, attempts = attempts + 1
      WHERE id = ${id}`;
    await tx`
      INSERT INTO driftdesk.run_resources (run_id, resource)
      SELECT ${id}, r FROM unnest(${names}::text[]) AS r
      ON CONFLICT DO NOTHING`;
    await tx`
      UPDATE driftdesk.run_resources
      SET state = 'failed', message = 'The config has no resource of this name any more.'
      WHERE run_id = ${id} AND resource <> ALL (${names}::text[])
        AND state IN ('waiting', 'fetching', 'comparing', 'confirming', 'recording')`;
    const entry = {
      actor: systemActor.email,
      action: "run.started" as const,
      account_id: account.id,
      run_id: id,
      data: { mode: run.mode, attempt: run.attempts + 1 },
    };
    await appendAudit(tx, [entry], now);
    return "begun";
  }) as Promise<"begun" | "joined" | null>;
}

/** How long requests that are on their way may take once this process was told to stop. */
const patienceMs = 3_000;

/** What this process has is free for others then, whatever it still waits for: nothing of that would be committed. */
function letGoInTime(presence: Presence, signal: AbortSignal | undefined): void {
  signal?.addEventListener(
    "abort",
    () => void wait(patienceMs, undefined, { ref: false }).then(() => presence.leave()),
    { once: true },
  );
}

/** What the run has failed for. Throws what says nothing about it: the run goes on in another process, or later. */
async function reasonToFail(desk: Desk, error: unknown): Promise<unknown> {
  const passing = ["run_busy", "run_superseded", "run_cancelled", "database_lost"];
  if (error instanceof DriftdeskError && passing.includes(error.code)) throw error;
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
