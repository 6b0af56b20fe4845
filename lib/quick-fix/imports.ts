// What was brought, for those who look at it.
import type { Sql } from "postgres";
import { appendAudit } from "../audit/append.ts";
import { authorise } from "../auth/permissions.ts";
import type { Import, ImportFindingKind } from "../db/schema.ts";
import type { Actor, Desk } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";
import type { Understood } from "./read.ts";

export interface ImportView
  extends Pick<
    Import,
    | "id"
    | "accountName"
    | "source"
    | "fileName"
    | "kind"
    | "state"
    | "exportedAt"
    | "bytes"
    | "lines"
    | "problems"
    | "message"
    | "uploadedAt"
    | "runId"
  > {
  understood: Understood | null;
  /** A name, or an address where there is none. */
  by: string;
}

const columns = (sql: Sql) => sql`
  i.id, i.account_name AS "accountName", i.source, i.file_name AS "fileName", i.kind, i.state, i.understood,
  i.exported_at AS "exportedAt", i.bytes, i.lines, i.problems, i.message, i.uploaded_at AS "uploadedAt",
  i.run_id AS "runId", coalesce(u.name, i.uploaded_by) AS by`;

/** Newest first; `before` is the id that the page before ended with. */
export function listImports(
  sql: Sql,
  { limit, before }: { limit: number; before?: number | undefined },
): Promise<ImportView[]> {
  return sql<ImportView[]>`
    SELECT ${columns(sql)} FROM driftdesk.imports i
    LEFT JOIN driftdesk.users u ON u.email = i.uploaded_by
    WHERE ${before === undefined ? sql`true` : sql`i.id < ${before}`}
    ORDER BY i.id DESC LIMIT ${limit}`;
}

export async function getImport(sql: Sql, id: number): Promise<ImportView | null> {
  const [found] = await sql<ImportView[]>`
    SELECT ${columns(sql)} FROM driftdesk.imports i
    LEFT JOIN driftdesk.users u ON u.email = i.uploaded_by
    WHERE i.id = ${id}`;
  return found ?? null;
}

/** Lines that could not be read, after a line. */
export function problemsOf(
  sql: Sql,
  id: number,
  { after = 0, limit }: { after?: number | undefined; limit: number },
): Promise<{ line: number; problem: string }[]> {
  return sql<{ line: number; problem: string }[]>`
    SELECT line, problem FROM driftdesk.import_problems
    WHERE import_id = ${id} AND line > ${after} ORDER BY line LIMIT ${limit}`;
}

export interface FindingView {
  resource: string;
  line: number;
  finding: ImportFindingKind;
  /** Whom the line is about, by its id or address. */
  about: string | null;
  /** Keys of local records that it may mean. */
  candidates: string[];
  /** Other lines about the same record. */
  lines: number[];
}

/** What the last comparison could not say with certainty, and how much of each kind there is. */
export async function findingsOf(
  sql: Sql,
  { id, runId }: Pick<Import, "id" | "runId">,
  limit: number,
): Promise<{ counts: { finding: ImportFindingKind; count: number }[]; rows: FindingView[] }> {
  if (runId === null) return { counts: [], rows: [] };
  const counts = await sql<{ finding: ImportFindingKind; count: number }[]>`
    SELECT finding, count(*)::int AS count FROM driftdesk.import_findings
    WHERE run_id = ${runId} GROUP BY finding ORDER BY finding`;
  const rows = await sql<FindingView[]>`
    SELECT f.resource, f.line, f.finding, coalesce(l.email, l.stripe_id, l.customer_id) AS about,
           coalesce(f.detail -> 'candidates', '[]') AS candidates, coalesce(f.detail -> 'lines', '[]') AS lines
    FROM driftdesk.import_findings f
    LEFT JOIN driftdesk.import_lines l ON l.import_id = ${id} AND l.line = f.line
    WHERE f.run_id = ${runId}
    ORDER BY f.finding = 'unmatched', f.line, f.resource LIMIT ${limit}`;
  return { counts, rows };
}

/** Differences that stand by the word of an import and by nobody else's. */
export async function differencesOf(sql: Sql, id: number): Promise<{ open: number; all: number }> {
  const [found] = await sql<{ open: number; all: number }[]>`
    SELECT count(*) FILTER (WHERE state = 'open')::int AS open, count(*)::int AS all
    FROM driftdesk.discrepancies WHERE import_id = ${id}`;
  return found ?? { open: 0, all: 0 };
}

/**
 * Says when a file was made, before it is compared. Throws `import_unknown`, `import_compared` once it was, and
 * `exported_at_later` for a time that has not come yet.
 */
export async function correctExportTime(
  desk: Pick<Desk, "sql" | "now">,
  { importId, exportedAt }: { importId: number; exportedAt: Date },
  actor: Actor,
): Promise<void> {
  authorise(actor, "import");
  if (exportedAt > desk.now())
    throw new DriftdeskError("exported_at_later", "A file cannot have been exported in the future.", {
      status: 400,
    });
  await desk.sql.begin(async (tx) => {
    const [found] = await tx<Pick<Import, "runId" | "fileName" | "exportedAt">[]>`
      SELECT run_id AS "runId", file_name AS "fileName", exported_at AS "exportedAt"
      FROM driftdesk.imports WHERE id = ${importId} FOR UPDATE`;
    if (!found)
      throw new DriftdeskError("import_unknown", `There is no import with the number ${importId}.`, {
        status: 404,
      });
    if (found.runId !== null)
      throw new DriftdeskError(
        "import_compared",
        "This file has been compared with the time that stands here. Bring it again to say another.",
        { status: 409 },
      );
    await tx`UPDATE driftdesk.imports SET exported_at = ${exportedAt} WHERE id = ${importId}`;
    await appendAudit(
      tx,
      [
        {
          actor: actor.email,
          action: "import.dated",
          subject: found.fileName ?? "a pasted list",
          data: {
            import: importId,
            from: found.exportedAt?.toISOString() ?? null,
            exportedAt: exportedAt.toISOString(),
          },
        },
      ],
      desk.now(),
    );
  });
}
