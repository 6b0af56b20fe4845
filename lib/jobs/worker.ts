import { setTimeout as wait } from "node:timers/promises";
import type { PgBoss } from "pg-boss";
import { desksNamed } from "../accounts/known.ts";
import { systemActor } from "../desk.ts";
import { foldTotals } from "../discrepancies/totals.ts";
import { DriftdeskError } from "../errors.ts";
import { executeBulk } from "../fixes/execute.ts";
import { recoverFixes, wakeSnoozed } from "../fixes/recover.ts";
import { executeRun } from "../reconcile/run.ts";
import { requestRun } from "../reconcile/runs.ts";
import { closeQueues, type Jobs, openQueues, type QueuedDesk } from "./queues.ts";

export interface Worker {
  /** Lets go of what is under way (another worker, or the next start, goes on with it) and closes the queues. */
  stop(): Promise<void>;
}

export interface WorkerOptions {
  /** How often the tables are searched for work that nobody was woken for. */
  sweepMs?: number;
}

/** How long a stop waits for requests that are on their way. */
const patienceMs = 5_000;

/** A call that comes while all are busy wakes nobody: without looking often, what waits would wait for half a minute. */
const twoAtOnce = { localConcurrency: 2, notifyPollingIntervalSeconds: 2 };

/** Works off the queues and keeps the schedules, beside any number of other workers. */
export async function startWorker(desk: QueuedDesk, options: WorkerOptions = {}): Promise<Worker> {
  const boss = await openQueues(desk, { worker: true });
  const stopping = new AbortController();
  const underWay = new Set<Promise<unknown>>();
  const track = <T>(work: Promise<T>): Promise<T> => {
    const settled = work.catch(() => {}).finally(() => underWay.delete(settled));
    underWay.add(settled);
    return work;
  };
  const run = (id: number) => track(goOn(desk, id, stopping.signal));

  await boss.work<Jobs["run"]>("run", twoAtOnce, async ([job]) => {
    if (job) await run(job.data.runId);
  });
  await boss.work<Jobs["bulk"]>("bulk", twoAtOnce, async ([job]) => {
    if (job) await track(executeBulk(desk, job.data.bulkId));
  });
  await boss.work<Jobs["schedule"]>("schedule", twoAtOnce, async ([job]) => {
    if (job) await runScheduled(desk, boss, job.data, run);
  });
  await keepSchedules(desk, boss);
  const sweeping = sweepForEver(desk, options.sweepMs ?? 15_000, stopping.signal, run);

  return {
    async stop() {
      stopping.abort(new DriftdeskError("run_superseded", "This process stops; another one goes on."));
      await sweeping;
      // What does not let go in time is found by its lease, as after a kill.
      await Promise.race([Promise.all(underWay), wait(patienceMs, undefined, { ref: false })]);
      await closeQueues(desk);
    },
  };
}

/** Executes a run unless another process does so already. */
async function goOn(desk: QueuedDesk, id: number, signal: AbortSignal): Promise<void> {
  try {
    await executeRun(desk, id, { signal });
  } catch (error) {
    if (error instanceof DriftdeskError && ["run_busy", "run_superseded"].includes(error.code)) return;
    desk.log.error({ err: error, run: id }, "a run could not be executed");
  }
}

async function runScheduled(
  desk: QueuedDesk,
  boss: PgBoss,
  { mode, account }: Jobs["schedule"],
  run: (id: number) => Promise<void>,
): Promise<void> {
  const [one, ...others] = desksNamed(desk, account);
  if (others.length > 0) {
    // A job for each: one that has to wait for its turn keeps nobody else from theirs.
    for (const { config } of [one, ...others])
      await boss.send("schedule", { mode, account: config.account.name });
    return;
  }
  const requested = await requestRun(one, { mode, trigger: "schedule", actor: systemActor });
  if (!requested.alreadyRunning) return run(requested.run.id);
  // An incremental one may be left out: the run under way, or the next one, sees the same. A full one may not.
  if (mode === "full" && requested.run.mode !== "full")
    throw new DriftdeskError("run_under_way", `Run ${requested.run.id} has to end first.`);
}

/** Makes the stored schedules those of the config: what the config no longer has would run for ever. */
async function keepSchedules(desk: QueuedDesk, boss: PgBoss): Promise<void> {
  const wanted = new Map(desk.config.schedule.map((entry, number) => [`${entry.mode}-${number}`, entry]));
  for (const stored of await boss.getSchedules("schedule"))
    if (!wanted.has(stored.key ?? "")) await boss.unschedule("schedule", stored.key);
  for (const [key, { cron, mode }] of wanted)
    await boss.schedule("schedule", cron, { mode }, { key, tz: "UTC" });
}

async function sweepForEver(
  desk: QueuedDesk,
  everyMs: number,
  signal: AbortSignal,
  run: (id: number) => Promise<void>,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await recoverFixes(desk);
      await wakeSnoozed(desk);
      await foldTotals(desk.sql);
      for (const id of await abandonedRuns(desk)) void run(id);
    } catch (error) {
      desk.log.error(error, "looking for left work failed");
    }
    await wait(everyMs, undefined, { signal }).catch(() => {});
  }
}

/**
 * Runs that nobody works on: their process was killed, or died before it could wake a worker. One of the command line
 * is left to `driftdesk reconcile --resume` for a minute.
 */
async function abandonedRuns(desk: QueuedDesk): Promise<number[]> {
  const now = desk.now().getTime();
  const rows = await desk.sql<{ id: number }[]>`
    SELECT r.id FROM driftdesk.runs r
    WHERE r.state IN ('queued', 'running')
      AND (r.state = 'running' OR r.requested_at < ${new Date(now - 30_000)})
      AND (r.trigger <> 'command' OR coalesce(r.heartbeat_at, r.requested_at) < ${new Date(now - 60_000)})
      AND NOT EXISTS (
        SELECT FROM driftdesk.leases l WHERE l.run_id = r.id AND l.expires_at > clock_timestamp())
    ORDER BY r.id`;
  return rows.map((row) => row.id);
}
