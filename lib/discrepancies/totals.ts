// How many discrepancies there are, without counting them: from the journal that the triggers of drizzle/0002_totals.sql
// keep. What the journal does not know (searches, ages, bulk actions) is counted in the table.
import type { Fragment, Sql } from "postgres";
import { type DiscrepancyFilter, filterCondition } from "./filter.ts";

/** Exact, or with `more` only a part: there are at least so many. */
export interface Count {
  count: number;
  more: boolean;
}

/** How far is counted where rows have to be looked at one by one. */
export const countLimit = 10_000;

export async function countMatching(sql: Sql, filter: DiscrepancyFilter, now: Date): Promise<Count> {
  const condition = filterCondition(sql, filter, now);
  if (inTotals(filter)) {
    const [sum] = await sql<{ count: number }[]>`
      SELECT coalesce(sum(d.rows), 0)::bigint AS count FROM driftdesk.discrepancy_totals d WHERE ${condition}`;
    return { count: sum?.count ?? 0, more: false };
  }
  const [row] = await sql<{ count: number }[]>`
    SELECT count(*) AS count
    FROM (SELECT FROM driftdesk.discrepancies d WHERE ${condition} LIMIT ${countLimit + 1}) AS counted`;
  const count = row?.count ?? 0;
  return { count: Math.min(count, countLimit), more: count > countLimit };
}

/**
 * What matches, summed up: rows of `resource, kind, impact, cause, change, currency, rows, amount_minor`. A group can have
 * several, whose sums count; one whose sum is 0 is not there. `bounded`: of more than `countLimit` rows only
 * `countLimit + 1` are in it. What a bulk action holds is counted to its end: people agree to these numbers.
 */
export function groupsOf(
  sql: Sql,
  filter: DiscrepancyFilter,
  now: Date,
): { groups: Fragment; bounded: boolean } {
  const condition = filterCondition(sql, filter, now);
  const columns = sql`d.resource, d.kind, d.impact, d.cause, d.change, d.currency`;
  if (inTotals(filter))
    return {
      groups: sql`SELECT ${columns}, d.rows, d.amount_minor FROM driftdesk.discrepancy_totals d WHERE ${condition}`,
      bounded: false,
    };
  const bounded = filter.bulk === undefined && filter.import === undefined;
  return {
    groups: sql`
      SELECT ${columns}, count(*) AS rows, sum(d.amount_minor) AS amount_minor
      FROM (
        SELECT ${columns}, d.amount_minor FROM driftdesk.discrepancies d
        WHERE ${condition} ${bounded ? sql`LIMIT ${countLimit + 1}` : sql``}
      ) AS d
      GROUP BY ${columns}`,
    bounded,
  };
}

/** Whether the journal's groups tell apart what the filter does. */
const inTotals = (filter: DiscrepancyFilter) =>
  !filter.search && !filter.olderThanHours && !filter.bulk && !filter.import;

/** Below this many lines, reading the journal costs nothing that anybody would notice. */
const foldAbove = 500;

/**
 * Makes one line of each group's lines, once most of them are not needed. Answers whether it did. Readers see the lines
 * of before or those of after; whoever writes meanwhile adds lines of their own.
 */
export async function foldTotals(sql: Sql): Promise<boolean> {
  return (await sql.begin(async (tx) => {
    const [journal] = await tx<{ mine: boolean; lines: number; groups: number }[]>`
      SELECT pg_try_advisory_xact_lock(hashtextextended('fold discrepancy totals', 0)) AS mine, count(*) AS lines,
             count(DISTINCT (account_id, resource, kind, state, impact, cause, change, currency)) AS groups
      FROM driftdesk.discrepancy_totals`;
    // With very many groups, as many lines may be surplus before it is worth writing all of them anew.
    if (!journal?.mine || journal.lines <= foldAbove || journal.lines <= 2 * journal.groups) return false;
    await tx`
      WITH folded AS (DELETE FROM driftdesk.discrepancy_totals RETURNING *)
      INSERT INTO driftdesk.discrepancy_totals
        (account_id, resource, kind, state, impact, cause, change, currency, rows, amount_minor)
      SELECT account_id, resource, kind, state, impact, cause, change, currency, sum(rows), sum(amount_minor)
      FROM folded
      GROUP BY account_id, resource, kind, state, impact, cause, change, currency
      HAVING sum(rows) <> 0 OR sum(amount_minor) <> 0`;
    return true;
  })) as boolean;
}
