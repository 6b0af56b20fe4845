import { setTimeout as wait } from "node:timers/promises";
import { endedResourceStates, listed, type Run } from "../db/schema.ts";
import type { Desk } from "../desk.ts";
import { diagnose } from "./diagnose.ts";

export interface OnceOptions {
  signal: AbortSignal;
  /** Leave it to the process that is at it, instead of waiting for its end. */
  onlyHelp: boolean;
}

/** How soon a process looks again whether another one is still at it. */
const lookAgainMs = 500;

/**
 * Looks for causes when all resources of the run have come to their end: by one of the processes that take part, and by
 * another one when that was killed. Answers whether it is over.
 */
export async function diagnoseOnce(
  desk: Desk,
  { run, accountId, holder }: { run: Run; accountId: string; holder: string },
  { signal, onlyHelp }: OnceOptions,
): Promise<boolean> {
  for (;;) {
    signal.throwIfAborted();
    const state = await claim(desk, run, holder);
    if (state === "over") return true;
    if (state === "too_early") return false;
    if (state === "mine") {
      await diagnose(desk, { run, accountId }, { signal });
      await desk.sql`UPDATE driftdesk.runs SET diagnosed_at = ${desk.now()} WHERE id = ${run.id}`;
      return true;
    }
    if (onlyHelp) return false;
    await wait(lookAgainMs, undefined, { signal }).catch(() => {});
  }
}

async function claim(
  { sql }: Desk,
  run: Run,
  holder: string,
): Promise<"mine" | "others" | "over" | "too_early"> {
  const [left] = await sql`
    SELECT FROM driftdesk.run_resources
    WHERE run_id = ${run.id} AND state NOT IN (${sql.unsafe(listed(endedResourceStates))}) LIMIT 1`;
  if (left) return "too_early";
  const [mine] = await sql`
    UPDATE driftdesk.runs r SET diagnosing = ${holder}
    WHERE r.id = ${run.id} AND r.state = 'running' AND r.diagnosed_at IS NULL
      AND NOT EXISTS (SELECT FROM driftdesk.run_processes p
                      WHERE p.run_id = r.id AND p.holder = r.diagnosing AND p.holder <> ${holder}
                        AND p.expires_at > clock_timestamp())
    RETURNING r.id`;
  if (mine) return "mine";
  const [open] = await sql`
    SELECT FROM driftdesk.runs WHERE id = ${run.id} AND state = 'running' AND diagnosed_at IS NULL`;
  return open ? "others" : "over";
}
