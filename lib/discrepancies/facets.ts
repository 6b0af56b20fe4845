import type { Fragment, Sql } from "postgres";
import type { DiscrepancyState, Impact } from "../db/schema.ts";
import { ageSteps, type DiscrepancyFilter, filterCondition } from "./filter.ts";
import { type Count, countLimit } from "./list.ts";

const facetNames = ["impact", "cause", "resource", "change", "kind"] as const;
type FacetName = (typeof facetNames)[number];
export interface FacetValue {
  value: string;
  count: number;
}
export type Facets = Record<FacetName | "age", FacetValue[]>;

/** Of the most frequent; people narrow down further by searching. */
const valuesAtMost = 50;

/**
 * How many match per value, for each facet under everything that is filtered except the facet itself: the numbers say
 * what choosing one more value would add.
 */
export async function countFacets(sql: Sql, filter: DiscrepancyFilter, now: Date): Promise<Facets> {
  const columns: Record<FacetName, Fragment> = {
    impact: sql`d.impact`,
    cause: sql`d.cause`,
    resource: sql`d.resource`,
    change: sql`d.change`,
    kind: sql`d.kind`,
  };
  const [counted, age] = await Promise.all([
    Promise.all(
      facetNames.map(async (name) => {
        const condition = filterCondition(sql, { ...filter, [name]: undefined }, now);
        const values = await sql<FacetValue[]>`
          SELECT ${columns[name]} AS value, count(*) AS count
          FROM driftdesk.discrepancies d
          WHERE ${condition}
          GROUP BY 1 ORDER BY 2 DESC, 1
          LIMIT ${valuesAtMost}`;
        return [name, [...values]] as const;
      }),
    ),
    sql<FacetValue[]>`
      SELECT s.hours::text AS value, count(*) FILTER (WHERE d.opened_at <= ${now}::timestamptz - s.hours * interval '1 hour') AS count
      FROM driftdesk.discrepancies d, unnest(${[...ageSteps]}::int[]) AS s (hours)
      WHERE ${filterCondition(sql, { ...filter, olderThanHours: undefined }, now)}
      GROUP BY s.hours ORDER BY s.hours`,
  ]);
  return { ...(Object.fromEntries(counted) as Omit<Facets, "age">), age: [...age] };
}

/** What the rows of a list differ in, the commonest change first, with the impact that most of them have. */
export async function countChanges(
  sql: Sql,
  filter: DiscrepancyFilter,
  now: Date,
): Promise<(FacetValue & { impact: Impact })[]> {
  return sql<(FacetValue & { impact: Impact })[]>`
    SELECT d.change AS value, mode() WITHIN GROUP (ORDER BY d.impact) AS impact, count(*) AS count
    FROM driftdesk.discrepancies d
    WHERE ${filterCondition(sql, filter, now)}
    GROUP BY d.change ORDER BY count(*) DESC, d.change
    LIMIT ${valuesAtMost}`;
}

/** How many there are in each state, counted up to the limit: the tabs' numbers must not cost a scan of everything. */
export async function countStates(sql: Sql): Promise<Record<DiscrepancyState, Count>> {
  const rows = await sql<{ state: DiscrepancyState; count: number }[]>`
    SELECT s.state, c.count
    FROM unnest(ARRAY['open', 'waiting', 'snoozed', 'applying', 'fixed', 'rejected', 'resolved']) AS s (state),
    LATERAL (
      SELECT count(*) AS count
      FROM (SELECT FROM driftdesk.discrepancies d WHERE d.state = s.state LIMIT ${countLimit + 1}) AS counted
    ) AS c`;
  return Object.fromEntries(
    rows.map(({ state, count }) => [state, { count: Math.min(count, countLimit), more: count > countLimit }]),
  ) as Record<DiscrepancyState, Count>;
}
