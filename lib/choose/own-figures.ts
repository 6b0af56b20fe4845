import { type Desks, desksOf } from "../desk.ts";
import { nextTimes } from "../jobs/next-times.ts";
import { listSchedules } from "../jobs/schedules.ts";
import type { Figures } from "./choose.ts";

type Own = { [name in Exclude<keyof Figures, "staleness">]: number | null };

const day = 86_400_000;

/**
 * What the desk has seen itself; null where it has seen nothing. Drift only once runs go back a week: before that, what the first
 * one finds has come about in years.
 */
export async function ownFigures({ sql, now }: Pick<Desks, "sql" | "now">): Promise<Own> {
  const ago = (days: number) => new Date(now().getTime() - days * day);
  const [[found], [drift], [lookups]] = await Promise.all([
    sql<{ rows: number | null; aWeek: boolean }[]>`
      WITH latest AS (
        SELECT DISTINCT ON (account_id) id FROM driftdesk.runs
        WHERE mode = 'full' AND state = 'succeeded' ORDER BY account_id, id DESC
      )
      SELECT (SELECT sum(r.local_rows)::float8 FROM driftdesk.run_resources r JOIN latest l ON l.id = r.run_id) AS rows,
             EXISTS (SELECT FROM driftdesk.runs
                     WHERE mode = 'full' AND state = 'succeeded' AND finished_at < ${ago(7)}) AS "aWeek"`,
    sql<{ count: number }[]>`
      SELECT count(*)::int AS count
      FROM (SELECT FROM driftdesk.discrepancies
            WHERE first_seen_at >= ${ago(7)} AND import_id IS NULL LIMIT 100000) AS counted`,
    sql<{ count: number | null }[]>`
      SELECT sum(hits + fetched + stale + unanswered)::float8 AS count FROM driftdesk.status_counts
      WHERE minute >= ${ago(1)}`,
  ]);
  return {
    rows: found?.rows ?? null,
    driftPerWeek: found?.aWeek ? (drift?.count ?? 0) : null,
    lookupsPerSecond: lookups?.count ? Number((lookups.count / 86_400).toPrecision(2)) : null,
  };
}

/** So many times of a schedule are looked at. */
const timesAhead = 50;

/** The longest that schedules leave between two runs of an account, in seconds; null where an account has none. */
export async function scheduledEvery(desks: Desks): Promise<number | null> {
  const schedules = (await listSchedules(desks)).filter(({ pausedAt }) => pausedAt === null);
  const perAccount = desksOf(desks).map(({ config }) =>
    schedules
      .filter(({ accountName }) => accountName === config.account.name)
      .map((schedule) => longestGap(nextTimes(schedule, desks.now(), timesAhead))),
  );
  const longest = Math.max(...perAccount.map((gaps) => Math.min(...gaps)));
  return Number.isFinite(longest) ? longest : null;
}

/** Without end where a schedule ends. */
const longestGap = (times: readonly Date[]): number =>
  times.length < 2
    ? Number.POSITIVE_INFINITY
    : Math.max(...times.slice(1).map((at, i) => (at.getTime() - (times[i] as Date).getTime()) / 1_000));
