import { setTimeout as wait } from "node:timers/promises";
import type { PgBoss } from "pg-boss";
import { deliverOn } from "../alerts/deliver.ts";
import { raiseAlerts } from "../alerts/raise.ts";
import { channels } from "../db/schema.ts";
import { lookAtPipelines } from "../diagnose/pipeline.ts";
import { foldTotals } from "../discrepancies/totals.ts";
import { readDisputes } from "../disputes/read.ts";
import { DriftdeskError } from "../errors.ts";
import { executeBulk } from "../fixes/execute.ts";
import { recoverFixes, wakeSnoozed } from "../fixes/recover.ts";
import { voidChanged } from "../fixes/second-person.ts";
import { beats } from "../health/beats.ts";
import { about } from "../log-context.ts";
import { dropForgottenStagingTables } from "../reconcile/staging.ts";
import { checkWebhooks } from "../webhooks/check.ts";
import { clearWebhooks } from "../webhooks/clear.ts";
import { beginDue } from "./due.ts";
import { keepSchedules } from "./keep-schedules.ts";
import { noticeOverdue } from "./overdue.ts";
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
  /** How often it is looked whether a schedule is due. */
  schedulesMs?: number;
  /** How often the tables are searched for what webhooks named. */
  webhooksMs?: number;
}

/** How long a stop waits for requests that are on their way. */
const patienceMs = 5_000;

/** A call that comes while all are busy wakes nobody: without looking often, what waits would wait for half a minute. */
const looking = { notifyPollingIntervalSeconds: 2 };
const someRuns = { ...looking, localConcurrency: runsAtOnce };

/**
 * What goes round in a worker, each apart from the others: no run and no correction waits for Slack, no channel for another,
 * and nothing for what is found out by asking Stripe, which can take its time. A round longer than `longestMs` is stuck.
 */
const loops = {
  sweep: { longestMs: 300_000, failed: "looking for left work failed" },
  alerts: { longestMs: 300_000, failed: "looking for what people should be told failed" },
  disputes: { longestMs: 1_800_000, failed: "looking for disputes failed" },
  deliveries: { longestMs: 1_800_000, failed: "telling what happened failed" },
  schedules: { longestMs: 300_000, failed: "looking for what is due failed" },
  webhooks: { longestMs: 1_800_000, failed: "looking at what webhooks named failed" },
  // Runs look at it too, when they have ended: there is no hurry at the start.
  pipeline: { longestMs: 1_800_000, failed: "looking whether events arrive failed", pauseFirst: true },
};
type Loop = keyof typeof loops;
interface LoopKind {
  longestMs: number;
  failed: string;
  pauseFirst?: boolean;
}

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
    if (job) await track(about({ bulk: job.data.bulkId }, () => executeBulk(desk, job.data.bulkId)));
  });
  await keepSchedules(desk);
  const { signal } = stopping;
  const loop = (name: Loop, everyMs: number) => ({ name, everyMs, signal, desk });
  const sweeping = goRound(loop("sweep", options.sweepMs ?? 15_000), () => sweep(desk, runs));
  const alertsMs = options.alertsMs ?? 5_000;
  const telling = Promise.all([
    goRound(loop("alerts", alertsMs), () => raiseAlerts(desk)),
    goRound(loop("disputes", alertsMs), () => readDisputes(desk)),
    ...channels.map((channel) =>
      goRound(loop("deliveries", alertsMs), () => deliverOn(desk, channel, signal)),
    ),
  ]);
  track(goRound(loop("pipeline", options.pipelineMs ?? 60_000), () => lookAtPipelines(desk)));
  track(goRound(loop("schedules", options.schedulesMs ?? 5_000), () => begin(desk, boss)));
  track(goRound(loop("webhooks", options.webhooksMs ?? 5_000), () => follow(desk, boss, signal)));

  return {
    async stop() {
      stopping.abort(new DriftdeskError("run_superseded", "This process stops; another one goes on."));
      // A message that is on its way is waited for, like requests to Stripe: else it would be sent twice.
      track(telling);
      // What does not let go in time is found by its lease, as after a kill.
      const over = sweeping.then(() => Promise.all([...underWay, runs.stopped()]));
      await Promise.race([over, wait(patienceMs, undefined, { ref: false })]);
      await closeQueues(desk);
    },
  };
}

/** A round after the other, with pauses, until told to stop. Whoever watches over the process sees that it goes round. */
async function goRound(
  { name, everyMs, signal, desk }: { name: Loop; everyMs: number; signal: AbortSignal; desk: QueuedDesk },
  round: () => Promise<unknown>,
): Promise<void> {
  const { longestMs, failed, pauseFirst = false }: LoopKind = loops[name];
  const beat = beats(name, longestMs + everyMs);
  const pause = () => wait(everyMs, undefined, { signal }).catch(() => {});
  if (pauseFirst) await pause();
  while (!signal.aborted) {
    try {
      await round();
    } catch (error) {
      desk.log.error(error, failed);
    }
    beat.round();
    await pause();
  }
  beat.end();
}

async function sweep(desk: QueuedDesk, runs: RunWork): Promise<void> {
  await recoverFixes(desk);
  await wakeSnoozed(desk);
  await voidChanged(desk);
  await foldTotals(desk.sql);
  await clearWebhooks(desk);
  await dropForgottenStagingTables(desk.sql);
  await runs.look();
}

/** In this order: what is begun late is noticed before. */
async function begin(desk: QueuedDesk, boss: PgBoss): Promise<void> {
  await noticeOverdue(desk);
  for (const runId of await beginDue(desk)) await boss.send("run", { runId });
}

async function follow(desk: QueuedDesk, boss: PgBoss, signal: AbortSignal): Promise<void> {
  for (const runId of await checkWebhooks(desk, signal)) await boss.send("run", { runId });
}
