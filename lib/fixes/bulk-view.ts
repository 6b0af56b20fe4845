// Bulk actions as people look at them: newest first, and one by one.
import type { Sql } from "postgres";
import { namesOfPeople } from "../audit/read.ts";
import { actorName } from "../audit/sentence.ts";
import type { BulkAction, BulkState } from "../db/schema.ts";
import { bulkColumns } from "./bulk.ts";

export interface BulkView extends BulkAction {
  /** The names of whoever asked and agreed. */
  askedBy: string;
  agreedBy: string | null;
  /** What it is about, where that is one row. */
  subject: string | null;
}

/** Newest first; `before` is the id that the previous page ended with. */
export async function listBulks(
  sql: Sql,
  page: { limit: number; before?: number | undefined },
): Promise<BulkView[]> {
  const bulks = await sql<Found[]>`
    SELECT ${bulkColumns(sql)}, ${subject(sql)} AS subject FROM driftdesk.bulk_actions b
    WHERE ${page.before ? sql`b.id < ${page.before}` : sql`true`}
    ORDER BY b.id DESC LIMIT ${page.limit}`;
  const nameOf = await namesOfPeople(sql);
  return bulks.map((bulk) => withNames(bulk, nameOf));
}

export interface BulkDetails extends BulkView {
  /** Actions that undo all that this one applied, newest first. */
  undoneBy: { id: number; state: BulkState }[];
  /** Whether anything that it applied can still be undone. */
  undoable: boolean;
}

/** One bulk action; null when there is none with this id. */
export async function bulkDetails(sql: Sql, id: number): Promise<BulkDetails | null> {
  const [[bulk], nameOf] = await Promise.all([
    sql<(Found & Pick<BulkDetails, "undoneBy" | "undoable">)[]>`
      SELECT ${bulkColumns(sql)}, ${subject(sql)} AS subject,
             coalesce((SELECT jsonb_agg(jsonb_build_object('id', r.id, 'state', r.state) ORDER BY r.id DESC) FROM driftdesk.bulk_actions r
                       WHERE r.reverts = b.id AND r.state <> 'cancelled'), '[]') AS "undoneBy",
             b.kind = 'apply' AND b.state NOT IN ('waiting', 'running') AND EXISTS (
               SELECT FROM driftdesk.fixes f
               WHERE f.bulk_id = b.id AND f.state = 'applied' AND f.action = 'update' AND NOT EXISTS (
                 SELECT FROM driftdesk.fixes r WHERE r.reverts = f.id AND r.state IN ('intended', 'applied'))
             ) AS undoable
      FROM driftdesk.bulk_actions b WHERE b.id = ${id}`,
    namesOfPeople(sql),
  ]);
  return bulk ? { ...bulk, ...withNames(bulk, nameOf) } : null;
}

type Found = BulkAction & { subject: string | null };

const subject = (sql: Sql) => sql`
  CASE WHEN b.total = 1 THEN (
    SELECT coalesce(d.label, d.stripe_id, d.local_key)
    FROM driftdesk.bulk_items i JOIN driftdesk.discrepancies d ON d.id = i.discrepancy_id WHERE i.bulk_id = b.id LIMIT 1
  ) END`;

const withNames = (bulk: Found, nameOf: (email: string) => string): BulkView => ({
  ...bulk,
  askedBy: actorName(bulk.requestedBy, nameOf),
  agreedBy: bulk.approvedBy === null ? null : actorName(bulk.approvedBy, nameOf),
});
