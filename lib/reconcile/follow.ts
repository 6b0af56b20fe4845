import { setTimeout as wait } from "node:timers/promises";
import type { Sql } from "postgres";
import { underWayStates } from "../db/schema.ts";
import { onRunChange } from "./changes.ts";
import { type Rate, RunRate } from "./rate.ts";
import { getRun, type RunView } from "./runs.ts";

/** How often it is looked when nobody says that something changed: seldom where they usually do. */
const lookMs = { told: 2_000, untold: 500 };

export interface FollowOptions {
  /** Not more often than this. */
  everyMs?: number;
  signal?: AbortSignal;
}

/** A run as it goes on, in whatever process: at once, after each change, and at its end. */
export async function* followRun(
  sql: Sql,
  id: number,
  { everyMs = 250, signal }: FollowOptions = {},
): AsyncGenerator<{ run: RunView; rate: Rate; ended: boolean }, void, undefined> {
  const rates = new RunRate();
  let told = false;
  let changed = Promise.withResolvers<void>();
  const stop = onRunChange(sql, (runId) => {
    if (runId === id) changed.resolve();
  });
  try {
    for (let last = ""; !signal?.aborted; ) {
      const next = Promise.withResolvers<void>();
      changed = next;
      const run = await getRun(sql, id);
      if (!run) return;
      const rate = rates.add(run, performance.now());
      const ended = !underWayStates.includes(run.state);
      const seen = JSON.stringify(run);
      if (seen !== last || ended) yield { run, rate, ended };
      if (ended) return;
      last = seen;
      await pause(everyMs, signal);
      const heard = next.promise.then(() => true);
      const silence: Promise<boolean> = pause(told ? lookMs.told : lookMs.untold, signal).then(() => false);
      told = await Promise.race([heard, silence]);
    }
  } finally {
    stop();
  }
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await wait(ms, undefined, { signal, ref: false }).catch(() => {});
}
