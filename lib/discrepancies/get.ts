import type { Sql } from "postgres";
import type { Discrepancy } from "../db/schema.ts";
import { type DiscrepancyRow, rowColumns } from "./list.ts";

export type DiscrepancyView = DiscrepancyRow & Pick<Discrepancy, "firstSeenAt" | "firstRunId" | "runId">;

/** One discrepancy; null when there is none with this id. */
export async function getDiscrepancy(sql: Sql, id: number): Promise<DiscrepancyView | null> {
  if (!Number.isSafeInteger(id) || id <= 0) return null;
  const [row] = await sql<DiscrepancyView[]>`
    SELECT ${rowColumns(sql)}, d.first_seen_at AS "firstSeenAt", d.first_run_id AS "firstRunId", d.run_id AS "runId"
    FROM driftdesk.discrepancies d
    WHERE d.id = ${id}`;
  return row ?? null;
}
