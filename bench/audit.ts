import type { Sql } from "postgres";
import { connect } from "../lib/db/connect.ts";
import { migrate } from "../lib/db/migrate.ts";
import type { AuditReport } from "./audit-process.ts";
import { startProcess } from "./process.ts";
import type { Line } from "./table.ts";

/** Verifying a history of so many entries, and the memory of it against one of a tenth. */
export async function benchAudit(
  entries: number,
  database: (name: string) => Promise<string>,
): Promise<Line[]> {
  const url = await database("audit");
  await migrate(url);
  const sql = connect(url, { max: 1 });
  try {
    await tell(sql, entries / 10);
    const small = await verify(url, entries / 10);
    await tell(sql, entries - entries / 10);
    const big = await verify(url, entries);
    const megabytes = ({ peakBytes }: AuditReport) => `${Math.round(peakBytes / 1_000_000)} MB`;
    const ratio = big.peakBytes / small.peakBytes;
    return [
      {
        what: "Verifying the history",
        size: `${entries.toLocaleString("en")} entries`,
        result: `${big.seconds.toFixed(1)} s`,
        target: "",
      },
      {
        what: "Peak memory of that, against a tenth",
        size: `${(entries / 10).toLocaleString("en")} entries: ${megabytes(small)}`,
        result: `${megabytes(big)}: × ${ratio.toFixed(2)}`,
        target: "≤ × 1.10",
        met: ratio <= 1.1,
      },
    ];
  } finally {
    await sql.end();
  }
}

async function verify(url: string, entries: number): Promise<AuditReport> {
  const process = startProcess("audit-process.ts", [], { DATABASE_URL: url, LOG_LEVEL: "warn" });
  const report = (await process.line()) as AuditReport;
  await process.ended;
  if (!report.ok || report.length !== entries)
    throw new Error(
      `${report.length} of ${entries} entries, and the chain is ${report.ok ? "whole" : "broken"}`,
    );
  return report;
}

const batch = 5_000;

/** Entries as a bulk action leaves them: what it intends, then what came of it. */
export async function tell(sql: Sql, entries: number): Promise<void> {
  for (let at = 0; at < entries; at += batch)
    await sql`
      SELECT driftdesk.append_audit(jsonb_agg(jsonb_build_object(
        'actor', 'person@example.com', 'action', CASE n % 2 WHEN 0 THEN 'fix.intended' ELSE 'fix.applied' END,
        'account_id', 'acct_1', 'resource', 'subscriptions', 'discrepancy_id', n / 2, 'bulk_id', 1, 'fix_id', n / 2,
        'subject', 'person' || n / 2 || '@example.com',
        'data', jsonb_build_object('kind', 'mismatch', 'stripeId', 'sub_' || n / 2, 'localKey', (n / 2)::text,
          'customerId', 'cus_' || n / 2, 'approvedBy', NULL, 'reason', 'After the outage', 'fields', jsonb_build_array(
            jsonb_build_object('name', 'status', 'before', 'past_due', 'after', 'active'))))
        ORDER BY n))
      FROM generate_series(${at}::int, ${Math.min(at + batch, entries) - 1}::int) AS n`;
  await sql`VACUUM ANALYZE driftdesk.audit_entries`;
}
