import type { Sql } from "postgres";
import { connect } from "../lib/db/connect.ts";
import { migrate } from "../lib/db/migrate.ts";
import type { FixesReport } from "./fixes-process.ts";
import { createTable } from "./kinds.ts";
import { startProcess } from "./process.ts";
import { configFile } from "./stripe.ts";
import type { Line } from "./table.ts";
import { inTurns, seconds } from "./time.ts";

type MakeDatabase = (name: string) => Promise<string>;

/** A bulk action over so many rows with its history, against the script that corrects the same rows and tells nobody. */
export async function benchFixes(rows: number, database: MakeDatabase): Promise<Line[]> {
  const url = await database("fixes");
  await migrate(url);
  const sql = connect(url, { max: 2 });
  try {
    await sql.unsafe(createTable("subscriptions"));
    await drift(sql, rows / 10);
    const small = await apply(url, rows / 10);
    await drift(sql, rows);
    let big: FixesReport | null = null;
    const times = await inTurns(1, {
      product: async () => {
        await drift(sql, rows);
        big = await apply(url, rows);
        return big.seconds;
      },
      bare: async () => {
        await drift(sql, rows);
        const script = await scriptOf(sql);
        return seconds(() => sql.begin((tx) => tx.unsafe(script)));
      },
    });
    if (!big) throw new Error("Nothing was measured");
    return linesOf(rows, times, small, big);
  } finally {
    await sql.end();
  }
}

function linesOf(
  rows: number,
  times: Record<"product" | "bare", number>,
  small: FixesReport,
  big: FixesReport,
): Line[] {
  const ratio = times.product / times.bare;
  const memory = big.peakBytes / small.peakBytes;
  const megabytes = (report: FixesReport) => `${Math.round(report.peakBytes / 1_000_000)} MB`;
  const size = `${rows.toLocaleString("en")} rows`;
  return [
    {
      what: "Bulk apply with its history, against a bare UPDATE … FROM",
      size,
      result: `${times.product.toFixed(1)} s against ${times.bare.toFixed(2)} s: × ${ratio.toFixed(1)}`,
      target: "≤ × 3.0",
      met: ratio <= 3,
    },
    {
      what: "Deciding on them, before that",
      size,
      result: `${big.decided.toFixed(1)} s`,
      target: "",
    },
    {
      what: "Peak memory of a bulk apply, against one of a tenth",
      size: `${(rows / 10).toLocaleString("en")} rows: ${megabytes(small)}`,
      result: `${megabytes(big)}: × ${memory.toFixed(2)}`,
      target: "≤ × 1.10",
      met: memory <= 1.1,
    },
  ];
}

/** In a process that does nothing else. */
async function apply(url: string, rows: number): Promise<FixesReport> {
  const process = startProcess("fixes-process.ts", [], {
    DATABASE_URL: url,
    LOCAL_DATABASE_URL: url,
    // Everything was seen just now: nothing is asked.
    STRIPE_API_BASE: "http://127.0.0.1:9",
    STRIPE_SECRET_KEY: "sk_test_bench",
    DRIFTDESK_CONFIG: configFile,
    LOG_LEVEL: "warn",
  });
  const report = (await process.line()) as FixesReport;
  await process.ended;
  if (report.applied !== rows) throw new Error(`Only ${report.applied} of ${rows} were applied`);
  return report;
}

/** So many rows say something else than Stripe, and a run has found that. */
async function drift(sql: Sql, rows: number): Promise<void> {
  await sql`TRUNCATE subscriptions, driftdesk.bulk_items, driftdesk.fixes, driftdesk.discrepancies CASCADE`;
  await sql`
    INSERT INTO subscriptions (id, stripe_id, updated_at, customer, status, price, amount, current_period_end)
    SELECT 'row_' || n, 'sub_' || md5(n::text), now(), 'cus_' || md5((n % 90000)::text), 'past_due', 'price_' || n % 24,
           n % 500 * 100, '2026-11-01T00:00:00Z'::timestamptz + n * interval '1 second'
    FROM generate_series(1, ${rows}::int) AS n`;
  await sql`
    INSERT INTO driftdesk.discrepancies
      (account_id, resource, kind, stripe_id, local_key, customer_id, label, match, observed, expected, fields, change,
       impact, amount_minor, currency)
    SELECT 'acct_1', 'subscriptions', 'mismatch', s.stripe_id, s.id, s.customer, s.customer, s.stripe_id,
           jsonb_build_object('customer', s.customer, 'status', s.status, 'price', s.price, 'amount', s.amount::text,
             'current_period_end', s.current_period_end::text),
           jsonb_build_object('customer', s.customer, 'status', 'active', 'price', s.price, 'amount', s.amount::text,
             'current_period_end', s.next::text),
           jsonb_build_array(
             jsonb_build_object('name', 'status', 'local', s.status, 'stripe', 'active'),
             jsonb_build_object('name', 'current_period_end', 'local', s.current_period_end::text, 'stripe', s.next::text)),
           'past_due → active', 'paid_no_access', s.amount, 'usd'
    FROM (SELECT *, current_period_end + interval '1 month' AS next FROM subscriptions) s
    ORDER BY s.stripe_id`;
  await sql`VACUUM ANALYZE subscriptions`;
  await sql`VACUUM ANALYZE driftdesk.discrepancies`;
}

/** As articles have it: every new value in the statement itself, one transaction, no question asked. */
async function scriptOf(sql: Sql): Promise<string> {
  const [made] = await sql<{ script: string }[]>`
    SELECT 'UPDATE subscriptions t
            SET status = v.status, current_period_end = v.current_period_end::timestamptz, updated_at = now()
            FROM (VALUES ' || string_agg(format('(%L, %L, %L)', local_key, expected ->> 'status',
                                                expected ->> 'current_period_end'), ', ')
           || ') AS v (id, status, current_period_end) WHERE t.id = v.id' AS script
    FROM driftdesk.discrepancies`;
  return made?.script ?? "";
}
