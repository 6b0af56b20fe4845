// Where a file or a list that somebody brings is kept, line by line as it comes in. Nothing is half-imported: what breaks off
// leaves its place in the list of imports, with what went wrong, and none of its lines.
import { createHash } from "node:crypto";
import type { TransactionSql } from "postgres";
import { appendAudit } from "../audit/append.ts";
import { authorise } from "../auth/permissions.ts";
import type { Import } from "../db/schema.ts";
import type { Actor, Desk } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";
import { copyInto, copyLine } from "../local/copy.ts";
import { type ListLine, readList } from "./list.ts";
import { type ExportLine, readExport } from "./read.ts";

/** In bytes: a million lines of an export are a quarter of it. */
export const largestFile = 1_000_000_000;
const largestList = 1_000_000;
const batch = 5_000;
/** An import of which nothing was read for so long has lost its process. */
const abandonedAfterMs = 10 * 60_000;

export interface Brought {
  source: "file" | "paste";
  fileName: string | null;
  /** When the file was made; null when nobody knows. */
  exportedAt: Date | null;
  /** What the sender says that is coming, in bytes. */
  bytesTotal?: number | null;
  /** The same for a second click on the same button. */
  requestKey?: string | null;
  onProgress?: (progress: { bytes: number; lines: number; problems: number }) => void;
}

/** `already` when the same bytes, or the same click, were brought before: then it is that import. */
export interface Stored {
  id: Import["id"];
  already: boolean;
}

/**
 * Reads what somebody brings into the desk's own tables. Throws `not_allowed`, what `readExport` and `readList` throw, and
 * `export_too_large`; the import then stands in the list as failed.
 */
export async function storeImport(
  desk: Desk,
  brought: Brought,
  source: AsyncIterable<Uint8Array>,
  actor: Actor,
): Promise<Stored> {
  authorise(actor, "import");
  await forgetAbandoned(desk);
  const begun = await begin(desk, brought, actor);
  if (begun.already) return begun;
  try {
    return await store({ desk, brought, actor, id: begun.id }, source);
  } catch (error) {
    await fail(desk, begun.id, error);
    throw error;
  }
}

interface Storing {
  desk: Desk;
  brought: Brought;
  actor: Actor;
  id: number;
}

async function begin(desk: Desk, brought: Brought, actor: Actor): Promise<Stored> {
  const { account } = desk.config;
  const [row] = await desk.sql<{ id: number }[]>`
    INSERT INTO driftdesk.imports ${desk.sql({
      account_name: account.name ?? "",
      account_id: account.id ?? null,
      source: brought.source,
      file_name: brought.fileName,
      exported_at: brought.exportedAt,
      bytes_total: brought.bytesTotal ?? null,
      request_key: brought.requestKey ?? null,
      uploaded_by: actor.email,
      uploaded_at: desk.now(),
    })}
    ON CONFLICT (request_key) DO NOTHING
    RETURNING id`;
  if (row) return { id: row.id, already: false };
  const [before] = await desk.sql<{ id: number }[]>`
    SELECT id FROM driftdesk.imports
    WHERE request_key = ${brought.requestKey ?? null} AND uploaded_by = ${actor.email}`;
  if (before) return { id: before.id, already: true };
  throw new DriftdeskError("import_key_taken", "Somebody else brings a file under the same key. Try again.", {
    status: 409,
  });
}

async function store(storing: Storing, source: AsyncIterable<Uint8Array>): Promise<Stored> {
  const { desk, brought, id } = storing;
  const sha256 = createHash("sha256");
  const so = { bytes: 0, lines: 0, problems: 0 };
  const limit = brought.source === "file" ? largestFile : largestList;
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const piece of source) {
      so.bytes += piece.length;
      if (so.bytes > limit) throw tooLarge(limit);
      sha256.update(piece);
      yield piece;
    }
  }
  const { kind, understood, lines } = await linesOf(brought.source, counted());
  await desk.sql`
    UPDATE driftdesk.imports SET kind = ${kind}, understood = ${desk.sql.json(understood as never)}
    WHERE id = ${id}`;
  for await (const some of inBatches(lines)) {
    await desk.sql.begin(async (tx) => {
      const withdrawn = await write(tx, id, some);
      so.lines += some.filter((one) => "row" in one).length - withdrawn;
      so.problems += some.filter((one) => "problem" in one).length + withdrawn;
      await tx`
        UPDATE driftdesk.imports SET ${tx({ ...so, read_at: desk.now() })} WHERE id = ${id}`;
    });
    brought.onProgress?.({ ...so });
  }
  return finish(storing, sha256.digest());
}

async function linesOf(source: Import["source"], bytes: AsyncIterable<Uint8Array>) {
  if (source === "paste") return { kind: "list" as const, understood: null, lines: readList(bytes) };
  const { understood, lines } = await readExport(bytes);
  return { kind: understood.kind, understood, lines };
}

async function* inBatches(
  lines: AsyncIterable<ExportLine | ListLine>,
): AsyncGenerator<(ExportLine | ListLine)[]> {
  let some: (ExportLine | ListLine)[] = [];
  for await (const line of lines) {
    some.push(line);
    if (some.length < batch) continue;
    yield some;
    some = [];
  }
  if (some.length > 0) yield some;
}

