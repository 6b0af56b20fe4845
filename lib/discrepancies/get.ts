import type { Sql } from "postgres";
import type { Discrepancy } from "../db/schema.ts";
import type { Evidence } from "../diagnose/evidence.ts";
import { type DiscrepancyRow, rowColumns } from "./list.ts";

export type DiscrepancyView = DiscrepancyRow &
  Pick<Discrepancy, "firstSeenAt" | "firstRunId" | "runId"> & {
    /** What its cause was concluded from; null before anybody looked. */
    causeEvidence: Evidence | null;
  };

/** One discrepancy; null when there is none with this id. */
export async function getDiscrepancy(sql: Sql, id: number): Promise<DiscrepancyView | null> {
  if (!Number.isSafeInteger(id) || id <= 0) return null;
  const [row] = await sql<DiscrepancyView[]>`
    SELECT ${rowColumns(sql)}, d.first_seen_at AS "firstSeenAt", d.first_run_id AS "firstRunId", d.run_id AS "runId",
           d.cause_evidence AS "causeEvidence"
    FROM driftdesk.discrepancies d
    WHERE d.id = ${id}`;
  return row ?? null;
}
