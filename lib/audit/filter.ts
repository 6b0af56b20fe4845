import type { Fragment, Sql } from "postgres";
import { z } from "zod";

/** Which entries are meant: what the address bar and an export both say in the same words. */
export const auditFilterSchema = z.object({
  /** E-mail address, or `system`, or `policy`. */
  actor: z.string().max(200).optional(),
  action: z.array(z.string().max(50)).max(50).optional(),
  /** Id of a Stripe account. */
  account: z.string().max(100).optional(),
  resource: z.string().max(200).optional(),
  from: z.date().optional(),
  /** Before this instant. */
  to: z.date().optional(),
  discrepancyId: z.number().int().positive().optional(),
  runId: z.number().int().positive().optional(),
  bulkId: z.number().int().positive().optional(),
  /** Id of a customer at Stripe: everything about the records that are theirs. */
  customer: z.string().max(200).optional(),
  /** Part of what people call the thing, or the whole of a Stripe id, local key or customer id. */
  search: z.string().trim().max(200).optional(),
});
export type AuditFilter = z.infer<typeof auditFilterSchema>;

const escapeLike = (text: string) => text.replace(/[\\%_]/g, (character) => `\\${character}`);

/** The filter as an SQL condition on `driftdesk.audit_entries e`. */
export function auditCondition(sql: Sql, filter: AuditFilter): Fragment {
  const { search } = filter;
  return sql`
    true
    ${filter.actor ? sql`AND e.actor = ${filter.actor}` : sql``}
    ${filter.action && filter.action.length > 0 ? sql`AND e.action = ANY(${filter.action}::text[])` : sql``}
    ${filter.account ? sql`AND e.account_id = ${filter.account}` : sql``}
    ${filter.resource ? sql`AND e.resource = ${filter.resource}` : sql``}
    ${filter.from ? sql`AND e.at >= ${filter.from}` : sql``}
    ${filter.to ? sql`AND e.at < ${filter.to}` : sql``}
    ${filter.discrepancyId ? sql`AND e.discrepancy_id = ${filter.discrepancyId}` : sql``}
    ${filter.runId ? sql`AND e.run_id = ${filter.runId}` : sql``}
    ${filter.bulkId ? sql`AND e.bulk_id = ${filter.bulkId}` : sql``}
    ${
      filter.customer
        ? sql`AND e.discrepancy_id IN (SELECT d.id FROM driftdesk.discrepancies d WHERE d.customer_id = ${filter.customer})`
        : sql``
    }
    ${
      search
        ? sql`AND (
            e.subject ILIKE ${`%${escapeLike(search)}%`}
            OR ${search} IN (e.data ->> 'stripeId', e.data ->> 'localKey', e.data ->> 'customerId')
          )`
        : sql``
    }`;
}
