import { stringify } from "csv-stringify/sync";
import type { Sql } from "postgres";
import { authorise } from "../auth/permissions.ts";
import type { Environment } from "../config/environment.ts";
import type { Actor, Desk } from "../desk.ts";
import { appendAudit } from "./append.ts";
import { type Checkpoint, checkpointText, signedCheckpoint } from "./checkpoint.ts";
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

export type ExportDesk = Pick<Desk, "sql" | "now"> & {
  environment: Pick<Environment, "auditSigningKey">;
};

/**
 * Hands the history out to somebody who may have it. That they took it is an entry before the first one is read. Where
 * there is a key, the last line is a signed checkpoint of the whole chain.
 */
export async function exportAudit(
  desk: ExportDesk,
  request: ExportRequest,
  actor: Actor,
): Promise<AsyncGenerator<string>> {
  if (actor.role !== "system") authorise(actor, "export");
  const { format, filter } = request;
  await desk.sql.begin((tx) =>
    appendAudit(tx, [{ actor: actor.email, action: "audit.exported", data: { format, filter } }], desk.now()),
  );
  return pieces(desk, request);
}

/** The entries that match, oldest first, piece by piece: memory stays flat however long the history is. */
async function* pieces(desk: ExportDesk, { format, filter }: ExportRequest): AsyncGenerator<string> {
  if (format === "csv") yield stringify([columns]);
  for await (const entries of pagesOf(desk.sql, filter))
    yield format === "csv" ? toCsv(entries) : toJsonLines(entries);
  const checkpoint = await signedCheckpoint(desk, desk.environment.auditSigningKey);
  if (checkpoint) yield format === "csv" ? checkpointRow(checkpoint) : `${checkpointText(checkpoint)}\n`;
}

/** Pages of its own rather than a cursor: whoever reads slowly, or never ends, holds no connection. */
async function* pagesOf(sql: Sql, filter: AuditFilter): AsyncGenerator<readonly ExportedEntry[]> {
  for (let after = 0; ; ) {
    const entries = await sql<ExportedEntry[]>`
      SELECT e.seq, e.at, e.actor, e.action, e.account_id AS account, e.resource, e.discrepancy_id AS discrepancy,
             e.run_id AS run, e.bulk_id AS bulk, e.fix_id AS fix, e.subject, e.data,
             encode(e.prev_hash, 'hex') AS "prevHash", encode(e.hash, 'hex') AS hash
      FROM driftdesk.audit_entries e
      WHERE ${auditCondition(sql, filter)} AND e.seq > ${after}
      ORDER BY e.seq
      LIMIT ${batch}`;
    if (entries.length > 0) yield entries;
    const last = entries.at(-1);
    if (!last || entries.length < batch) return;
    after = last.seq;
  }
}

/** It is no entry, and says so where an entry's action stands. */
const checkpointRow = (checkpoint: Checkpoint) =>
  stringify(
    [
      {
        ...checkpoint,
        action: "checkpoint",
        sentence: "The end of the whole history as it was then, signed",
        data: checkpointText(checkpoint),
      },
    ],
    { columns },
  );

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
