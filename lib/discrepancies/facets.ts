import type { Fragment, Sql } from "postgres";
import { type DiscrepancyState, discrepancyStates, type Impact } from "../db/schema.ts";
import { ageSteps, type DiscrepancyFilter, filterCondition } from "./filter.ts";
import type { Amount } from "./summary.ts";
import { type Count, countLimit, countMatching, groupsOf } from "./totals.ts";

const facetNames = ["impact", "cause", "resource", "change", "kind"] as const;
type FacetName = (typeof facetNames)[number];
export interface FacetValue extends Count {
  value: string;
}
/** A value that is not named has no rows; where others have `more`, it may have some. */
export type Facets = Record<FacetName | "age", FacetValue[]>;

/** Of the most frequent; people narrow down further by searching. */
const valuesAtMost = 50;

/**
 * How many match per value, for each facet under everything that is filtered except the facet itself: the numbers say
 * what choosing one more value would add.
 */
export async function countFacets(sql: Sql, filter: DiscrepancyFilter, now: Date): Promise<Facets> {
  const isChosen = (name: FacetName) => (filter[name]?.length ?? 0) > 0;
  const [unchosen, age, ...chosen] = await Promise.all([
    // They all count the same rows.
    countValues(
      sql,
      facetNames.filter((name) => !isChosen(name)),
      filter,
      now,
    ),
    countAges(sql, { ...filter, olderThanHours: undefined }, now),
    ...facetNames
      .filter(isChosen)
      .map((name) => countValues(sql, [name], { ...filter, [name]: undefined }, now)),
  ]);
  return Object.assign({ age }, unchosen, ...chosen);
}

async function countValues(
  sql: Sql,
  names: readonly FacetName[],
  filter: DiscrepancyFilter,
  now: Date,
): Promise<Partial<Facets>> {
  if (names.length === 0) return {};
  const { groups, bounded } = groupsOf(sql, filter, now);
  const list = (of: (name: FacetName) => Fragment, between = sql`,`) =>
    names.map(of).reduce((all, one) => sql`${all}${between} ${one}`);
  // None of these columns is ever NULL, so what is not NULL tells which set a row belongs to.
  const counted = await sql<{ facet: FacetName; value: string; count: number; all: number }[]>`
    SELECT p.facet, p.value, p.count, p."all"
    FROM (
      SELECT c.*, sum(c.count) OVER (PARTITION BY c.facet)::bigint AS "all",
             row_number() OVER (PARTITION BY c.facet ORDER BY c.count DESC, c.value) AS place
      FROM (
        SELECT CASE ${list((name) => sql`WHEN g.${sql(name)} IS NOT NULL THEN ${name}`, sql``)} END AS facet,
               coalesce(${list((name) => sql`g.${sql(name)}`)}) AS value, sum(g.rows)::bigint AS count
        FROM (${groups}) AS g
        GROUP BY GROUPING SETS (${list((name) => sql`(g.${sql(name)})`)})
        HAVING sum(g.rows) > 0
      ) AS c
    ) AS p
    WHERE p.place <= ${valuesAtMost}
    ORDER BY p.facet, p.place`;
  const more = bounded && (counted[0]?.all ?? 0) > countLimit;
  return Object.fromEntries(
    names.map((name) => {
      const values = counted.filter(({ facet }) => facet === name);
      return [name, values.map(({ value, count }) => ({ value, count, more }))];
    }),
  );
}

/** How many of the oldest are looked at where there are more than `countLimit`. */
const agesAtMost = 1_000;

