import type { Fragment, Sql } from "postgres";
import { z } from "zod";
import type { Config } from "../config/resource.ts";
import { discrepancyFilterSchema, filterCondition } from "../discrepancies/filter.ts";

/**
 * What a decision is about: rows that were ticked, each in the version that was on the screen, or everything that
 * matched a filter at a moment. What changed after that moment is not part of it.
 */
export const selectionSchema = z.union([
  z.object({
    ids: z
      .array(z.object({ id: z.number().int().positive(), version: z.number().int().positive() }))
      .min(1)
      .max(5_000),
  }),
  z.object({ filter: discrepancyFilterSchema, seenUntil: z.coerce.date() }),
]);
export type Selection = z.infer<typeof selectionSchema>;

/** The selection as a condition on `driftdesk.discrepancies d`. Rows in another version than the one seen are left out. */
export function selectionCondition(sql: Sql, selection: Selection, now: Date): Fragment {
  if ("ids" in selection)
    return sql`(d.id, d.version) IN (
      SELECT * FROM unnest(${selection.ids.map((item) => item.id)}::bigint[], ${selection.ids.map((item) => item.version)}::int[]))`;
  return sql`${filterCondition(sql, selection.filter, now)} AND d.changed_at <= ${selection.seenUntil}`;
}

/** Which discrepancies the mapping knows a correction for. */
export function applicableCondition(sql: Sql, config: Config): Fragment {
  const set = config.resources.filter((r) => r.missingInStripe !== "report").map((r) => r.name);
  const insert = config.resources.filter((r) => r.missingLocal !== "report").map((r) => r.name);
  return sql`(d.row_error IS NULL AND (
    (d.kind = 'mismatch' AND d.fields <> '[]') OR
    (d.kind = 'missing_in_stripe' AND d.fields <> '[]' AND d.resource = ANY(${set}::text[])) OR
    (d.kind = 'missing_local' AND d.resource = ANY(${insert}::text[]))))`;
}

/** Which discrepancies a correction would change an amount of money for. */
export function moneyCondition(sql: Sql, config: Config): Fragment {
  const columns = config.resources.flatMap((r) =>
    r.fields.filter((f) => f.money).map((f) => `${r.name} ${f.column}`),
  );
  return sql`EXISTS (
    SELECT FROM jsonb_array_elements(d.fields) AS f
    WHERE d.resource || ' ' || (f ->> 'name') = ANY(${columns}::text[]))`;
}
