import { setTimeout as wait } from "node:timers/promises";
import type { Sql } from "postgres";
import type { RunState } from "../db/schema.ts";
import { getRun, type RunView } from "./runs.ts";

const underWay: readonly RunState[] = ["queued", "running"];

/** A run as it goes on: at once, after each change that is seen, and at its end. */
export async function* followRun(
  sql: Sql,
  id: number,
  options: { everyMs?: number; signal?: AbortSignal } = {},
): AsyncGenerator<{ run: RunView; ended: boolean }, void, undefined> {
  let last = "";
  while (!options.signal?.aborted) {
    const run = await getRun(sql, id);
    if (!run) return;
    const ended = !underWay.includes(run.state);
    const seen = JSON.stringify(run);
    if (seen !== last || ended) yield { run, ended };
    if (ended) return;
    last = seen;
    await wait(options.everyMs ?? 500, undefined, { signal: options.signal }).catch(() => {});
  }
}
