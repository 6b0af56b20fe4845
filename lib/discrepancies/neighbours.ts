import type { Fragment, Sql } from "postgres";
import { type DiscrepancyFilter, filterCondition } from "./filter.ts";
import { beyond, orderBy, positionOf, reversed, type Sort, sortColumns } from "./sort.ts";
import { type Count, countLimit } from "./totals.ts";

export interface Neighbours {
  previous: number | null;
  next: number | null;
  /** From 1; null when the row is not in the list (any more), or further down than the count goes. */
  place: number | null;
}

/** What stands before and after a row in the list that somebody is looking at, even once the row has left it. */
export async function findNeighbours(
  sql: Sql,
  request: { filter: DiscrepancyFilter; sort: Sort; id: number; now: Date },
): Promise<Neighbours> {
  const columns = sortColumns(sql, request.sort);
  const condition = filterCondition(sql, request.filter, request.now);
  const [row] = await sql<{ position: string[]; inList: boolean }[]>`
    SELECT ${positionOf(sql, columns)} AS position, (${condition}) AS "inList"
    FROM driftdesk.discrepancies d WHERE d.id = ${request.id}`;
  if (!row) return { previous: null, next: null, place: null };
  const before = beyond(sql, reversed(columns), row.position);
  const nearest = async (ranges: Fragment[], order: Fragment): Promise<number | null> => {
    const parts = ranges.map(
      (range) => sql`
        (SELECT d.id FROM driftdesk.discrepancies d WHERE ${condition} AND ${range} ORDER BY ${order} LIMIT 1)`,
    );
    const [found] = await sql<{ id: number }[]>`
      SELECT id FROM (${parts.reduce((all, one) => sql`${all} UNION ALL ${one}`)}) AS near LIMIT 1`;
    return found?.id ?? null;
  };
  const [previous, next, ahead] = await Promise.all([
    nearest(before, orderBy(sql, reversed(columns))),
    nearest(beyond(sql, columns, row.position), orderBy(sql, columns)),
    row.inList ? countAhead(sql, condition, before) : null,
  ]);
  return { previous, next, place: ahead && !ahead.more ? ahead.count + 1 : null };
}

async function countAhead(sql: Sql, condition: Fragment, ranges: Fragment[]): Promise<Count> {
  const parts = ranges.map(
    (range) =>
      sql`(SELECT FROM driftdesk.discrepancies d WHERE ${condition} AND ${range} LIMIT ${countLimit})`,
  );
  const [row] = await sql<{ count: number }[]>`
    SELECT count(*) AS count FROM (${parts.reduce((all, one) => sql`${all} UNION ALL ${one}`)}) AS ahead`;
  const count = row?.count ?? 0;
  return { count: Math.min(count, countLimit), more: count >= countLimit };
}
