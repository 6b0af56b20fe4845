import type { Sql } from "postgres";
import { countChanges, countFacets, countStates } from "../lib/discrepancies/facets.ts";
import { discrepancyFilterSchema } from "../lib/discrepancies/filter.ts";
import { listDiscrepancies } from "../lib/discrepancies/list.ts";
import { type SortKey, sortKeys } from "../lib/discrepancies/sort.ts";
import type { Line } from "./table.ts";

const few = 100;
const now = new Date("2026-11-24T12:00:00Z");
const filter = discrepancyFilterSchema.parse({});

const asked: { what: string; ask: (sql: Sql) => Promise<unknown> }[] = [
  ...sortKeys.map((by) => ({
    what: `First page of discrepancies by ${by}, with its total`,
    ask: (sql: Sql) => firstPage(sql, by),
  })),
  { what: "Counts of the tabs", ask: countStates },
  { what: "Counts of the filters' values", ask: (sql) => countFacets(sql, filter, now) },
  { what: "Counts and money of the groups", ask: (sql) => countChanges(sql, filter, now) },
];

/** The list and its counts with few rows and with many, taken in turns so that whatever disturbs one disturbs both. */
export async function benchFirstPage(
  { rows, rounds }: { rows: number; rounds: number },
  small: Sql,
  large: Sql,
): Promise<Line[]> {
  await plant(small, few);
  await plant(large, rows);
  const lines: Line[] = [];
  for (const { what, ask } of asked) {
    const times: { small: number[]; large: number[] } = { small: [], large: [] };
    for (let round = -rounds / 10; round < rounds; round++)
      for (const [name, sql] of [
        ["small", small],
        ["large", large],
      ] as const) {
        const began = performance.now();
        await ask(sql);
        // The first rounds only warm up.
        if (round >= 0) times[name].push(performance.now() - began);
      }
    const ratio = median(times.large) / median(times.small);
    lines.push({
      what,
      size: `${rows.toLocaleString("en")} rows against ${few}`,
      result: `${median(times.large).toFixed(2)} ms against ${median(times.small).toFixed(2)} ms: × ${ratio.toFixed(2)}`,
      target: "",
    });
  }
  return lines;
}

async function firstPage(sql: Sql, by: SortKey): Promise<void> {
  const page = await listDiscrepancies(sql, { filter, sort: { by, direction: "desc" }, limit: 50, now });
  if (page.rows.length !== 50) throw new Error(`A page of ${page.rows.length} rows`);
}

function median(numbers: number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

/** What a run finds, and some decisions since, too few for the journal of the totals to have been folded. */
async function plant(sql: Sql, rows: number): Promise<void> {
  await sql`
    INSERT INTO driftdesk.discrepancies
      (account_id, resource, kind, stripe_id, local_key, customer_id, label, observed, expected, fields, change, impact,
       amount_minor, currency, cause, opened_at)
    SELECT 'acct_1', (ARRAY['subscriptions', 'customers', 'invoices'])[1 + n % 3], 'mismatch', 'sub_' || md5(n::text),
           n::text, 'cus_' || md5((n % 9000)::text), 'person' || n || '@example.com', '{"status": "active"}',
           '{"status": "canceled"}', '[{"name": "status", "local": "active", "stripe": "canceled"}]',
           (ARRAY['active → canceled', 'past_due → active', 'trialing → active', 'unpaid → active', 'plan'])[1 + n % 5],
           (ARRAY['paid_no_access', 'access_no_pay', 'money', 'other'])[1 + (n * 7) % 4],
           (n * 37) % 500 * 100, 'usd', (ARRAY['webhook_lost', 'unknown'])[1 + n % 7 % 2],
           ${now}::timestamptz - n * interval '1 minute'
    FROM generate_series(1, ${rows}::int) AS n`;
  for (let id = 1; id <= 50; id++)
    for (const state of ["snoozed", "open"])
      await sql`UPDATE driftdesk.discrepancies SET state = ${state} WHERE id = ${id}`;
  await sql`VACUUM ANALYZE driftdesk.discrepancies`;
}
