import type { Fragment, Sql, TransactionSql } from "postgres";

/** Statuses in which Stripe waits for evidence. */
const waiting = ["needs_response", "warning_needs_response", "appeal_needs_response"];

/** Disputes `d` that evidence can still be given for: none was yet, or an appeal wants more. */
export const answerable = (sql: Sql | TransactionSql): Fragment => sql`
  d.status = ANY (${waiting}::text[]) AND (NOT d.submitted OR d.status = 'appeal_needs_response')`;
