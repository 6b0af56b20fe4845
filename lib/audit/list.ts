import type { Sql } from "postgres";
import type { AuditEntry } from "../db/schema.ts";
import { type AuditFilter, auditCondition } from "./filter.ts";

/** An entry for reading; its place in the chain as hexadecimal text. */
export type AuditView = Omit<AuditEntry, "prevHash" | "hash"> & { hash: string };

/** Newest first; `before` is the `seq` that the previous page ended with. */
export async function listAudit(
  sql: Sql,
  filter: AuditFilter,
  page: { limit: number; before?: number | undefined },
): Promise<AuditView[]> {
  return sql<AuditView[]>`
    SELECT e.seq, e.at, e.actor, e.action, e.account_id AS "accountId", e.resource,
           e.discrepancy_id AS "discrepancyId", e.run_id AS "runId", e.bulk_id AS "bulkId", e.fix_id AS "fixId",
           e.subject, e.data, encode(e.hash, 'hex') AS hash
    FROM driftdesk.audit_entries e
    WHERE ${auditCondition(sql, filter)}
      ${page.before ? sql`AND e.seq < ${page.before}` : sql``}
    ORDER BY e.seq DESC
    LIMIT ${page.limit}`;
}

/** Everybody who has done anything, by their address. */
export async function auditActors(sql: Sql): Promise<string[]> {
  // One step down the index per person, however long the history is.
  const rows = await sql<{ actor: string }[]>`
    WITH RECURSIVE walk AS (
      (SELECT e.actor FROM driftdesk.audit_entries e ORDER BY e.actor LIMIT 1)
      UNION ALL
      SELECT (SELECT e.actor FROM driftdesk.audit_entries e WHERE e.actor > w.actor ORDER BY e.actor LIMIT 1)
      FROM walk w WHERE w.actor IS NOT NULL
    )
    SELECT w.actor FROM walk w WHERE w.actor IS NOT NULL`;
  return rows.map((row) => row.actor);
}
