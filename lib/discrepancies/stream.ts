import type { Sql } from "postgres";
import type { Discrepancy } from "../db/schema.ts";
import { type DiscrepancyFilter, filterCondition } from "./filter.ts";

/** A discrepancy as the command line and scripts see it. */
export type DiscrepancyLine = Pick<
  Discrepancy,
  "id" | "resource" | "kind" | "stripeId" | "localKey" | "fields" | "impact" | "cause" | "state"
> & {
  /** The account's name in the config, where accounts have names. */
  account?: string;
};

/** Everything that matches, in the order of its finding, a batch at a time: however many there are. */
export async function* streamDiscrepancies(
  sql: Sql,
  filter: DiscrepancyFilter,
  now: Date,
): AsyncGenerator<DiscrepancyLine, void, undefined> {
  const batches = sql<(Omit<DiscrepancyLine, "account"> & { account: string | null })[]>`
    SELECT d.id, d.resource, d.kind, d.stripe_id AS "stripeId", d.local_key AS "localKey", d.fields, d.impact,
           d.cause, d.state, a.config_name AS account
    FROM driftdesk.discrepancies d
    LEFT JOIN driftdesk.accounts a ON a.id = d.account_id
    WHERE ${filterCondition(sql, filter, now)}
    ORDER BY d.id`.cursor(1_000);
  for await (const batch of batches)
    yield* batch.map(({ account, ...line }) => (account === null ? line : { ...line, account }));
}
