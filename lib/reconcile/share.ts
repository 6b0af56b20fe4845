// A run is divided among the processes that take part in it: each resource is taken through its steps by one of them,
// and its windows are read by all. Nobody is in charge: each looks at how the run stands, and does what it can.
import { setTimeout as wait } from "node:timers/promises";
import type { Resource } from "../config/resource.ts";
import type { Run, RunResourceState } from "../db/schema.ts";
import { turnNow } from "../db/turns.ts";
import type { Desk } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";
import { fetchResource } from "./fetch.ts";
import { failRun } from "./finish.ts";
import { type Lease, leaseName, leasePrefix, type Presence } from "./lease.ts";
import type { Patience } from "./patience.ts";
import { planResource } from "./plan.ts";
import type { Progress } from "./progress.ts";
import { fetchContext, type RunContext, runResource } from "./resource.ts";
import { stagingTablesExist } from "./staging.ts";

export interface Sharing {
  desk: Desk;
  run: Run;
  accountId: string;
  /** When the account was made, Unix seconds. */
  began: number;
  presence: Presence;
  progress: Progress;
  patience: Patience;
  parallel: number;
  signal: AbortSignal;
  /** What an error means for the run; throws what says nothing about it. */
  reasonToFail(error: unknown): Promise<unknown>;
  /** Called when nobody else is at the run any more; whether it goes on. */
  aloneNow(): Promise<boolean>;
  /** Leave when there is nothing to do for now, instead of staying to the end. */
  onlyHelp: boolean;
}

/** How soon a process looks again at what others do. */
const lookAgainMs = 500;

/** Does this process's share until every resource of the run has come to its end, in whatever process. */
export async function shareRun(sharing: Sharing, resources: readonly Resource[]): Promise<void> {
  const stop = new AbortController();
  const signal = AbortSignal.any([sharing.signal, stop.signal]);
  const tasks = new Tasks((error) => stop.abort(error));
  /** When a resource of another process is worth a look again. */
  const helpFrom = new Map<string, number>();
  const { desk, run, patience } = sharing;
  // Somebody waits for a targeted run: better no answer than one in a quarter of an hour.
  const stripe = run.mode === "targeted" ? desk.stripe : patience.reader(desk.stripe, signal);
  const mine = { ...sharing, desk: { ...desk, stripe }, signal };
  try {
    for (;;) {
      signal.throwIfAborted();
      const standing = await standingOf(mine, resources);
      if (standing.open.length === 0) return;
      if (standing.alone && !(await sharing.aloneNow())) return;
      for (const { resource, taken, state } of standing.open) {
        const { name } = resource;
        if (tasks.has(name) || (!taken && (await takeOver(mine, resource, tasks)))) continue;
        if (taken && state === "fetching" && performance.now() >= (helpFrom.get(name) ?? 0))
          tasks.add(name, async () => {
            helpFrom.set(name, performance.now() + (await help(mine, resource)));
          });
      }
      const more = standing.open.some(
        ({ resource, state }) => tasks.has(resource.name) || state === "waiting" || state === "fetching",
      );
      if (sharing.onlyHelp && !more && !standing.alone) return;
      await tasks.change(signal);
    }
  } catch (error) {
    stop.abort(error);
    throw error;
  } finally {
    // Nobody writes any more when this returns.
    await tasks.allEnded();
  }
}

interface Standing {
  /** Resources that have not come to their end, as far as this process knows them. */
  open: { resource: Resource; taken: boolean; state: RunResourceState }[];
  /** No other process takes part. */
  alone: boolean;
}

async function standingOf(
  { desk, run, accountId, presence }: Sharing,
  resources: readonly Resource[],
): Promise<Standing> {
  const rows = await desk.sql<{ name: string; state: RunResourceState; taken: boolean; others: boolean }[]>`
    SELECT r.resource AS name, r.state,
           EXISTS (SELECT FROM driftdesk.leases l
                   WHERE l.account_id = ${accountId} AND l.resource = ${leasePrefix(run)} || r.resource
                     AND l.expires_at > clock_timestamp()) AS taken,
           EXISTS (SELECT FROM driftdesk.run_processes p
                   WHERE p.run_id = r.run_id AND p.holder <> ${presence.holder}
                     AND p.expires_at > clock_timestamp()) AS others
    FROM driftdesk.run_resources r
    WHERE r.run_id = ${run.id} AND r.state IN ('waiting', 'fetching', 'comparing', 'confirming', 'recording')
    ORDER BY r.resource`;
  const open = rows.flatMap(({ name, state, taken }) => {
    const resource = resources.find((one) => one.name === name);
    return resource ? [{ resource, taken, state }] : [];
  });
  return { open, alone: !rows.some((row) => row.others) };
}

