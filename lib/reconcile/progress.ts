import type { Run } from "../db/schema.ts";
import type { Desk } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";
import { type Patience, waitingWords } from "./patience.ts";
import type { Company } from "./reading.ts";

const everyMs = 500;

export interface Progress extends Company {
  /** Aborts when the run is over: somebody cancelled it, or another process ended it. */
  signal: AbortSignal;
  /** Resources whose figures this process writes, because it takes them through their steps. */
  owned: Set<string>;
  write(): Promise<void>;
  stop(): Promise<void>;
}

export interface Watched {
  run: Run;
  holder: string;
  /** When the account was made, Unix seconds. */
  began: number;
  patience: Patience;
  /** What had been asked of Stripe before this process had to do with the run. */
  before: Desk["stripe"]["counts"];
}

/**
 * Keeps a run's figures and its sign of life up to date while it goes on, notices when it was ended, and looks how many
 * windows lie there for others.
 */
export function watchProgress(desk: Desk, watched: Watched): Progress {
  const over = new AbortController();
  const owned = new Set<string>();
  let stock: Stock = { others: 0, free: new Map() };
  let told = { ...watched.before };
  const write = async () => {
    if (owned.size > 0) await writeFigures(desk, watched, [...owned]);
    const { requests, rateLimited } = desk.stripe.counts;
    const state = await addRequests(desk, watched.run.id, {
      requests: requests - told.requests,
      rateLimited: rateLimited - told.rateLimited,
    });
    told = { requests, rateLimited };
    if (state !== "running") over.abort(new DriftdeskError("run_cancelled", "The run was stopped."));
    stock = await lookAtStock(desk, watched);
  };
  let writing: Promise<void> = Promise.resolve();
  let waiting = 0;
  const next = () => {
    waiting++;
    writing = writing
      .catch(() => {})
      .then(write)
      .finally(() => waiting--);
    return writing;
  };
  // A tick that is missed, or comes while the last one is still being written, is no harm: the next has the same figures.
  const timer = setInterval(() => {
    if (waiting === 0) void next().catch(() => {});
  }, everyMs);
  return {
    signal: over.signal,
    owned,
    get present() {
      return stock.others > 0;
    },
    short: (resource) => Math.max(0, wantedFor(stock.others) - (stock.free.get(resource) ?? 0)),
    gave: (resource, windows) => void stock.free.set(resource, (stock.free.get(resource) ?? 0) + windows),
    write: next,
    async stop() {
      clearInterval(timer);
      // The figures are not worth a run that has just come to a good end.
      await next().catch(() => {});
    },
  };
}

interface Stock {
  /** Other processes at this run. */
  others: number;
  /** Windows that nobody has, by resource. */
  free: Map<string, number>;
}

/** What is not taken soon is read by whoever cut it off, for one request more. */
const wantedFor = (others: number) => Math.min(2 * others, 8);

async function lookAtStock(desk: Desk, { run, holder }: Watched): Promise<Stock> {
  const rows = await desk.sql<{ others: number; resource: string | null; free: number }[]>`
    WITH present AS (
      SELECT holder FROM driftdesk.run_processes WHERE run_id = ${run.id} AND expires_at > clock_timestamp()
    )
    SELECT (SELECT count(*)::int FROM present WHERE holder <> ${holder}) AS others, w.resource, count(w.number)::int AS free
    FROM (SELECT) one
    LEFT JOIN driftdesk.windows w
      ON w.run_id = ${run.id} AND w.state = 'open'
     AND (w.claimed_by IS NULL OR w.claimed_by NOT IN (SELECT holder FROM present))
    GROUP BY w.resource`;
  const free = new Map(rows.flatMap((row) => (row.resource === null ? [] : [[row.resource, row.free]])));
  return { others: rows[0]?.others ?? 0, free };
}

/**
 * `objects_expected`: as many as the last complete run had, or more when there are more by now. Without one, what the
 * windows that were begun say about their own rest, and about those that were not; once enough was read to believe it.
 */
async function writeFigures(desk: Desk, watched: Watched, owned: readonly string[]): Promise<void> {
  const { run, began, patience } = watched;
  const silentMs = patience.silentMs;
  const waiting = silentMs === null ? null : waitingWords(silentMs, desk.now());
  await desk.sql`
    WITH w AS (
      SELECT resource, state, objects, pages, created_to::float8 AS top,
             greatest(created_from, ${began})::float8 AS bottom,
             CASE WHEN state = 'done' THEN greatest(created_from, ${began}) ELSE coalesce(reached, created_to) END::float8 AS reached
      FROM driftdesk.windows
      WHERE run_id = ${run.id} AND resource = ANY(${[...owned]}::text[]) AND read_at IS NULL
    ), total AS (
      SELECT resource, count(*)::int AS windows, count(*) FILTER (WHERE state = 'done')::int AS done,
             bool_and(state = 'done') AS complete, sum(objects)::bigint AS objects, sum(pages)::int AS pages,
             sum(objects) / nullif(sum(greatest(top - reached, 0)), 0) AS density
      FROM w GROUP BY resource
    ), rest AS (
      SELECT w.resource,
             sum(greatest(w.reached - w.bottom, 0) *
                 CASE WHEN w.pages > 0 AND w.top > w.reached THEN w.objects / (w.top - w.reached) ELSE t.density END) AS objects
      FROM w JOIN total t USING (resource) WHERE w.state = 'open' GROUP BY w.resource
    ), before AS (
      SELECT own.resource,
             last.objects - coalesce((SELECT sum(w.objects) FROM driftdesk.windows w
               WHERE w.run_id = ${run.id} AND w.resource = own.resource AND w.read_at IS NOT NULL), 0)::bigint AS objects
      FROM unnest(${[...owned]}::text[]) AS own (resource), LATERAL (
        SELECT s.objects + s.settled AS objects
        FROM driftdesk.run_resources s JOIN driftdesk.runs b ON b.id = s.run_id
        WHERE s.run_id < ${run.id} AND s.resource = own.resource AND s.state = 'done'
          AND b.mode = 'full' AND b.account_id = (SELECT account_id FROM driftdesk.runs WHERE id = ${run.id})
        ORDER BY s.run_id DESC LIMIT 1
      ) AS last
    )
    UPDATE driftdesk.run_resources r
    SET windows_total = t.windows, windows_done = t.done, objects = t.objects, pages = t.pages,
        objects_expected = CASE WHEN t.complete THEN t.objects
                                WHEN before.objects > 0 THEN greatest(before.objects, t.objects)
                                WHEN t.pages >= 20 THEN t.objects + coalesce(rest.objects, 0)::bigint END,
        message = CASE WHEN r.state = 'fetching' THEN ${waiting} ELSE r.message END,
        local_rows = coalesce((SELECT c.rows FROM driftdesk.local_copies c
                               WHERE c.run_id = r.run_id AND c.resource = r.resource), r.local_rows)
    FROM total t LEFT JOIN rest USING (resource) LEFT JOIN before USING (resource)
    WHERE r.run_id = ${run.id} AND r.resource = t.resource`;
}

/** Every process adds its own. Answers the run's state. */
async function addRequests(
  desk: Desk,
  id: number,
  more: Desk["stripe"]["counts"],
): Promise<string | undefined> {
  const [row] = await desk.sql<{ state: string }[]>`
    UPDATE driftdesk.runs
    SET heartbeat_at = ${desk.now()}, requests = requests + ${more.requests},
        rate_limited = rate_limited + ${more.rateLimited}
    WHERE id = ${id}
    RETURNING state`;
  return row?.state;
}
