// Exports of a world's Dashboard, brought as somebody would who cannot reach Stripe.
import type { Sql } from "postgres";
import type { Actor, Desk } from "../lib/desk.ts";
import type { ExportKind } from "../lib/quick-fix/columns.ts";
import { readExport } from "../lib/quick-fix/read.ts";
import { type ImportRunRequest, startImportRun } from "../lib/quick-fix/start.ts";
import { executeRun } from "../lib/reconcile/run.ts";
import type { RunView } from "../lib/reconcile/runs.ts";
import { createStripeReader } from "../lib/stripe/client.ts";
import { type ExportOptions, exportOf } from "./exports.ts";
import type { World } from "./world/world.ts";

/** A desk that reaches nothing at Stripe: nobody listens there. */
export const unreachable = (desk: Desk): Desk => ({
  ...desk,
  stripe: createStripeReader({
    secretKey: "sk_test_ofNobody",
    apiBase: "http://127.0.0.1:9",
    pace: desk.config.pace,
    maxAttempts: 1,
  }),
});

export interface Brought extends ExportOptions {
  exportedAt: Date | null;
  /** What becomes of the file before anybody reads it. */
  edit?: (text: string) => string;
}

/** Stores an export of a world as an import that was read; answers its number. */
export async function bring(
  sql: Sql,
  world: World,
  kind: ExportKind,
  { exportedAt, edit = (text) => text, ...options }: Brought,
): Promise<number> {
  const text = edit(Buffer.concat([...exportOf(world, kind, options)]).toString());
  async function* source() {
    yield Buffer.from(text);
  }
  const { understood, lines } = await readExport(source());
  const id = await store(sql, {
    kind: understood.kind,
    source: "file",
    file_name: `${kind}.csv`,
    exported_at: exportedAt,
  });
  const rows = [];
  for await (const one of lines)
    if ("row" in one)
      rows.push({
        import_id: id,
        line: one.line,
        stripe_id: one.row.id,
        customer_id: one.row.customer,
        email: one.row.email,
        data: one.row.values as never,
      });
  if (rows.length > 0)
    await sql`
      INSERT INTO driftdesk.import_lines
      SELECT * FROM jsonb_populate_recordset(NULL::driftdesk.import_lines, ${sql.json(rows as never)})`;
  return id;
}

/** Stores a pasted list. */
export async function paste(
  sql: Sql,
  lines: readonly { stripe_id?: string; customer_id?: string; email?: string }[],
): Promise<number> {
  const id = await store(sql, { kind: "list", source: "paste", file_name: null, exported_at: null });
  const rows = lines.map((line, i) => ({ import_id: id, line: i + 1, data: {}, ...line }));
  await sql`
    INSERT INTO driftdesk.import_lines
    SELECT * FROM jsonb_populate_recordset(NULL::driftdesk.import_lines, ${sql.json(rows as never)})`;
  return id;
}

async function store(sql: Sql, what: Record<string, string | Date | null>): Promise<number> {
  const [row] = await sql<{ id: number }[]>`
    INSERT INTO driftdesk.imports ${sql({
      ...what,
      account_name: "",
      state: "read",
      uploaded_by: "ada@example.com",
      uploaded_at: what.exported_at ?? new Date("2026-11-24T12:00:00Z"),
    })} RETURNING id`;
  return row?.id as number;
}

/** Starts the run of an import and takes it to its end. */
export async function compareImport(
  desk: Desk,
  importId: number,
  actor: Actor,
  more: Partial<ImportRunRequest> = {},
) {
  return executeRun(desk, await startImportRun(desk, { importId, actor, ...more })) as Promise<RunView>;
}