/** Takes a resource through its steps, unless this process has enough to do or another was faster. */
async function takeOver(sharing: Sharing, resource: Resource, tasks: Tasks): Promise<boolean> {
  const { desk, run, presence, progress } = sharing;
  // Somebody waits for a check: it does not queue behind the resources of other runs.
  const over = turnNow(desk.sql, run.mode === "targeted" ? "check" : "resource");
  if (!over) return false;
  let lease: Lease | null = null;
  try {
    lease = await presence.take(leaseName(run, resource.name));
  } finally {
    if (!lease) over();
  }
  if (!lease) return false;
  const mine = lease;
  tasks.add(resource.name, async () => {
    progress.owned.add(resource.name);
    try {
      await carryOut(sharing, resource, mine);
    } finally {
      progress.owned.delete(resource.name);
      over();
      await mine.release();
    }
  });
  return true;
}

async function carryOut(sharing: Sharing, resource: Resource, lease: Lease): Promise<void> {
  const { desk, run } = sharing;
  const signal = AbortSignal.any([sharing.signal, lease.signal]);
  const steps = runResource({ ...contextOf(sharing), signal, begin: lease.begin }, resource);
  try {
    await steps.catch(async (error) => {
      sharing.signal.throwIfAborted();
      if (isSuperseded(error)) throw error;
      // Refused when another process has the resource by now: then that is what the error came from.
      await failRun(desk, run, await sharing.reasonToFail(error), lease.begin);
      throw new DriftdeskError("run_cancelled", "The run has failed.");
    });
  } catch (error) {
    // The run goes on, here as well.
    if (sharing.signal.aborted || !isSuperseded(error)) throw error;
  }
}

function contextOf(sharing: Sharing): Omit<RunContext, "begin"> {
  const { desk, run, accountId, began, presence, progress, parallel, signal } = sharing;
  return { desk, run, accountId, began, holder: presence.holder, progress, parallel, signal };
}

/** All windows were read; the process whose resource it is may have to read them anew. */
const helpAgainMs = 5_000;

/** Reads windows of a resource that another process has. Answers for how long there is nothing more to do, in ms. */
async function help(sharing: Sharing, resource: Resource): Promise<number> {
  const { desk, run, accountId } = sharing;
  try {
    const stage = await planResource(desk.local, run, accountId, resource);
    // Not made yet, or of another mapping, under which they have other names.
    if (!(await stagingTablesExist(desk.sql, stage))) return helpAgainMs;
    await fetchResource(fetchContext(contextOf(sharing)), stage);
    return helpAgainMs;
  } catch (error) {
    sharing.signal.throwIfAborted();
    if (isSuperseded(error)) return helpAgainMs;
    // Whose resource it is will meet the same, and knows what it means for the run.
    desk.log.warn({ err: error, run: run.id, resource: resource.name }, "could not help with a resource");
    return Number.POSITIVE_INFINITY;
  }
}

const isSuperseded = (error: unknown) => error instanceof DriftdeskError && error.code === "run_superseded";

/** What is under way in this process, by the resource's name. */
class Tasks {
  readonly #running = new Map<string, Promise<void>>();
  readonly #failed: (error: unknown) => void;
  #wake = () => {};

  constructor(failed: (error: unknown) => void) {
    this.#failed = failed;
  }

  has(name: string): boolean {
    return this.#running.has(name);
  }

  add(name: string, work: () => Promise<void>): void {
    const task = work()
      .catch(this.#failed)
      .finally(() => {
        this.#running.delete(name);
        this.#wake();
      });
    this.#running.set(name, task);
  }

  /** Waits until one has ended, or until it is time to look at what others do. */
  async change(signal: AbortSignal): Promise<void> {
    const over = new AbortController();
    this.#wake = () => over.abort();
    await wait(lookAgainMs, undefined, { signal: AbortSignal.any([over.signal, signal]) }).catch(() => {});
  }

  async allEnded(): Promise<void> {
    await Promise.all(this.#running.values());
  }
}
