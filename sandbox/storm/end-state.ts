// What a run leaves behind, and what it must not.
import type { Sql } from "postgres";
import { verifyAudit } from "../../lib/audit/verify.ts";

/** Everything that a run says, but for numbers and times, and for which resource came first. */
export async function endState(sql: Sql) {
  const discrepancies = await sql`
    SELECT to_jsonb(d) - '{id,first_run_id,run_id,first_seen_at,opened_at,changed_at,observed_at,cause_at,cause_evidence}'::text[] AS row
    FROM driftdesk.discrepancies d
    ORDER BY resource, kind, stripe_id COLLATE "C", local_key COLLATE "C"`;
  const resources = await sql`
    SELECT to_jsonb(r) - '{run_id,recorded_at,windows_total,windows_done,pages}'::text[] AS row
    FROM driftdesk.run_resources r ORDER BY resource`;
  const entries = await sql`
    SELECT action, actor, account_id, resource, subject, data FROM driftdesk.audit_entries
    WHERE action <> 'run.started' AND action NOT LIKE 'sign_in%'
    ORDER BY action, resource, data ->> 'stripeId' COLLATE "C", data ->> 'localKey' COLLATE "C"`;
  const [run] = await sql`SELECT state, message, error_code, mode, account_id FROM driftdesk.runs`;
  return {
    run: { ...run },
    discrepancies: discrepancies.map((d) => d.row),
    resources: resources.map((r) => r.row),
    entries: entries.map((entry) => ({ ...entry })),
  };
}

export type EndState = Awaited<ReturnType<typeof endState>>;

/** Staged rows, cursors, claims and leases that are still there, and what is wrong with the audit chain. */
export async function leftovers(sql: Sql): Promise<string[]> {
  const tables = await sql<{ name: string }[]>`
    SELECT tablename AS name FROM pg_tables WHERE schemaname = 'driftdesk_staging'`;
  const left = tables.map(({ name }) => name);
  for (const table of ["windows", "local_copies", "scopes", "event_lists", "leases", "run_processes"]) {
    const rows = await sql`SELECT FROM ${sql(`driftdesk.${table}`)}`;
    if (rows.length > 0) left.push(`${rows.length} of ${table}`);
  }
  const { ok, problems } = await verifyAudit(sql);
  return ok ? left : [...left, ...problems.map((problem) => JSON.stringify(problem))];
}
