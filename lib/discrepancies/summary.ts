import type { Sql } from "postgres";
import { type Cause, causes, type Impact, impacts } from "../db/schema.ts";

/** Money of one currency, in its smallest unit. */
export interface Amount {
  amountMinor: number;
  currency: string;
}

export interface ImpactSummary {
  impact: Impact;
  /** Open discrepancies. */
  rows: number;
  /** The customers behind them; one who is hit in two tables counts once. */
  customers: number;
  oldestAt: Date | null;
  /** Opened within the last 24 hours. */
  newRows: number;
  /** The commonest currency first. A Stripe object that two tables mirror counts once. */
  stakes: Amount[];
}

export interface ResourceSummary {
  resource: string;
  rows: number;
  byImpact: Record<Impact, number>;
  oldestAt: Date;
  stakes: Amount[];
}

export interface Summary {
  rows: number;
  /** Customers who are locked out though they pay, or let in though they do not. */
  affectedCustomers: number;
  impacts: Record<Impact, ImpactSummary>;
  /** Most rows first; only resources with any. */
  resources: ResourceSummary[];
}

/** What is open right now: who is hurt, how much money hangs on it, since when, and where. */
export async function summarise(sql: Sql, now: Date, account?: string | undefined): Promise<Summary> {
  const open = sql`d.state = 'open' ${account === undefined ? sql`` : sql`AND d.account_id = ${account}`}`;
  const since = new Date(now.getTime() - 24 * 3_600_000);
  const [perImpact, perResource, stakes, [affected]] = await Promise.all([
    sql<Omit<ImpactSummary, "stakes">[]>`
      SELECT d.impact, count(*) AS rows, count(DISTINCT ${person(sql)}) AS customers, min(d.opened_at) AS "oldestAt",
             count(*) FILTER (WHERE d.opened_at >= ${since}) AS "newRows"
      FROM driftdesk.discrepancies d
      WHERE ${open}
      GROUP BY d.impact`,
    sql<{ resource: string; impact: Impact; rows: number; oldestAt: Date }[]>`
      SELECT d.resource, d.impact, count(*) AS rows, min(d.opened_at) AS "oldestAt"
      FROM driftdesk.discrepancies d
      WHERE ${open}
      GROUP BY d.resource, d.impact`,
    sql<(Amount & { resource: string | null; impact: Impact | null })[]>`
      WITH stake AS (
        SELECT d.impact, d.resource, d.currency, coalesce(d.stripe_id, '#' || d.id) AS object, max(d.amount_minor) AS amount
        FROM driftdesk.discrepancies d
        WHERE ${open} AND d.amount_minor > 0 AND d.currency IS NOT NULL
        GROUP BY GROUPING SETS ((d.impact, d.currency, object), (d.resource, d.currency, object))
      )
      SELECT s.impact, s.resource, s.currency, sum(s.amount)::bigint AS "amountMinor"
      FROM stake s
      GROUP BY s.impact, s.resource, s.currency
      ORDER BY count(*) DESC, s.currency`,
    sql<{ customers: number }[]>`
      SELECT count(DISTINCT ${person(sql)}) AS customers
      FROM driftdesk.discrepancies d
      WHERE ${open} AND d.impact IN ('paid_no_access', 'access_no_pay')`,
  ]);
  const stakesOf = (wanted: (stake: (typeof stakes)[number]) => boolean) =>
    stakes.filter(wanted).map(({ amountMinor, currency }) => ({ amountMinor, currency }));

  const summaries = impacts.map((impact): ImpactSummary => {
    const found = perImpact.find((row) => row.impact === impact);
    return {
      ...(found ?? { impact, rows: 0, customers: 0, oldestAt: null, newRows: 0 }),
      stakes: stakesOf((stake) => stake.impact === impact),
    };
  });
  const resources = [...new Set(perResource.map((row) => row.resource))].map((resource): ResourceSummary => {
    const parts = perResource.filter((row) => row.resource === resource);
    return {
      resource,
      rows: parts.reduce((sum, part) => sum + part.rows, 0),
      byImpact: Object.fromEntries(
        impacts.map((impact) => [impact, parts.find((part) => part.impact === impact)?.rows ?? 0]),
      ) as Record<Impact, number>,
      oldestAt: new Date(Math.min(...parts.map((part) => part.oldestAt.getTime()))),
      stakes: stakesOf((stake) => stake.resource === resource),
    };
  });
  return {
    rows: summaries.reduce((sum, summary) => sum + summary.rows, 0),
    affectedCustomers: affected?.customers ?? 0,
    impacts: Object.fromEntries(summaries.map((summary) => [summary.impact, summary])) as Summary["impacts"],
    resources: resources.sort((a, b) => b.rows - a.rows || a.resource.localeCompare(b.resource)),
  };
}

/** Who is behind a discrepancy, as far as it says. */
const person = (sql: Sql) =>
  sql`coalesce(d.customer_id, lower(d.label), d.resource || ' ' || coalesce(d.local_key, d.stripe_id))`;

export interface DriftDay {
  /** In UTC, as "2026-11-24". */
  day: string;
  found: Record<Cause, number>;
  fixed: number;
  /** Agreed again without a fix from here. */
  resolved: number;
}

/** What was found and what was settled on each of the last days, oldest first, without gaps. */
export async function driftByDay(
  sql: Sql,
  now: Date,
  days: number,
  account?: string | undefined,
): Promise<DriftDay[]> {
  const of = account === undefined ? sql`true` : sql`d.account_id = ${account}`;
  const rows = await sql<{ day: string; cause: Cause | null; what: string; rows: number }[]>`
    WITH happened AS (
      SELECT d.first_seen_at AS at, d.cause, 'found' AS what FROM driftdesk.discrepancies d WHERE ${of}
      UNION ALL
      SELECT d.closed_at, NULL, d.state FROM driftdesk.discrepancies d WHERE d.state IN ('fixed', 'resolved') AND ${of}
    )
    SELECT to_char(h.at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day, h.cause, h.what, count(*) AS rows
    FROM happened h
    WHERE h.at > ${new Date(now.getTime() - days * 86_400_000)}
    GROUP BY 1, 2, 3`;
  return Array.from({ length: days }, (_, index) => {
    const day = new Date(now.getTime() - (days - 1 - index) * 86_400_000).toISOString().slice(0, 10);
    const ofDay = rows.filter((row) => row.day === day);
    const countOf = (what: string, cause: Cause | null) =>
      ofDay.find((row) => row.what === what && row.cause === cause)?.rows ?? 0;
    return {
      day,
      found: Object.fromEntries(causes.map((cause) => [cause, countOf("found", cause)])) as DriftDay["found"],
      fixed: countOf("fixed", null),
      resolved: countOf("resolved", null),
    };
  });
}
