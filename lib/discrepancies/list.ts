import type { Fragment, Sql } from "postgres";
import type { Discrepancy } from "../db/schema.ts";
import { type Cursor, readCursor, writeCursor } from "./cursor.ts";
import { type DiscrepancyFilter, filterCondition } from "./filter.ts";
import { beyond, orderBy, positionOf, reversed, type Sort, sortColumns } from "./sort.ts";
import { type Count, countMatching } from "./totals.ts";

/** What the table and the panel's first glance need of a discrepancy. */
export type DiscrepancyRow = Pick<
  Discrepancy,
  | "id"
  | "version"
  | "accountId"
  | "resource"
  | "kind"
  | "stripeId"
  | "localKey"
  | "customerId"
  | "label"
  | "observed"
  | "expected"
  | "fields"
  | "change"
  | "rowError"
  | "impact"
  | "amountMinor"
  | "currency"
  | "cause"
  | "state"
  | "openedAt"
  | "observedAt"
  | "closedAt"
  | "snoozedUntil"
  | "decidedAt"
  | "decidedBy"
  | "decisionReason"
  | "bulkId"
  | "revertedAt"
  | "localNewer"
> & {
  livemode: boolean;
  /** The file by whose word the expected values stand; null where Stripe itself was asked. */
  word: FileWord | null;
};

export interface FileWord {
  import: number;
  /** Null for what has no name. */
  file: string | null;
  line: number | null;
  /** When the file says that it was so, in ISO 8601; null when nobody knows. */
  exportedAt: string | null;
}

export interface DiscrepancyPage {
  rows: DiscrepancyRow[];
  next: string | null;
  previous: string | null;
  total: Count;
}

export interface ListRequest {
  filter: DiscrepancyFilter;
  sort: Sort;
  /** From an earlier page of the same filter and sort. One that does not fit starts the list from its beginning. */
  cursor?: string | undefined;
  limit: number;
  now: Date;
}

export const rowColumns = (sql: Sql): Fragment => sql`
  d.id, d.version, d.account_id AS "accountId", d.resource, d.kind, d.stripe_id AS "stripeId",
  d.local_key AS "localKey", d.customer_id AS "customerId", d.label, d.observed, d.expected, d.fields, d.change,
  d.row_error AS "rowError", d.impact, d.amount_minor AS "amountMinor", d.currency, d.cause, d.state,
  d.opened_at AS "openedAt", d.observed_at AS "observedAt", d.closed_at AS "closedAt",
  d.snoozed_until AS "snoozedUntil", d.decided_at AS "decidedAt", d.decided_by AS "decidedBy",
  d.decision_reason AS "decisionReason", d.bulk_id AS "bulkId", d.reverted_at AS "revertedAt",
  d.local_newer AS "localNewer",
  (SELECT jsonb_build_object('import', i.id, 'file', i.file_name, 'line', d.import_line, 'exportedAt', i.exported_at)
   FROM driftdesk.imports i WHERE i.id = d.import_id) AS word,
  coalesce((SELECT a.livemode FROM driftdesk.accounts a WHERE a.id = d.account_id), false) AS livemode`;

/** One page of the list. It costs the same wherever it lies and however long the list is. */
export async function listDiscrepancies(sql: Sql, request: ListRequest): Promise<DiscrepancyPage> {
  const { sort, limit } = request;
  const condition = filterCondition(sql, request.filter, request.now);
  const cursor = request.cursor ? readCursor(sort, request.cursor) : null;
  const [found, total] = await Promise.all([
    fetchPage(sql, { condition, sort, cursor, limit: limit + 1 }),
    countMatching(sql, request.filter, request.now),
  ]);
  // Nothing before the first row or after the last any more: show the list's beginning rather than an empty page.
  if (cursor && found.length === 0) return listDiscrepancies(sql, { ...request, cursor: undefined });

  const surplus = found.length > limit;
  const page = found.slice(0, limit);
  const backwards = cursor?.way === "previous";
  if (backwards) page.reverse();
  const first = page[0];
  const last = page.at(-1);
  const hasNext = backwards ? true : surplus;
  const hasPrevious = backwards ? surplus : cursor !== null;
  return {
    rows: page.map(({ position: _, ...row }) => row),
    next: hasNext && last ? writeCursor(sort, { way: "next", position: last.position }) : null,
    previous: hasPrevious && first ? writeCursor(sort, { way: "previous", position: first.position }) : null,
    total,
  };
}

type Positioned = DiscrepancyRow & { position: string[] };

export interface PageQuery {
  condition: Fragment;
  sort: Sort;
  cursor: Cursor | null;
  limit: number;
}

/** In the cursor's direction: a previous page comes nearest row first. */
export function fetchPage(sql: Sql, { condition, sort, cursor, limit }: PageQuery) {
  const columns = sortColumns(sql, sort);
  const order = cursor?.way === "previous" ? reversed(columns) : columns;
  const part = (range: Fragment) => sql`
    (SELECT ${rowColumns(sql)}, ${positionOf(sql, columns)} AS position
     FROM driftdesk.discrepancies d
     WHERE ${condition} ${range}
     ORDER BY ${orderBy(sql, order)}
     LIMIT ${limit})`;
  if (!cursor) return sql<Positioned[]>`${part(sql``)}`;
  const parts = beyond(sql, order, cursor.position).map((range) => part(sql`AND ${range}`));
  // The ranges follow each other and each is in order, so they only have to be put end to end.
  return sql<Positioned[]>`
    SELECT * FROM (${parts.reduce((all, one) => sql`${all} UNION ALL ${one}`)}) AS page LIMIT ${limit}`;
}
