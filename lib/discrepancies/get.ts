import type { Sql } from "postgres";
import type { Discrepancy, Fix } from "../db/schema.ts";
import { type DiscrepancyRow, rowColumns } from "./list.ts";

export type DiscrepancyView = DiscrepancyRow &
  Pick<Discrepancy, "causeEvidence" | "firstSeenAt" | "firstRunId" | "runId"> & {
    /** Oldest first. */
    fixes: Fix[];
  };

/** One discrepancy with every attempt to correct it; null when there is none with this id. */
export async function getDiscrepancy(sql: Sql, id: number): Promise<DiscrepancyView | null> {
  if (!Number.isSafeInteger(id) || id <= 0) return null;
  const [[row], fixes] = await Promise.all([
    sql<Omit<DiscrepancyView, "fixes">[]>`
      SELECT ${rowColumns(sql)}, d.cause_evidence AS "causeEvidence", d.first_seen_at AS "firstSeenAt",
             d.first_run_id AS "firstRunId", d.run_id AS "runId"
      FROM driftdesk.discrepancies d
      WHERE d.id = ${id}`,
    sql<Fix[]>`
      SELECT f.id, f.discrepancy_id AS "discrepancyId", f.account_id AS "accountId", f.resource, f.action,
             f.local_key AS "localKey", f.observed, f.expected, f.actor, f.approved_by AS "approvedBy", f.reason,
             f.bulk_id AS "bulkId", f.reverts, f.state, f.message, f.intended_at AS "intendedAt",
             f.settled_at AS "settledAt"
      FROM driftdesk.fixes f
      WHERE f.discrepancy_id = ${id}
      ORDER BY f.id`,
  ]);
  return row ? { ...row, fixes: [...fixes] } : null;
}
