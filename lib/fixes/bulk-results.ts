// What came of each row of a bulk action, page by page, however many there are.
import type { Sql } from "postgres";
import type { Discrepancy, Values } from "../db/schema.ts";

/** `left`: not come to yet. */
export const resultOutcomes = ["applied", "stale", "failed", "skipped", "left"] as const;
export type ResultOutcome = (typeof resultOutcomes)[number];

export interface BulkResult
  extends Pick<Discrepancy, "accountId" | "resource" | "stripeId" | "localKey" | "label"> {
  discrepancyId: number;
  outcome: ResultOutcome;
  message: string | null;
  fixId: number | null;
  /** What was written, or would have been. */
  changes: { name: string; from: string | null; to: string | null }[];
  /** It was a record that the fix added. */
  added: boolean;
  /** What was written has been undone since. */
  undone: boolean;
}

export interface ResultPage {
  results: BulkResult[];
  /** The `after` of the next page; null at the end. */
  next: number | null;
}

/** One page, in the order of the discrepancies. It costs the same wherever it lies. */
export async function listResults(
  sql: Sql,
  bulkId: number,
  page: { limit: number; after?: number | undefined; outcome?: ResultOutcome | undefined },
): Promise<ResultPage> {
  const { limit, after = 0, outcome } = page;
  const found = await sql<Found[]>`
    SELECT d.id AS "discrepancyId", d.account_id AS "accountId", d.resource, d.stripe_id AS "stripeId",
           coalesce(f.local_key, u.local_key, d.local_key) AS "localKey", d.label,
           coalesce(i.outcome, 'left') AS outcome, i.message, f.id AS "fixId",
           coalesce(f.observed, u.expected) AS before, coalesce(f.expected, u.observed) AS after,
           CASE WHEN f.id IS NULL AND u.id IS NULL AND d.version = i.version THEN d.fields END AS fields,
           coalesce(f.action = 'insert', false) AS added,
           EXISTS (SELECT FROM driftdesk.fixes r WHERE r.reverts = f.id AND r.state = 'applied') AS undone
    FROM driftdesk.bulk_items i
    JOIN driftdesk.discrepancies d ON d.id = i.discrepancy_id
    -- Where it undoes: what it is about.
    LEFT JOIN driftdesk.fixes u ON u.id = i.fix_id
    LEFT JOIN LATERAL (
      SELECT * FROM driftdesk.fixes f
      WHERE f.discrepancy_id = i.discrepancy_id AND f.bulk_id = i.bulk_id ORDER BY f.id DESC LIMIT 1
    ) f ON true
    WHERE i.bulk_id = ${bulkId} AND i.discrepancy_id > ${after}
      ${outcome === undefined ? sql`` : outcome === "left" ? sql`AND i.outcome IS NULL` : sql`AND i.outcome = ${outcome}`}
    ORDER BY i.discrepancy_id LIMIT ${limit + 1}`;
  const results = found.slice(0, limit).map(({ before, after: to, fields, ...row }) => ({
    ...row,
    changes: to
      ? Object.keys(to).map((name) => ({ name, from: before?.[name] ?? null, to: to[name] ?? null }))
      : (fields ?? []).map(({ name, local, stripe }) => ({ name, from: local, to: stripe })),
  }));
  return { results, next: found.length > limit ? (results.at(-1)?.discrepancyId ?? null) : null };
}

type Found = Omit<BulkResult, "changes"> & {
  before: Values | null;
  after: Values | null;
  fields: Discrepancy["fields"] | null;
};
