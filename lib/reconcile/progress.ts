import type { Run } from "../db/schema.ts";
import type { Desk } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";

const everyMs = 500;

export interface Progress {
  /** Aborts when somebody cancelled the run. */
  signal: AbortSignal;
  stop(): Promise<void>;
}

/**
 * Keeps a run's figures and its sign of life up to date while it goes on, and notices when it was cancelled. `before`:
 * the requests that were none of this attempt's.
 */
export function watchProgress(desk: Desk, run: Run, before: Desk["stripe"]["counts"]): Progress {
  const cancelled = new AbortController();
  const write = async () => {
    await desk.sql`
      UPDATE driftdesk.run_resources r
      SET windows_total = w.total, windows_done = w.done, objects = w.objects,
          local_rows = coalesce((SELECT c.rows FROM driftdesk.local_copies c
                                 WHERE c.run_id = r.run_id AND c.resource = r.resource), r.local_rows)
      FROM (
        SELECT resource, count(*)::int AS total, (count(*) FILTER (WHERE state = 'done'))::int AS done, sum(objects) AS objects
        FROM driftdesk.windows WHERE run_id = ${run.id} GROUP BY resource
      ) w
      WHERE r.run_id = ${run.id} AND r.resource = w.resource`;
    const { requests, rateLimited } = desk.stripe.counts;
    const [row] = await desk.sql<{ state: string }[]>`
      UPDATE driftdesk.runs
      SET heartbeat_at = ${desk.now()}, requests = ${run.requests + requests - before.requests},
          rate_limited = ${run.rateLimited + rateLimited - before.rateLimited}
      WHERE id = ${run.id}
      RETURNING state`;
    if (row && row.state !== "running")
      cancelled.abort(new DriftdeskError("run_cancelled", "The run was stopped."));
  };
  let writing: Promise<void> = Promise.resolve();
  // A missed tick is no harm; the next one carries the same figures.
  const timer = setInterval(() => {
    writing = writing.then(write).catch(() => {});
  }, everyMs);
  return {
    signal: cancelled.signal,
    async stop() {
      clearInterval(timer);
      await writing;
      // The figures are not worth a run that has just come to a good end.
      await write().catch(() => {});
    },
  };
}
