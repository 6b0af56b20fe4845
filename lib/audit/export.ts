import { stringify } from "csv-stringify/sync";
import type { Sql } from "postgres";
import { authorise } from "../auth/permissions.ts";
import type { Actor, Desk } from "../desk.ts";
import { appendAudit } from "./append.ts";
import { type AuditFilter, auditCondition } from "./filter.ts";
import { auditText } from "./sentence.ts";

export const exportFormats = ["csv", "jsonl"] as const;
export type ExportFormat = (typeof exportFormats)[number];

interface ExportedEntry {
  seq: number;
  at: Date;
  actor: string;
  action: string;
  account: string | null;
  resource: string | null;
  discrepancy: number | null;
  run: number | null;
  bulk: number | null;
  fix: number | null;
  subject: string | null;
  data: Record<string, unknown>;
  prevHash: string;
  hash: string;
}

const columns = [
  "seq",
  "at",
  "actor",
  "action",
  "sentence",
  "account",
  "resource",
  "discrepancy",
  "run",
  "bulk",
  "fix",
  "subject",
  "data",
  "prevHash",
  "hash",
];
const batch = 1_000;

export interface ExportRequest {
  format: ExportFormat;
  filter: AuditFilter;
}

/** Hands the history out to somebody who may have it. That they took it is an entry before the first one is read. */
export async function exportAudit(
  desk: Pick<Desk, "sql" | "now">,
  request: ExportRequest,
  actor: Actor,
): Promise<AsyncGenerator<string>> {
  if (actor.role !== "system") authorise(actor, "export");
  const { format, filter } = request;
  await desk.sql.begin((tx) =>
    appendAudit(tx, [{ actor: actor.email, action: "audit.exported", data: { format, filter } }], desk.now()),
  );
  return pieces(desk.sql, request);
}

/** The entries that match, oldest first, piece by piece: memory stays flat however long the history is. */
async function* pieces(sql: Sql, { format, filter }: ExportRequest): AsyncGenerator<string> {
  if (format === "csv") yield stringify([columns]);
  // Pages of its own rather than a cursor: whoever reads slowly, or never ends, holds no connection.
  for (let after = 0; ; ) {
    const entries = await sql<ExportedEntry[]>`
      SELECT e.seq, e.at, e.actor, e.action, e.account_id AS account, e.resource, e.discrepancy_id AS discrepancy,
             e.run_id AS run, e.bulk_id AS bulk, e.fix_id AS fix, e.subject, e.data,
             encode(e.prev_hash, 'hex') AS "prevHash", encode(e.hash, 'hex') AS hash
      FROM driftdesk.audit_entries e
      WHERE ${auditCondition(sql, filter)} AND e.seq > ${after}
      ORDER BY e.seq
      LIMIT ${batch}`;
    if (entries.length > 0) yield format === "csv" ? toCsv(entries) : toJsonLines(entries);
    const last = entries.at(-1);
    if (!last || entries.length < batch) return;
    after = last.seq;
  }
}

const sentenceOf = (entry: ExportedEntry) => auditText({ ...entry, bulkId: entry.bulk, runId: entry.run });

function toCsv(entries: readonly ExportedEntry[]): string {
  const rows = entries.map((entry) => ({
    ...entry,
    at: entry.at.toISOString(),
    sentence: sentenceOf(entry),
    data: JSON.stringify(entry.data),
  }));
  // A cell that begins like a formula would run in a spreadsheet: it gets an apostrophe in front.
  return stringify(rows, { columns, escape_formulas: true });
}

const toJsonLines = (entries: readonly ExportedEntry[]) =>
  entries.map((entry) => `${JSON.stringify({ ...entry, sentence: sentenceOf(entry) })}\n`).join("");
