import type { Sql, TransactionSql } from "postgres";
import type { Impact } from "../db/schema.ts";
import type { ImpactCount } from "./alert.ts";

/** Discrepancies `d` by what they do, the worst first, with the money behind them. */
export async function countImpacts(
  sql: Sql | TransactionSql,
  which: ReturnType<Sql>,
): Promise<ImpactCount[]> {
  const rows = await sql<{ impact: Impact; currency: string | null; rows: number; amountMinor: number }[]>`
    SELECT d.impact, d.currency, count(*) AS rows, sum(d.amount_minor)::bigint AS "amountMinor"
    FROM driftdesk.discrepancies d
    WHERE ${which}
    GROUP BY d.impact, d.currency
    ORDER BY min(d.impact_rank), count(*) DESC`;
  return [...Map.groupBy(rows, (row) => row.impact)].map(([impact, parts]) => ({
    impact,
    rows: parts.reduce((sum, part) => sum + part.rows, 0),
    stakes: parts.flatMap(({ currency, amountMinor }) =>
      currency === null || amountMinor === 0 ? [] : { currency, amountMinor },
    ),
  }));
}
