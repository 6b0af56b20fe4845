import type { Desk } from "../desk.ts";
import type { Figures } from "./choose.ts";

/** What the desk has seen itself; null where it has seen nothing. */
export async function ownFigures({ sql, now }: Pick<Desk, "sql" | "now">): Promise<{
  [name in Exclude<keyof Figures, "staleness">]: number | null;
}> {
  const ago = (days: number) => new Date(now().getTime() - days * 86_400_000);
  const [[run], [drift], [lookups]] = await Promise.all([
    sql<{ rows: number | null }[]>`
      SELECT sum(local_rows)::float8 AS rows FROM driftdesk.run_resources
      WHERE run_id = (SELECT max(id) FROM driftdesk.runs WHERE mode = 'full' AND state = 'succeeded')`,
    sql<{ count: number }[]>`
      SELECT count(*)::int AS count
      FROM (SELECT FROM driftdesk.discrepancies WHERE first_seen_at >= ${ago(7)} LIMIT 100000) AS counted`,
    sql<{ count: number | null }[]>`
      SELECT sum(hits + fetched + stale + unanswered)::float8 AS count FROM driftdesk.status_counts
      WHERE minute >= ${ago(1)}`,
  ]);
  const rows = run?.rows ?? null;
  return {
    rows,
    driftPerWeek: rows === null ? null : (drift?.count ?? 0),
    lookupsPerSecond: lookups?.count ? Number((lookups.count / 86_400).toPrecision(2)) : null,
  };
}
