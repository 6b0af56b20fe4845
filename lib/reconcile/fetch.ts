// Stripe's side of a run: windows of `created` times, paged in parallel, each page staged in one transaction with its
// window's cursor. A window that turns out dense is split while somebody is idle, so no long one is left at the end.
import type { Sql } from "postgres";
import type { StripeObject } from "../config/resource.ts";
import { DriftdeskError } from "../errors.ts";
import type { StripeReader } from "../stripe/reader.ts";
import { stageExpected } from "./expected.ts";
import type { Begin } from "./lease.ts";
import { projectObject } from "./project.ts";
import type { Stage } from "./staging.ts";
import { together } from "./together.ts";

interface Window {
  number: number;
  /** Half-open, Unix seconds. */
  createdFrom: number;
  createdTo: number;
  cursor: string | null;
}

export interface FetchContext {
  begin: Begin;
  sql: Sql;
  stripe: StripeReader;
  signal: AbortSignal;
  /** Windows paged at the same time. More than rate × latency, or the budget is not used up. */
  parallel: number;
}

/** Stripe opened its doors in 2011: nothing is older. */
const stripeBegan = Date.UTC(2011, 0, 1) / 1000;
const firstWindows = 8;

/** Splits a resource's life into its first windows, up to now. What is created later belongs to the next run. */
export function planWindows(now: Date): { createdFrom: number; createdTo: number }[] {
  const end = Math.floor(now.getTime() / 1000) + 1;
  // Accounts are mostly young: the newest slice is the shortest, each older one twice as long.
  const bounds = [end];
  for (let i = firstWindows - 1; i > 0; i--) bounds.push(Math.floor(end - (end - stripeBegan) / 2 ** i));
  bounds.push(0);
  return bounds.slice(1).map((from, i) => ({ createdFrom: from, createdTo: bounds[i] as number }));
}

/** Pages every open window of a resource to its end. Windows that cannot be read are marked, not thrown. */
export async function fetchResource(context: FetchContext, stage: Stage): Promise<void> {
  const open = await context.begin(
    (tx) => tx<Window[]>`
      UPDATE driftdesk.windows SET state = 'open', message = NULL
      WHERE run_id = ${stage.runId} AND resource = ${stage.resource.name} AND state <> 'done'
      RETURNING number, created_from AS "createdFrom", created_to AS "createdTo", cursor`,
  );
  const [highest] = await context.sql<{ number: number }[]>`
    SELECT coalesce(max(number), 0) AS number FROM driftdesk.windows
    WHERE run_id = ${stage.runId} AND resource = ${stage.resource.name}`;
  const queue = new WindowQueue([...open], (highest?.number ?? 0) + 1);
  const worker = async (signal: AbortSignal) => {
    for (let window = await queue.take(); window !== null; window = await queue.take()) {
      try {
        await fetchWindow({ ...context, signal }, stage, window, queue);
      } catch (error) {
        queue.fail();
        throw error;
      }
      queue.finished();
    }
  };
  await together(context.signal, Array<typeof worker>(context.parallel).fill(worker));
}

/** Hands out windows and knows when there will be no more: nothing queued and nobody working. */
class WindowQueue {
  #queue: Window[];
  #next: number;
  #working = 0;
  #waiting: ((window: Window | null) => void)[] = [];
  #broken = false;

  constructor(queue: Window[], next: number) {
    this.#queue = queue;
    this.#next = next;
  }

  /** Somebody has nothing to do and nothing is queued for them. */
  get hungry(): boolean {
    return this.#waiting.length > this.#queue.length;
  }

  nextNumber(): number {
    return this.#next++;
  }

  add(window: Window): void {
    const waiting = this.#waiting.shift();
    if (!waiting) {
      this.#queue.push(window);
      return;
    }
    this.#working++;
    waiting(window);
  }

