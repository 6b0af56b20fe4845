import type { Sql } from "postgres";
import { discrepancyFilterSchema } from "../lib/discrepancies/filter.ts";
import { listDiscrepancies } from "../lib/discrepancies/list.ts";
import { type SortKey, sortKeys } from "../lib/discrepancies/sort.ts";
import type { Line } from "./table.ts";

const few = 100;
const rounds = 200;
const now = new Date("2026-11-24T12:00:00Z");

/** The first page of the list with few rows and with many, taken in turns so that whatever disturbs one disturbs both. */
export async function benchFirstPage(rows: number, small: Sql, large: Sql): Promise<Line[]> {
  await plant(small, few);
  await plant(large, rows);
  const lines: Line[] = [];
  for (const by of sortKeys) {
    const times: { small: number[]; large: number[] } = { small: [], large: [] };
    for (let round = -20; round < rounds; round++)
      for (const [name, sql] of [
        ["small", small],
        ["large", large],
      ] as const) {
        const ms = await firstPage(sql, by);
        // The first rounds only warm up.
        if (round >= 0) times[name].push(ms);
      }
    const ratio = median(times.large) / median(times.small);
    lines.push({
      what: `First page of discrepancies by ${by}`,
      size: `${rows.toLocaleString("en")} rows against ${few}`,
      result: `${median(times.large).toFixed(1)} ms against ${median(times.small).toFixed(1)} ms: × ${ratio.toFixed(2)}`,
      target: "",
    });
  }
  return lines;
}

async function firstPage(sql: Sql, by: SortKey): Promise<number> {
  const began = performance.now();
  const filter = discrepancyFilterSchema.parse({});
  const page = await listDiscrepancies(sql, { filter, sort: { by, direction: "desc" }, limit: 50, now });
  if (page.rows.length !== 50) throw new Error(`A page of ${page.rows.length} rows`);
  return performance.now() - began;
}

function median(numbers: number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

async function plant(sql: Sql, rows: number): Promise<void> {
  await sql`
    INSERT INTO driftdesk.discrepancies
      (account_id, resource, kind, stripe_id, local_key, customer_id, label, observed, expected, fields, change, impact,
       amount_minor, currency, cause, opened_at)
    SELECT 'acct_1', (ARRAY['subscriptions', 'customers', 'invoices'])[1 + n % 3], 'mismatch', 'sub_' || md5(n::text),
           n::text, 'cus_' || md5((n % 9000)::text), 'person' || n || '@example.com', '{"status": "active"}',
           '{"status": "canceled"}', '[{"name": "status", "local": "active", "stripe": "canceled"}]',
           'active → canceled', (ARRAY['paid_no_access', 'access_no_pay', 'money', 'other'])[1 + (n * 7) % 4],
           (n * 37) % 500 * 100, 'usd', 'unknown', ${now}::timestamptz - n * interval '1 minute'
    FROM generate_series(1, ${rows}::int) AS n`;
  await sql`VACUUM ANALYZE driftdesk.discrepancies`;
}