/** Answers how many lines that were written before are taken back. */
async function write(
  tx: TransactionSql,
  id: number,
  some: readonly (ExportLine | ListLine)[],
): Promise<number> {
  const lines: string[] = [];
  const problems: string[] = [];
  const withdrawn = new Map<number, number>();
  for (const one of some)
    if ("row" in one) {
      const { id: stripeId, customer, email, values } = one.row;
      const told = JSON.stringify(values, (_, value) =>
        typeof value === "string" ? keepable(value) : value,
      );
      lines.push(copyLine([id, one.line, ...[stripeId, customer, email].map(keepableOrNull), told]));
    } else {
      problems.push(copyLine([id, one.line, keepable(one.problem)]));
      if ("withdraws" in one && one.withdraws !== undefined) withdrawn.set(one.withdraws, one.line);
    }
  await copyInto(
    tx,
    "driftdesk.import_lines",
    "import_id, line, stripe_id, customer_id, email, data",
    lines.join(""),
  );
  await copyInto(tx, "driftdesk.import_problems", "import_id, line, problem", problems.join(""));
  return withdrawn.size === 0 ? 0 : withdraw(tx, id, withdrawn);
}

/** Takes back lines that a later one contradicts: nobody can tell which of the two is right. */
async function withdraw(
  tx: TransactionSql,
  id: number,
  withdrawn: ReadonlyMap<number, number>,
): Promise<number> {
  const entries = [...withdrawn].map(([line, by]) => ({ line, by }));
  const { count } = await tx`
    WITH gone AS (
      DELETE FROM driftdesk.import_lines l USING jsonb_to_recordset(${tx.json(entries)}) AS w (line bigint, by bigint)
      WHERE l.import_id = ${id} AND l.line = w.line
      RETURNING w.line, w.by
    )
    INSERT INTO driftdesk.import_problems (import_id, line, problem)
    SELECT ${id}, line, 'Line ' || by || ' says something else of the same object. Neither of the two is used.'
    FROM gone`;
  return count;
}

/** Postgres keeps no zero bytes, and nothing that is no Unicode. */
const keepable = (text: string) => text.replaceAll("\u0000", "␀").toWellFormed();
const keepableOrNull = (text: string | null) => (text === null ? null : keepable(text));

async function finish({ desk, brought, actor, id }: Storing, sha256: Buffer): Promise<Stored> {
  return desk.sql.begin(async (tx): Promise<Stored> => {
    // Two uploads of the same file that end together are one import: the second waits here.
    const name = desk.config.account.name ?? "";
    await tx`SELECT pg_advisory_xact_lock(hashtextextended(${`import ${name} ${sha256.toString("hex")}`}, 0))`;
    const [same] = await tx<{ id: number }[]>`
      SELECT id FROM driftdesk.imports
      WHERE account_name = ${name} AND sha256 = ${sha256} AND source = ${brought.source} AND state = 'read'`;
    if (same) {
      await tx`DELETE FROM driftdesk.imports WHERE id = ${id}`;
      return { id: same.id, already: true };
    }
    const [read] = await tx<Pick<Import, "kind" | "lines" | "problems" | "bytes">[]>`
      UPDATE driftdesk.imports SET state = 'read', sha256 = ${sha256}, read_at = ${desk.now()}
      WHERE id = ${id} AND state = 'reading' RETURNING kind, lines, problems, bytes`;
    if (!read) throw new DriftdeskError("import_failed", "Reading the file took too long. Bring it again.");
    await appendAudit(
      tx,
      [
        {
          actor: actor.email,
          action: "import.read",
          subject: brought.fileName ?? "a pasted list",
          data: {
            import: id,
            ...read,
            sha256: sha256.toString("hex"),
            exportedAt: brought.exportedAt?.toISOString() ?? null,
          },
        },
      ],
      desk.now(),
    );
    return { id, already: false };
  });
}

async function fail(desk: Desk, id: number, error: unknown): Promise<void> {
  const message =
    error instanceof DriftdeskError ? error.message : "Reading it broke off before its end. Bring it again.";
  await desk.sql`
    WITH lines AS (DELETE FROM driftdesk.import_lines WHERE import_id = ${id}),
      problems AS (DELETE FROM driftdesk.import_problems WHERE import_id = ${id})
    UPDATE driftdesk.imports SET state = 'failed', message = ${keepable(message)}, request_key = NULL
    WHERE id = ${id} AND state = 'reading'`;
}

/** Ends what a process that is gone was reading. */
async function forgetAbandoned(desk: Desk): Promise<void> {
  const before = new Date(desk.now().getTime() - abandonedAfterMs);
  const left = await desk.sql<{ id: number }[]>`
    SELECT id FROM driftdesk.imports
    WHERE state = 'reading' AND coalesce(read_at, uploaded_at) < ${before}`;
  for (const { id } of left) await fail(desk, id, null);
}

const tooLarge = (limit: number) =>
  new DriftdeskError(
    "export_too_large",
    `This is larger than ${limit / 1_000_000} MB, which is as much as is read at once. Export it in parts, by date.`,
    { status: 413 },
  );
