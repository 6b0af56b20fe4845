import type { Fragment, Sql, TransactionSql } from "postgres";
import { z } from "zod";
import type { Desk } from "../desk.ts";
import { discrepancyFilterSchema, filterCondition } from "../discrepancies/filter.ts";

/**
 * Which discrepancies a person means: the ones they ticked, in the version that they saw, or everything that matched
 * a filter when they looked.
 */
export const selectionSchema = z.union([
  z.strictObject({
    ids: z
      .array(z.strictObject({ id: z.number().int().positive(), version: z.number().int().positive() }))
      .min(1)
      .max(10_000),
  }),
  z.strictObject({ filter: discrepancyFilterSchema, seenUntil: z.coerce.date() }),
]);
export type Selection = z.infer<typeof selectionSchema>;

/**
 * Why something among many is left out that a person could decide by itself, as SQL on `driftdesk.discrepancies d`; NULL for what
 * is not, and where one is selected alone.
 */
export function whyNotTogether(sql: Sql | TransactionSql, selection: Selection): Fragment {
  if ("ids" in selection && new Set(selection.ids.map(({ id }) => id)).size === 1) return sql`NULL::text`;
  return sql`
    CASE WHEN d.local_newer
      THEN 'Our record was changed after the file was exported, and may be right already. Ask Stripe, or decide on it by itself.' END`;
}

/** A query for `id` and the `version` that was seen. What changed after `seenUntil` is not among a filter's. */
export function selected(sql: Sql | TransactionSql, desk: Pick<Desk, "now">, selection: Selection): Fragment {
  if ("ids" in selection) {
    const ids = selection.ids.map((one) => one.id);
    const versions = selection.ids.map((one) => one.version);
    // Named twice, the older sight counts: it is void if anything changed since.
    return sql`
      SELECT d.id, min(s.version) AS version
      FROM unnest(${ids}::bigint[], ${versions}::int[]) AS s (id, version)
      JOIN driftdesk.discrepancies d ON d.id = s.id
      GROUP BY d.id`;
  }
  return sql`
    SELECT d.id, d.version FROM driftdesk.discrepancies d
    WHERE ${filterCondition(sql as Sql, selection.filter, desk.now())} AND d.changed_at <= ${selection.seenUntil}`;
}
