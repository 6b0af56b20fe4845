import type { Sql } from "postgres";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type FreshDatabase, freshDatabase } from "../db/testing.ts";
import type { Actor } from "../desk.ts";
import { type AuditDraft, appendAudit } from "./append.ts";
import { type ExportRequest, exportAudit } from "./export.ts";
import { readAudit } from "./read.ts";

const now = () => new Date("2026-11-24T12:00:00Z");
const environment = { auditSigningKey: undefined };
const grace: Actor = { email: "grace@example.com", name: "Grace Hopper", role: "finance" };
let database: FreshDatabase;
let sql: Sql;
beforeEach(async () => {
  database = await freshDatabase({ migrated: true });
  sql = database.sql;
});
afterEach(() => database.drop());

const write = (entries: AuditDraft[]) => sql.begin((tx) => appendAudit(tx, entries, now()));

async function take(request: ExportRequest, actor = grace): Promise<string[]> {
  const pieces: string[] = [];
  for await (const piece of await exportAudit({ sql, now, environment }, request, actor)) pieces.push(piece);
  return pieces;
}

interface Line {
  seq: number;
  action: string;
  actor: string;
  data: unknown;
}
const lines = (pieces: string[]): Line[] =>
  pieces
    .join("")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

test("an export holds exactly what the page shows with the same filter, and its own entry comes first", async () => {
  await write([
    { actor: "ada@example.com", action: "fix.applied", resource: "users", subject: "one@example.com" },
    { actor: "ada@example.com", action: "fix.applied", resource: "invoices", subject: "two@example.com" },
    { actor: "eve@example.com", action: "fix.applied", resource: "users", subject: "three@example.com" },
  ]);
  for (const filter of [
    { actor: "ada@example.com" },
    { resource: "users" },
    { search: "TWO@" },
    { action: ["fix.applied"], from: new Date("2026-11-24"), to: new Date("2026-11-25") },
    { from: new Date("2026-11-25") },
  ]) {
    const page = await readAudit(sql, filter, { limit: 100 });
    const text = await take({ format: "jsonl", filter });
    const exported = text.length === 0 ? [] : lines(text).map(({ seq }) => seq);
    expect(exported).toEqual(page.entries.map(({ seq }) => seq).reverse());
  }
  const all = lines(await take({ format: "jsonl", filter: {} }));
  expect(all.at(-1)).toMatchObject({
    actor: grace.email,
    action: "audit.exported",
    data: { format: "jsonl", filter: {} },
  });
});

test("who may not export gets nothing, and nothing is written down as exported", async () => {
  const katherine: Actor = { email: "katherine@example.com", name: "Katherine", role: "support" };
  await expect(take({ format: "csv", filter: {} }, katherine)).rejects.toMatchObject({ code: "not_allowed" });
  expect((await readAudit(sql, {}, { limit: 10 })).entries).toEqual([]);
});

test("a cell of a spreadsheet never becomes a formula", async () => {
  const hostile = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1", "＋1", "－1", "＠1"];
  await write(
    hostile.map((subject) => ({ actor: "system", action: "run.started", subject, resource: subject })),
  );
  const text = (await take({ format: "csv", filter: { action: ["run.started"] } })).join("");
  for (const cell of hostile) {
    expect(text).not.toContain(`,${cell}`);
    expect(text).not.toContain(`,"${cell}`);
    expect(text).toContain(`'${cell}`);
  }
});

test("a long history comes piece by piece, the first before the last is read", async () => {
  await write(
    Array.from({ length: 2_500 }, (_, i) => ({
      actor: "system",
      action: "run.started" as const,
      run_id: i + 1,
    })),
  );
  const pieces = await exportAudit({ sql, now, environment }, { format: "jsonl", filter: {} }, grace);
  const first = await pieces.next();
  expect(lines([String(first.value)])).toHaveLength(1_000);
  // What is written now is still to come: nothing beyond the first piece was read yet.
  await write([{ actor: "system", action: "run.finished" }]);
  let rest = 0;
  for await (const piece of pieces) rest += lines([piece]).length;
  expect(rest).toBe(1_502);
});
