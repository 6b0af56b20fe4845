import type { Fragment, Sql } from "postgres";
import { z } from "zod";
import { causes, discrepancyStates, impacts, kinds } from "../db/schema.ts";

const list = <T extends z.ZodType>(item: T) => z.array(item).max(50).optional();

/** Which discrepancies are meant: what the address bar, a bulk action and an export all say in the same words. */
export const discrepancyFilterSchema = z.object({
  state: z.enum(discrepancyStates).default("open"),
  account: z.string().max(100).optional(),
  resource: list(z.string().max(200)),
  kind: list(z.enum(kinds)),
  impact: list(z.enum(impacts)),
  cause: list(z.enum(causes)),
  /** As in the column `change`, e.g. "active → canceled". */
  change: list(z.string().max(500)),
  /** Part of a label, Stripe id, local key or customer id; case does not matter. */
  search: z.string().trim().max(200).optional(),
  /** Open for at least this many hours. */
  olderThanHours: z.number().int().min(0).optional(),
  /** Decided last by this bulk action. */
  bulk: z.number().int().positive().optional(),
  /** By the word of this import, and by nobody else's. */
  import: z.number().int().positive().optional(),
});
export type DiscrepancyFilter = z.infer<typeof discrepancyFilterSchema>;

/** The ages that people choose from, in hours: an hour, a day, three, a week, thirty days. */
export const ageSteps = [1, 24, 72, 168, 720] as const;

const escapeLike = (text: string) => text.replace(/[\\%_]/g, (character) => `\\${character}`);

/** The filter as an SQL condition on `driftdesk.discrepancies d`. */
export function filterCondition(sql: Sql, filter: DiscrepancyFilter, now: Date): Fragment {
  const among = (column: Fragment, values: readonly string[] | undefined) =>
    values && values.length > 0 ? sql`AND ${column} = ANY(${[...values]}::text[])` : sql``;
  return sql`
    d.state = ${filter.state}
    ${filter.account ? sql`AND d.account_id = ${filter.account}` : sql``}
    ${among(sql`d.resource`, filter.resource)}
    ${among(sql`d.kind`, filter.kind)}
    ${among(sql`d.impact`, filter.impact)}
    ${among(sql`d.cause`, filter.cause)}
    ${among(sql`d.change`, filter.change)}
    ${filter.bulk ? sql`AND d.bulk_id = ${filter.bulk}` : sql``}
    ${filter.import ? sql`AND d.import_id = ${filter.import}` : sql``}
    ${filter.search ? sql`AND d.search LIKE ${`%${escapeLike(filter.search.toLowerCase())}%`}` : sql``}
    ${
      filter.olderThanHours
        ? sql`AND d.opened_at <= ${new Date(now.getTime() - filter.olderThanHours * 3_600_000)}`
        : sql``
    }`;
}
