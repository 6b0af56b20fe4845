import { stringify } from "csv-stringify/sync";
import type { Sql } from "postgres";
import { appendAudit } from "../audit/append.ts";
import { authorise } from "../auth/permissions.ts";
import type { Actor, Desk } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";
import { getBulk } from "./bulk.ts";
import { type BulkResult, listResults, type ResultOutcome } from "./bulk-results.ts";

const columns = [
  "discrepancy",
  "account",
  "resource",
  "label",
  "stripeId",
  "localKey",
  "outcome",
  "message",
  "changes",
  "fix",
  "undone",
];
const batch = 1_000;

/**
 * The results of a bulk action as CSV, for somebody who may have them. That they took them is an entry before the first
 * row is read. Throws `bulk_unknown`.
 */
export async function exportBulk(
  desk: Pick<Desk, "sql" | "now">,
  request: { bulkId: number; outcome?: ResultOutcome | undefined },
  actor: Actor,
): Promise<AsyncGenerator<string>> {
  authorise(actor, "export");
  const { bulkId, outcome } = request;
  if (!(await getBulk(desk.sql, bulkId)))
    throw new DriftdeskError("bulk_unknown", `There is no bulk action ${bulkId}.`, { status: 404 });
  const data = { format: "csv", outcome: outcome ?? null };
  await desk.sql.begin((tx) =>
    appendAudit(tx, [{ actor: actor.email, action: "audit.exported", bulk_id: bulkId, data }], desk.now()),
  );
  return pieces(desk.sql, bulkId, outcome);
}

/** Piece by piece: memory stays flat however many rows there are. */
async function* pieces(sql: Sql, bulkId: number, outcome: ResultOutcome | undefined): AsyncGenerator<string> {
  yield stringify([columns]);
  // Pages of its own rather than a cursor: whoever reads slowly, or never ends, holds no connection.
  for (let after: number | null = 0; after !== null; ) {
    const { results, next } = await listResults(sql, bulkId, { limit: batch, after, outcome });
    if (results.length > 0) yield toCsv(results);
    after = next;
  }
}

function toCsv(results: readonly BulkResult[]): string {
  const rows = results.map((result) => ({
    ...result,
    discrepancy: result.discrepancyId,
    account: result.accountId,
    fix: result.fixId,
    undone: result.undone ? "yes" : "",
    changes: result.changes
      .map(({ name, from, to }) => `${name}: ${from ?? "nothing"} → ${to ?? "nothing"}`)
      .join("\n"),
  }));
  // A cell that begins like a formula would run in a spreadsheet: it gets an apostrophe in front.
  return stringify(rows, { columns, escape_formulas: true });
}
