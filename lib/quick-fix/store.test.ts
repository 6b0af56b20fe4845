// Files and lists that somebody brings, into the desk's own tables.
import { afterAll, beforeAll, expect, test } from "vitest";
import accountsConfig from "../../sandbox/accounts.config.ts";
import { exportOf } from "../../sandbox/exports.ts";
import { openTestDesk, type TestDesk } from "../../sandbox/testing.ts";
import { ada, fin, sue } from "../../sandbox/testing-accounts.ts";
import { generateWorld } from "../../sandbox/world/world.ts";
import type { Actor } from "../desk.ts";
import { correctExportTime, getImport, listImports, problemsOf } from "./imports.ts";
import { type Brought, storeImport } from "./store.ts";

let now = new Date("2026-11-24T12:00:00Z");
const exportedAt = new Date("2026-11-24T11:00:00Z");
const world = generateWorld({ seed: 5, customers: 60, now, invoicesPerSubscription: 1 });
const csv = Buffer.concat([...exportOf(world, "subscriptions")]).toString();
const broken = csv.replace(/^sub_[A-Za-z0-9]+/m, "1.2E+10");

let t: TestDesk;
beforeAll(async () => {
  t = await openTestDesk({ world, config: accountsConfig, now: () => now });
});
afterAll(() => t.close());

async function* inPieces(text: string, size = 1_000) {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const bring = (text: string, more: Partial<Brought> = {}, actor: Actor = fin) =>
  storeImport(t.desk, { source: "file", fileName: "subs.csv", exportedAt, ...more }, inPieces(text), actor);

const linesOf = (id: number) =>
  t.desk.sql<{ line: number; stripeId: string | null; customerId: string | null; email: string | null }[]>`
    SELECT line, stripe_id AS "stripeId", customer_id AS "customerId", email FROM driftdesk.import_lines
    WHERE import_id = ${id} ORDER BY line`;

test("every line is kept or named with its number and why, and the history says who brought the file", async () => {
  const { id, already } = await bring(broken);
  expect(already).toBe(false);
  const found = await getImport(t.desk.sql, id);
  const whole = broken.trim().split("\n").length - 1;
  expect(found).toMatchObject({
    state: "read",
    kind: "subscriptions",
    exportedAt,
    problems: 1,
    lines: whole - 1,
    bytes: Buffer.byteLength(broken),
    by: "fin@example.com",
  });
  expect(await linesOf(id)).toHaveLength(whole - 1);
  const [problem] = await problemsOf(t.desk.sql, id, { limit: 10 });
  expect(problem?.line).toBe(2);
  expect(problem?.problem).toMatch(/spreadsheet/);
  const [entry] = await t.desk.sql`
    SELECT actor, subject, data FROM driftdesk.audit_entries WHERE action = 'import.read' ORDER BY seq DESC LIMIT 1`;
  expect(entry).toMatchObject({
    actor: "fin@example.com",
    subject: "subs.csv",
    data: { import: id, kind: "subscriptions", lines: whole - 1, problems: 1 },
  });
});

test("what looks like an escape is kept as it stands", async () => {
  const name = "C:\\u0000 \\n \\.";
  const { id } = await bring(`id,Customer Name,Status\nsub_1MowQVLkdIwHu7ixeRlqHVzs,${name},active\n`);
  const [line] = await t.desk.sql<{ data: object }[]>`
    SELECT data FROM driftdesk.import_lines WHERE import_id = ${id}`;
  expect(Object.values(line?.data ?? {})).toContain(name);
});

test("the same click, and the same bytes again, are the import that is there", async () => {
  const requestKey = "6d4c1f0e-1c86-4a5a-9b57-0f5c2f0a3b11";
  const [first, second] = await Promise.all([bring(csv, { requestKey }), bring(csv, { requestKey })]);
  expect(second.id).toBe(first.id);
  const again = await bring(csv, { fileName: "subs (1).csv" }, ada);
  expect(again).toEqual({ id: first.id, already: true });
  expect(
    (await listImports(t.desk.sql, { limit: 50 })).filter(({ fileName }) => fileName === "subs (1).csv"),
  ).toEqual([]);
});

test("a file that breaks off leaves nothing but its place in the list, with what went wrong", async () => {
  async function* breaksOff() {
    yield* inPieces(csv);
    throw new Error("the connection is gone");
  }
  const brought = { source: "file", fileName: "half.csv", exportedAt } as const;
  await expect(storeImport(t.desk, brought, breaksOff(), fin)).rejects.toThrow("the connection is gone");
  await expect(bring("PK\u0003\u0004 zip", { fileName: "book.xlsx" })).rejects.toMatchObject({
    code: expect.stringMatching(/^export_/),
  });
  const [xlsx, half] = await listImports(t.desk.sql, { limit: 2 });
  expect(half).toMatchObject({
    fileName: "half.csv",
    state: "failed",
    message: expect.stringMatching(/broke off/),
  });
  expect(xlsx).toMatchObject({ fileName: "book.xlsx", state: "failed" });
  expect(await linesOf(half?.id as number)).toEqual([]);
});

test("an import whose process is gone does not stay as being read", async () => {
  const [left] = await t.desk.sql<{ id: number }[]>`
    INSERT INTO driftdesk.imports (account_name, source, uploaded_by, uploaded_at)
    VALUES ('', 'file', 'fin@example.com', ${now}) RETURNING id`;
  now = new Date(now.getTime() + 11 * 60_000);
  await bring("cus_aaaaaaaaaaaaaa", { source: "paste", fileName: null });
  expect(await getImport(t.desk.sql, left?.id as number)).toMatchObject({ state: "failed" });
});

test("a pasted list has ids and addresses, each once, and says which entries are neither", async () => {
  const text =
    "cus_NffrFeUfNV2Hib, <Ada@Example.com>;sub_1MowQVLkdIwHu7ixeRlqHVzs\n\nAda cus_NffrFeUfNV2Hib\n=HYPERLINK(1)";
  const { id } = await bring(text, { source: "paste", fileName: null });
  expect(await linesOf(id)).toEqual([
    { line: 1, stripeId: null, customerId: "cus_NffrFeUfNV2Hib", email: null },
    { line: 2, stripeId: null, customerId: null, email: "Ada@Example.com" },
    { line: 3, stripeId: "sub_1MowQVLkdIwHu7ixeRlqHVzs", customerId: null, email: null },
  ]);
  expect((await problemsOf(t.desk.sql, id, { limit: 10 })).map(({ line }) => line)).toEqual([4, 6]);
});

test("who may not import is refused before anything is kept", async () => {
  const before = await listImports(t.desk.sql, { limit: 100 });
  await expect(bring(csv, {}, sue)).rejects.toMatchObject({ code: "not_allowed" });
  expect(await listImports(t.desk.sql, { limit: 100 })).toHaveLength(before.length);
});

test("when the file was exported can be put right until it is compared", async () => {
  const { id } = await bring(csv.replace(/\n$/, "\n\n"), { exportedAt: null });
  const earlier = new Date("2026-11-24T03:00:00Z");
  await correctExportTime(t.desk, { importId: id, exportedAt: earlier }, fin);
  expect((await getImport(t.desk.sql, id))?.exportedAt).toEqual(earlier);
  const later = { importId: id, exportedAt: new Date(now.getTime() + 1_000) };
  await expect(correctExportTime(t.desk, later, fin)).rejects.toMatchObject({ code: "exported_at_later" });
});