  take(): Promise<Window | null> {
    if (this.#broken) return Promise.resolve(null);
    const window = this.#queue.shift();
    if (window) {
      this.#working++;
      return Promise.resolve(window);
    }
    if (this.#working === 0) {
      this.#release();
      return Promise.resolve(null);
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  finished(): void {
    this.#working--;
    if (this.#working === 0 && this.#queue.length === 0) this.#release();
  }

  fail(): void {
    this.#broken = true;
    this.#release();
  }

  #release(): void {
    for (const waiting of this.#waiting.splice(0)) waiting(null);
  }
}

async function fetchWindow(
  context: FetchContext,
  stage: Stage,
  window: Window,
  queue: WindowQueue,
): Promise<void> {
  for (;;) {
    context.signal.throwIfAborted();
    let objects: StripeObject[];
    let hasMore: boolean;
    try {
      ({ data: objects, hasMore } = await context.stripe.list(stage.resource.stripe, {
        createdFrom: window.createdFrom,
        createdTo: window.createdTo,
        startingAfter: window.cursor ?? undefined,
        expand: stage.resource.expand,
      }));
    } catch (error) {
      if (!(error instanceof DriftdeskError)) throw error;
      if (error.code === "stripe_cursor_gone") {
        await restartWindow(context, stage, window);
        continue;
      }
      if (!unreadable.has(error.code)) throw error;
      const { message } = error;
      await context.begin(
        (tx) => tx`
          UPDATE driftdesk.windows SET state = 'unreadable', message = ${message}
          WHERE run_id = ${stage.runId} AND resource = ${stage.resource.name} AND number = ${window.number}`,
      );
      return;
    }
    context.signal.throwIfAborted();
    const split =
      hasMore && queue.hungry && !context.stripe.crowded(stage.resource.stripe)
        ? splitOff(window, objects, queue)
        : null;
    await stagePage(context, stage, window, { objects, hasMore, split });
    window.cursor = objects.at(-1)?.id ?? window.cursor;
    if (split) {
      window.createdFrom = split.createdTo;
      queue.add(split);
    }
    if (!hasMore) return;
  }
}

/** What a later run may get over: the window is left out of this one, which ends as incomplete. */
const unreadable = new Set(["stripe_unreachable", "stripe_rate_limited"]);

const worthSplitting = 3;

/** The older half of what is left of a window, by time; null when it is too short to be worth it. */
function splitOff(window: Window, objects: StripeObject[], queue: WindowQueue): Window | null {
  const newest = objects[0]?.created;
  const oldest = objects.at(-1)?.created;
  if (newest === undefined || oldest === undefined) return null;
  // Each window ends with a page that is not full: what this page's density says is hardly more than one is left alone.
  const pagesLeft = (oldest - Math.max(window.createdFrom, stripeBegan)) / Math.max(1, newest - oldest);
  if (pagesLeft < worthSplitting) return null;
  // Nothing is older than Stripe itself: the first window begins at 0 only to be certain.
  const middle = Math.floor((Math.max(window.createdFrom, Math.min(stripeBegan, oldest)) + oldest) / 2);
  if (middle <= window.createdFrom || middle >= oldest) return null;
  return { number: queue.nextNumber(), createdFrom: window.createdFrom, createdTo: middle, cursor: null };
}

async function stagePage(
  context: FetchContext,
  stage: Stage,
  window: Window,
  { objects, hasMore, split }: { objects: StripeObject[]; hasMore: boolean; split: Window | null },
): Promise<void> {
  const projected = objects.map((object) => projectObject(stage.resource, stage.table, object));
  await context.begin(async (tx) => {
    await stageExpected(tx, stage, projected);
    // The old cursor in the condition: whatever goes wrong elsewhere, no page is staged twice.
    const moved = await tx`
      UPDATE driftdesk.windows
      SET cursor = ${objects.at(-1)?.id ?? window.cursor}, objects = objects + ${objects.length},
          state = ${hasMore ? "open" : "done"}, created_from = ${split?.createdTo ?? window.createdFrom}
      WHERE run_id = ${stage.runId} AND resource = ${stage.resource.name} AND number = ${window.number}
        AND state = 'open' AND cursor IS NOT DISTINCT FROM ${window.cursor}
      RETURNING number`;
    // None: Postgres crashed, and the windows are gone with all that was staged.
    if (moved.length !== 1)
      throw new DriftdeskError("run_superseded", "The run's windows changed under it; it has to be resumed.");
    if (split)
      await tx`
        INSERT INTO driftdesk.windows (run_id, resource, number, created_from, created_to)
        VALUES (${stage.runId}, ${stage.resource.name}, ${split.number}, ${split.createdFrom}, ${split.createdTo})`;
  });
}

/** The object that the cursor named was deleted meanwhile: what the window staged goes, and it begins anew. */
async function restartWindow(context: FetchContext, stage: Stage, window: Window): Promise<void> {
  await context.begin(async (tx) => {
    await tx.unsafe(`DELETE FROM ${stage.expected} WHERE created >= $1 AND created < $2`, [
      window.createdFrom,
      window.createdTo,
    ]);
    await tx`
      UPDATE driftdesk.windows SET cursor = NULL, objects = 0
      WHERE run_id = ${stage.runId} AND resource = ${stage.resource.name} AND number = ${window.number}`;
  });
  window.cursor = null;
}
