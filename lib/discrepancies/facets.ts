import type { Fragment, Sql } from "postgres";
import type { DiscrepancyState } from "../db/schema.ts";
import { type DiscrepancyFilter, filterCondition } from "./filter.ts";
import { type Count, countLimit } from "./list.ts";

export const facetNames = ["impact", "cause", "resource", "change", "kind"] as const;
export type FacetName = (typeof facetNames)[number];
export interface FacetValue {
  value: string;
  count: number;
}
export type Facets = Record<FacetName, FacetValue[]>;

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
  const counted = await Promise.all(
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
  );
  return Object.fromEntries(counted) as Facets;
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
