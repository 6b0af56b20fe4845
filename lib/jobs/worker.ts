import { setTimeout as wait } from "node:timers/promises";
import type { PgBoss } from "pg-boss";
import { desksNamed } from "../accounts/known.ts";
import { deliverOn } from "../alerts/deliver.ts";
import { raiseAlerts } from "../alerts/raise.ts";
import { channels } from "../db/schema.ts";
import { systemActor } from "../desk.ts";
import { lookAtPipelines } from "../diagnose/pipeline.ts";
import { foldTotals } from "../discrepancies/totals.ts";
import { readDisputes } from "../disputes/read.ts";
import { DriftdeskError } from "../errors.ts";
import { executeBulk } from "../fixes/execute.ts";
import { recoverFixes, wakeSnoozed } from "../fixes/recover.ts";
import { voidChanged } from "../fixes/second-person.ts";
import { requestRun } from "../reconcile/runs.ts";
import { dropForgottenStagingTables } from "../reconcile/staging.ts";
import { checkWebhooks } from "../webhooks/check.ts";
import { clearWebhooks } from "../webhooks/clear.ts";
import { closeQueues, type Jobs, openQueues, type QueuedDesk } from "./queues.ts";
import { RunWork, runsAtOnce } from "./run-work.ts";

export interface Worker {
  /** Lets go of what is under way (another worker, or the next start, goes on with it) and closes the queues. */
  stop(): Promise<void>;
}

export interface WorkerOptions {
  /** How often the tables are searched for work that nobody was woken for. */
  sweepMs?: number;
  /** How long a killed process keeps what it has to itself. */
  leaseMs?: number;
  /** How often the history is searched for what people should be told. */
  alertsMs?: number;
  /** How often it is asked whether the event pipeline is to be looked at. */
  pipelineMs?: number;
  /** How often the tables are searched for what webhooks named. */
  webhooksMs?: number;
}

/** How long a stop waits for requests that are on their way. */
const patienceMs = 5_000;

/** A call that comes while all are busy wakes nobody: without looking often, what waits would wait for half a minute. */
const looking = { notifyPollingIntervalSeconds: 2 };
const someRuns = { ...looking, localConcurrency: runsAtOnce };

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
  const runs = new RunWork(desk, { signal: stopping.signal, leaseMs: options.leaseMs });

  await boss.work<Jobs["run"]>("run", someRuns, async ([job]) => {
    if (job) await runs.execute(job.data.runId);
  });
  await boss.work<Jobs["bulk"]>("bulk", { ...looking, localConcurrency: 2 }, async ([job]) => {
    if (job) await track(executeBulk(desk, job.data.bulkId));
  });
  await boss.work<Jobs["schedule"]>("schedule", someRuns, async ([job]) => {
    if (job) await runScheduled(desk, boss, job.data, runs);
  });
  await keepSchedules(desk, boss);
  const sweeping = sweepForEver(desk, options.sweepMs ?? 15_000, stopping.signal, runs);
  const telling = tellForEver(desk, options.alertsMs ?? 5_000, stopping.signal);
  track(watchForEver(desk, options.pipelineMs ?? 60_000, stopping.signal));
  track(followForEver(desk, boss, options.webhooksMs ?? 5_000, stopping.signal));

  return {
    async stop() {
      stopping.abort(new DriftdeskError("run_superseded", "This process stops; another one goes on."));
      await sweeping;
      // A message that is on its way is waited for, like requests to Stripe: else it would be sent twice.
      track(telling);
      // What does not let go in time is found by its lease, as after a kill.
      const over = Promise.all([...underWay, runs.stopped()]);
      await Promise.race([over, wait(patienceMs, undefined, { ref: false })]);
      await closeQueues(desk);
    },
  };
}

async function runScheduled(
  desk: QueuedDesk,
  boss: PgBoss,
  { mode, account }: Jobs["schedule"],
  runs: RunWork,
): Promise<void> {
  const [one, ...others] = desksNamed(desk, account);
  if (others.length > 0) {
    // A job for each: one that has to wait for its turn keeps nobody else from theirs.
    for (const { config } of [one, ...others])
      await boss.send("schedule", { mode, account: config.account.name });
    return;
  }
  const requested = await requestRun(one, { mode, trigger: "schedule", actor: systemActor });
  if (!requested.alreadyRunning) return runs.execute(requested.run.id);
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
  runs: RunWork,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await recoverFixes(desk);
      await wakeSnoozed(desk);
      await voidChanged(desk);
      await foldTotals(desk.sql);
      await clearWebhooks(desk);
      await dropForgottenStagingTables(desk.sql);
      await runs.look();
    } catch (error) {
      desk.log.error(error, "looking for left work failed");
    }
    await wait(everyMs, undefined, { signal }).catch(() => {});
  }
}

/** Whether events arrive. Runs look at it too, when they have ended. */
async function watchForEver(desk: QueuedDesk, everyMs: number, signal: AbortSignal): Promise<void> {
  for (;;) {
    await wait(everyMs, undefined, { signal }).catch(() => {});
    if (signal.aborted) return;
    await lookAtPipelines(desk);
  }
}

/** Apart from everything else: no run and no correction waits for Slack, and no channel for another. */
async function tellForEver(desk: QueuedDesk, everyMs: number, signal: AbortSignal): Promise<void> {
  const forEver = async (work: () => Promise<unknown>) => {
    while (!signal.aborted) {
      try {
        await work();
      } catch (error) {
        desk.log.error(error, "telling what happened failed");
      }
      await wait(everyMs, undefined, { signal }).catch(() => {});
    }
  };
  await Promise.all([
    forEver(() => raiseAlerts(desk)),
    forEver(() => readDisputes(desk)),
    ...channels.map((channel) => forEver(() => deliverOn(desk, channel, signal))),
  ]);
}

/** Apart from the search for left work: it asks Stripe, which can take its time. */
async function followForEver(
  desk: QueuedDesk,
  boss: PgBoss,
  everyMs: number,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      for (const runId of await checkWebhooks(desk, signal)) await boss.send("run", { runId });
    } catch (error) {
      desk.log.error(error, "looking at what webhooks named failed");
    }
    await wait(everyMs, undefined, { signal }).catch(() => {});
  }
}