/** The oldest of the state, in the order of their index: all of them, or so many that the rest can be told as "more". */
async function countAges(sql: Sql, filter: DiscrepancyFilter, now: Date): Promise<FacetValue[]> {
  const { count } = await countMatching(sql, { state: filter.state }, now);
  const limit = count > countLimit ? agesAtMost : countLimit;
  const steps = ageSteps.map((hours) => new Date(now.getTime() - hours * 3_600_000));
  const counts = steps
    .map((until) => sql`count(*) FILTER (WHERE o.matches AND o.opened_at <= ${until})`)
    .reduce((all, one) => sql`${all}, ${one}`);
  const [oldest] = await sql<{ counts: number[]; all: number; last: Date | null }[]>`
    SELECT ARRAY[${counts}]::int[] AS counts, count(*) AS "all", max(o.opened_at) AS last
    FROM (
      SELECT d.opened_at, (${filterCondition(sql, filter, now)}) AS matches
      FROM driftdesk.discrepancies d
      WHERE d.state = ${filter.state}
      ORDER BY d.opened_at, d.id
      LIMIT ${limit + 1}
    ) AS o`;
  return ageSteps.map((hours, i) => ({
    value: String(hours),
    count: Math.min(oldest?.counts[i] ?? 0, limit),
    // All that were looked at are old enough, so some of those behind them may be too.
    more: !!oldest?.last && oldest.all > limit && oldest.last <= (steps[i] as Date),
  }));
}

export interface ChangeCount extends FacetValue {
  /** Which most of its rows have. */
  impact: Impact;
  /** The money that its rows are about, the commonest currency first. */
  stakes: Amount[];
}

/** What the rows of a list differ in, the commonest change first. */
export async function countChanges(sql: Sql, filter: DiscrepancyFilter, now: Date): Promise<ChangeCount[]> {
  const { groups, bounded } = groupsOf(sql, filter, now);
  const changes = await sql<(Omit<ChangeCount, "more"> & { all: number })[]>`
    WITH g AS MATERIALIZED (${groups}),
    impacts AS (
      SELECT g.change, g.impact, sum(g.rows) AS rows FROM g GROUP BY g.change, g.impact HAVING sum(g.rows) > 0
    ), stakes AS (
      SELECT g.change, g.currency, sum(g.rows) AS rows, sum(g.amount_minor)::bigint AS amount FROM g
      WHERE g.currency IS NOT NULL GROUP BY g.change, g.currency HAVING sum(g.amount_minor) > 0
    )
    SELECT i.change AS value, (array_agg(i.impact ORDER BY i.rows DESC, i.impact))[1] AS impact,
           sum(i.rows)::bigint AS count, sum(sum(i.rows)) OVER ()::bigint AS "all",
           coalesce((
             SELECT jsonb_agg(jsonb_build_object('amountMinor', s.amount, 'currency', s.currency)
                              ORDER BY s.rows DESC, s.currency)
             FROM stakes s WHERE s.change = i.change), '[]') AS stakes
    FROM impacts i
    GROUP BY i.change ORDER BY count DESC, value
    LIMIT ${valuesAtMost}`;
  return changes.map(({ all, ...change }) => ({ ...change, more: bounded && all > countLimit }));
}

/** How many there are in each state, of one account or of all. */
export async function countStates(
  sql: Sql,
  account?: string | undefined,
): Promise<Record<DiscrepancyState, number>> {
  const rows = await sql<{ state: DiscrepancyState; count: number }[]>`
    SELECT t.state, sum(t.rows)::bigint AS count FROM driftdesk.discrepancy_totals t
    ${account === undefined ? sql`` : sql`WHERE t.account_id = ${account}`}
    GROUP BY t.state`;
  const counted = new Map(rows.map(({ state, count }) => [state, count]));
  return Object.fromEntries(discrepancyStates.map((state) => [state, counted.get(state) ?? 0])) as Record<
    DiscrepancyState,
    number
  >;
}
/** How much is open in each account; one without anything is not in it. */
export async function countOpen(sql: Sql): Promise<Map<string, number>> {
  const rows = await sql<{ account: string; count: number }[]>`
    SELECT t.account_id AS account, sum(t.rows)::bigint AS count FROM driftdesk.discrepancy_totals t
    WHERE t.state = 'open' GROUP BY t.account_id`;
  return new Map(rows.map(({ account, count }) => [account, count]));
}
