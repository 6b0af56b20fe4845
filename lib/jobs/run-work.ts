import { setTimeout as wait } from "node:timers/promises";
import { listed, underWayStates } from "../db/schema.ts";
import { lookAfterRun } from "../diagnose/pipeline.ts";
import { DriftdeskError } from "../errors.ts";
import { onRunChange } from "../reconcile/changes.ts";
import { executeRun } from "../reconcile/run.ts";
import type { QueuedDesk } from "./queues.ts";

/** Runs that a worker takes at the same time; more are left to others, or for later. */
export const runsAtOnce = 4;
/** Runs at which a worker helps others at the same time; those that it was called for come on top. */
const helpsAtOnce = 2;
/** How soon a worker looks again at the runs of others. */
const lookAgainMs = 1_000;
/** And at one with which it could not help. */
const restMs = 15_000;

/** The runs that a worker takes part in: those that it was called for, those that nobody is at, and those of others. */
export class RunWork {
  readonly #desk: QueuedDesk;
  readonly #signal: AbortSignal;
  readonly #leaseMs: number | undefined;
  readonly #underWay = new Map<number, Promise<void>>();
  readonly #helped = new Set<number>();
  /** Until when runs that this worker has left are left to others. */
  readonly #rests = new Map<number, number>();
  #looking: Promise<void> | null = null;

  constructor(desk: QueuedDesk, { signal, leaseMs }: { signal: AbortSignal; leaseMs: number | undefined }) {
    this.#desk = desk;
    this.#signal = signal;
    this.#leaseMs = leaseMs;
    const stop = onRunChange(desk.sql, (id) => {
      if (this.#mayHelp(id)) this.#lookSoon();
    });
    signal.addEventListener("abort", stop, { once: true });
  }

  /** Takes part in a run to its end. */
  execute(id: number): Promise<void> {
    return this.#underWay.get(id) ?? this.#take(id, false);
  }

  /** Looks through the tables for what there is to do. */
  async look(): Promise<void> {
    for (const id of await abandonedRuns(this.#desk))
      if (this.#underWay.size - this.#helped.size < runsAtOnce) void this.execute(id);
    for (const id of await runsOfOthers(this.#desk)) if (this.#mayHelp(id)) void this.#take(id, true);
  }

  /** Everything has been let go of. */
  async stopped(): Promise<void> {
    await Promise.all([...this.#underWay.values(), this.#looking]);
  }

  #mayHelp(id: number): boolean {
    if (this.#underWay.has(id) || this.#helped.size >= helpsAtOnce) return false;
    return performance.now() >= (this.#rests.get(id) ?? 0);
  }

  /** What is told of runs comes several times a second. */
  #lookSoon(): void {
    this.#looking ??= wait(lookAgainMs / 4, undefined, { signal: this.#signal })
      .then(() => this.look())
      .then(() => wait(lookAgainMs, undefined, { signal: this.#signal }))
      .catch((error) => {
        if (!this.#signal.aborted) this.#desk.log.error(error, "looking for runs to help with failed");
      })
      .finally(() => {
        this.#looking = null;
      });
  }

  #take(id: number, onlyHelp: boolean): Promise<void> {
    if (this.#signal.aborted) return Promise.resolve();
    if (onlyHelp) this.#helped.add(id);
    const work = this.#carryOut(id, onlyHelp).finally(() => {
      this.#underWay.delete(id);
      if (this.#helped.delete(id)) this.#rest(id);
    });
    this.#underWay.set(id, work);
    return work;
  }

  #rest(id: number): void {
    const now = performance.now();
    for (const [one, until] of this.#rests) if (until <= now) this.#rests.delete(one);
    this.#rests.set(id, now + restMs);
  }

  async #carryOut(run: number, onlyHelp: boolean): Promise<void> {
    const { log } = this.#desk;
    log.info({ run }, onlyHelp ? "helps with a run" : "takes a run");
    try {
      const ended = await executeRun(this.#desk, run, {
        signal: this.#signal,
        leaseMs: this.#leaseMs,
        onlyHelp,
      });
      const { state } = ended;
      log.info({ run, state }, state === "running" ? "has nothing more to do for a run" : "a run has ended");
      if (!onlyHelp) await lookAfterRun(this.#desk, ended);
    } catch (error) {
      if (error instanceof DriftdeskError && ["run_busy", "run_superseded"].includes(error.code))
        log.info({ run }, error.message);
      else log.error({ err: error, run }, "a run could not be executed");
    }
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
    WHERE r.state IN (${desk.sql.unsafe(listed(underWayStates))})
      AND (r.state = 'running' OR r.requested_at < ${new Date(now - 30_000)})
      AND (r.trigger <> 'command' OR coalesce(r.heartbeat_at, r.requested_at) < ${new Date(now - 60_000)})
      AND NOT EXISTS (
        SELECT FROM driftdesk.leases l WHERE l.run_id = r.id AND l.expires_at > clock_timestamp())
      AND NOT EXISTS (
        SELECT FROM driftdesk.run_processes p WHERE p.run_id = r.id AND p.expires_at > clock_timestamp())
    ORDER BY r.id`;
  return rows.map((row) => row.id);
}

/** Runs that others are at and that have something to share, first those that the fewest are at. */
async function runsOfOthers(desk: QueuedDesk): Promise<number[]> {
  const rows = await desk.sql<{ id: number }[]>`
    SELECT r.id
    FROM driftdesk.runs r
    JOIN driftdesk.run_processes p ON p.run_id = r.id AND p.expires_at > clock_timestamp()
    -- A targeted run is over before anybody could help.
    WHERE r.state = 'running' AND r.mode <> 'targeted'
      AND EXISTS (SELECT FROM driftdesk.run_resources s
                  WHERE s.run_id = r.id AND s.state IN ('waiting', 'fetching'))
    GROUP BY r.id
    ORDER BY count(*), r.id`;
  return rows.map((row) => row.id);
}
