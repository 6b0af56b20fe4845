// What becomes of what is known when a file says something: how it is matched, and whose word counts.
import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openTestDesk, type TestDesk } from "../../sandbox/testing.ts";
import { ada, addPeople } from "../../sandbox/testing-accounts.ts";
import { type Brought, bring, compareImport, paste, unreachable } from "../../sandbox/testing-imports.ts";
import { run } from "../../sandbox/testing-runs.ts";
import { generateWorld, type World } from "../../sandbox/world/world.ts";
import { readAudit } from "../audit/read.ts";
import { defineConfig } from "../config/define.ts";
import type { Discrepancy } from "../db/schema.ts";
import type { Desk } from "../desk.ts";
import { discrepancyFilterSchema } from "../discrepancies/filter.ts";
import { requestBulk } from "../fixes/bulk.ts";
import { executeBulk } from "../fixes/execute.ts";
import { previewFixes } from "../fixes/preview.ts";
import { requestRevert } from "../fixes/revert.ts";
import type { ExportKind } from "../quick-fix/columns.ts";
import { startImportRun } from "../quick-fix/start.ts";

const at = (time: string) => new Date(`2026-11-24T${time}:00Z`);

const config = defineConfig({
  resources: {
    subs: {
      stripe: "subscription",
      table: "subs",
      key: "id",
      stripeId: "sub",
      label: "email",
      updatedAt: "changed",
      fields: {
        state: { from: "status", policy: "auto" },
        seats: (s) => s.items.data[0]?.quantity,
        ends: "cancel_at_period_end",
      },
      missingLocal: { insert: (s) => ({ sub: s.id, state: s.status, seats: s.items.data[0]?.quantity }) },
    },
    people: {
      stripe: "subscription",
      table: "people",
      key: "id",
      match: { column: "customer", by: "customer" },
      fields: { state: "status" },
    },
    charges: {
      stripe: "charge",
      table: "charges",
      key: "id",
      stripeId: "charge",
      fields: { cents: "amount" },
    },
  },
  fixes: { secondPersonForMoney: false },
  pace: { requestsPerSecond: 10_000, perEndpoint: 10_000 },
});

let t: TestDesk;
let world: World;
let now: Date;
let dark: Desk;
/** Two subscriptions of different customers. */
let one: string;
let two: string;

beforeEach(async () => {
  now = at("12:00");
  world = generateWorld({ seed: 4, customers: 14, now, invoicesPerSubscription: 1 });
  t = await openTestDesk({ world, config, now: () => now });
  await t.local.unsafe(`
    CREATE TABLE subs (id serial PRIMARY KEY, sub text, email text, state text, seats int, ends boolean,
                       changed timestamptz NOT NULL DEFAULT '2026-11-24T08:00:00Z');
    CREATE TABLE people (id serial PRIMARY KEY, customer text, state text);
    CREATE TABLE charges (id serial PRIMARY KEY, charge text, cents bigint)`);
  await t.grant();
  await addPeople(t.desk);
  const subs = [...world.subscriptions.values()];
  for (const s of subs)
    await t.local`INSERT INTO subs (sub, email, state, seats, ends) VALUES (${s.id}, ${emailOf(s.customer)},
      ${s.status}, ${s.items.data[0]?.quantity ?? null}, ${s.cancel_at_period_end})`;
  await run(t.desk, { only: ["subs"] });
  expect(await found()).toEqual([]);
  const alone = subs.filter(
    (s) => s.status === "active" && world.subscriptions.having("customer", String(s.customer)).length === 1,
  );
  [one, two] = alone.map(({ id }) => id) as [string, string];
  dark = unreachable(t.desk);
});
afterEach(() => t.close());

const emailOf = (customer: unknown): string | null => {
  const found = world.customers.get(String(customer));
  return found && !found.deleted ? (found.email?.toUpperCase() ?? null) : null;
};
const subscription = (id: string) =>
  world.subscriptions.get(id) as NonNullable<ReturnType<World["subscriptions"]["get"]>>;
const found = (resource = "subs"): Promise<Discrepancy[]> => t.desk.sql<Discrepancy[]>`
  SELECT id, resource, kind, state, stripe_id AS "stripeId", local_key AS "localKey", version, expected, fields,
         import_id AS "importId", import_line AS "importLine", local_newer AS "localNewer"
  FROM driftdesk.discrepancies WHERE resource = ${resource} AND state NOT IN ('resolved', 'fixed') ORDER BY id`;
const findings = (runId: number) => t.desk.sql<
  { resource: string; line: number; finding: string; detail: object }[]
>`
  SELECT resource, line, finding, detail FROM driftdesk.import_findings WHERE run_id = ${runId} ORDER BY resource, line`;
const file = (more: Partial<Brought> = {}, kind: ExportKind = "subscriptions") =>
  bring(t.desk.sql, world, kind, { exportedAt: at("11:00"), ...more });
/** Compares a new export, or one that was brought before, while Stripe cannot be reached. */
async function compare(importId: number, resource?: string) {
  const ended = await compareImport(dark, importId, ada);
  expect(ended, ended.message ?? "").toMatchObject({ state: "succeeded", requests: 0 });
  return (await findings(ended.id)).filter((one) => resource === undefined || one.resource === resource);
}
const only = (id: string) => async () => (await found()).filter((row) => row.stripeId === id);
/** The file's lines about some subscriptions, and no others. */
const about =
  (...ids: string[]) =>
  (text: string) => {
    const [header, ...lines] = text.split("\n");
    return [header, ...lines.filter((line) => ids.some((id) => line.includes(id)))].join("\n");
  };

test("what Stripe itself said later is left as it is, and what it said before gives way until it is asked again", async () => {
  await t.local`UPDATE subs SET state = 'past_due', ends = NOT ends WHERE sub = ${one}`;
  await run(t.desk, { only: ["subs"] });
  const [before] = await found();
  expect(before).toMatchObject({ importId: null, fields: [{ name: "state" }, { name: "ends" }] });

  const older = await file();
  expect(await compare(older, "subs")).toMatchObject([
    { finding: "known_better", detail: { discrepancy: before?.id } },
  ]);
  expect(await only(one)()).toEqual([before]);
  const unknown = await file({ exportedAt: null });
  expect(await compare(unknown, "subs")).toMatchObject([{ finding: "known_better" }]);

  now = at("14:00");
  const newer = await file({ exportedAt: at("13:00") });
  expect(await compare(newer, "subs")).toEqual([]);
  const [taken] = await only(one)();
  expect(taken).toMatchObject({
    id: before?.id,
    importId: newer,
    localNewer: false,
    fields: [{ name: "state", local: "past_due", stripe: "active" }],
  });
  // What the file does not tell is not among what it says.
  expect(Object.keys(taken?.expected ?? {}).sort()).toEqual(["seats", "state"]);
  expect(await t.desk.sql`SELECT FROM driftdesk.bulk_actions`).toHaveLength(0);
  // An older file says nothing against a newer one.
  expect(await compare(older, "subs")).toMatchObject([{ finding: "known_better" }]);
  expect(await only(one)()).toEqual([taken]);

  await t.local`UPDATE subs SET state = 'unpaid' WHERE sub = ${one}`;
  const config = { ...t.desk.config, fixes: { ...t.desk.config.fixes, autoLimit: { rows: 0, share: 0 } } };
  await run(t.with({ config }), { only: ["subs"] });
  expect(await only(one)()).toMatchObject([
    { importId: null, importLine: null, fields: [{ name: "state", local: "unpaid" }, { name: "ends" }] },
  ]);
});

test("a row that was changed after the file was made is marked, and the next run that asks takes the mark away", async () => {
  await t.local`UPDATE subs SET state = 'past_due', changed = ${at("11:30")} WHERE sub = ${one}`;
  await t.local`UPDATE subs SET state = 'past_due', changed = ${at("10:30")} WHERE sub = ${two}`;
  const told = await compare(await file(), "subs");
  const [row] = await only(one)();
  expect(told).toMatchObject([
    { finding: "newer_here", line: row?.importLine, detail: { candidates: [row?.localKey] } },
  ]);
  expect(row?.localNewer).toBe(true);
  expect((await only(two)())[0]?.localNewer).toBe(false);
  // Together it is left out, by itself somebody may decide on it.
  const all = { filter: discrepancyFilterSchema.parse({ resource: ["subs"] }), seenUntil: now };
  expect(await previewFixes(t.desk, all)).toMatchObject({
    applicable: 1,
    skipped: [{ reason: expect.stringMatching(/changed after the file was exported/), count: 1 }],
  });
  const bulk = await requestBulk(t.desk, { kind: "apply", requestKey: randomUUID(), selection: all }, ada);
  expect(bulk.total).toBe(1);
  const alone = { ids: [{ id: row?.id as number, version: row?.version as number }] };
  expect(await previewFixes(t.desk, alone)).toMatchObject({ applicable: 1, skipped: [] });
  await t.local`UPDATE subs SET state = 'active' WHERE sub = ${one}`;
  await run(t.desk, { mode: "targeted", targets: { ids: [one] } });
  const [gone] = await t.desk.sql<Discrepancy[]>`
    SELECT state, import_id AS "importId", local_newer AS "localNewer" FROM driftdesk.discrepancies WHERE stripe_id = ${one}`;
  expect(gone).toEqual({ state: "resolved", importId: null, localNewer: false });
});

test("a file resolves only what a file said, where it tells all that differed; nothing is missing in Stripe by its word", async () => {
  await t.local`UPDATE subs SET ends = NOT ends WHERE sub = ${two}`;
  await run(t.desk, { only: ["subs"] });
  await t.local`UPDATE subs SET state = 'past_due', seats = 77 WHERE sub = ${one}`;
  const whole = await file();
  await compare(whole, "subs");
  expect(await only(one)()).toMatchObject([
    { importId: whole, fields: [{ name: "state" }, { name: "seats" }] },
  ]);
  await t.local`UPDATE subs SET state = 'active', seats = ${subscription(one).items.data[0]?.quantity ?? 1} WHERE sub = ${one}`;
  await compare(await file({ columns: ["id", "Status"] }), "subs");
  expect(await only(one)()).toHaveLength(1);
  await compare(await file({ edit: about(two) }), "subs");
  expect(await only(one)()).toHaveLength(1);
  await compare(await file(), "subs");
  expect(await only(one)()).toEqual([]);
  // Stripe's word about what the file does not tell.
  expect(await only(two)()).toMatchObject([{ importId: null, fields: [{ name: "ends" }] }]);
  expect((await found()).filter(({ kind }) => kind === "missing_in_stripe")).toEqual([]);
  expect(await t.desk.sql`SELECT FROM driftdesk.looks`).toHaveLength(0);
});

test("a missing row is told only where the file tells everything that it would hold", async () => {
  await t.local`DELETE FROM subs WHERE sub = ${one}`;
  expect(await compare(await file({ columns: ["id", "Status"] }), "subs")).toMatchObject([
    { finding: "unmatched" },
  ]);
  expect(await only(one)()).toEqual([]);
  const id = await file();
  expect(await compare(id, "subs")).toEqual([]);
  const [missing] = await only(one)();
  expect(missing).toMatchObject({
    kind: "missing_local",
    importId: id,
    expected: { sub: one, state: "active" },
  });
  await applyAll([missing as Discrepancy]);
  expect(await t.local`SELECT state FROM subs WHERE sub = ${one}`).toEqual([{ state: "active" }]);
});

/** Somebody corrects it while Stripe cannot be reached. */
async function applyAll(rows: readonly Discrepancy[]) {
  const bulk = await requestBulk(
    dark,
    {
      kind: "apply",
      requestKey: randomUUID(),
      selection: { ids: rows.map(({ id, version }) => ({ id, version })) },
    },
    ada,
  );
  return executeBulk(dark, bulk.id);
}

test("a correction by a file's word needs no Stripe, overwrites nothing that nobody saw, and says whose word it was", async () => {
  await t.local`UPDATE subs SET state = 'past_due' WHERE sub IN (${one}, ${two})`;
  const id = await file();
  await compare(id, "subs");
  const rows = await found();
  now = at("16:00");
  await t.local`UPDATE subs SET state = 'paused' WHERE sub = ${two}`;
  expect(await applyAll(rows)).toMatchObject({ state: "done", applied: 1, stale: 1, failed: 0 });
  expect(await t.local`SELECT sub, state FROM subs WHERE sub IN (${one}, ${two}) ORDER BY state`).toEqual([
    { sub: one, state: "active" },
    { sub: two, state: "paused" },
  ]);
  const [entry] = await t.desk.sql<{ data: { import: object } }[]>`
    SELECT data FROM driftdesk.audit_entries WHERE action = 'fix.applied'`;
  expect(entry?.data.import).toEqual({
    id,
    file: "subscriptions.csv",
    exportedAt: at("11:00").toISOString(),
  });
  const { entries } = await readAudit(t.desk.sql, {}, { limit: 50 });
  expect(entries.flatMap(({ more }) => more)).toContain(
    "by the word of subscriptions.csv, exported 2026-11-24 11:00 UTC",
  );
  // It is undone like any other, while Stripe still does not answer.
  const [fixed] = rows.filter(({ stripeId }) => stripeId === one);
  const [fix] = await t.desk.sql<{ bulkId: number }[]>`
    SELECT bulk_id AS "bulkId" FROM driftdesk.fixes WHERE discrepancy_id = ${fixed?.id as number}`;
  const undo = { undo: { bulk: fix?.bulkId as number }, reason: "too soon", requestKey: randomUUID() };
  const undone = await executeBulk(dark, (await requestRevert(dark, undo, ada)).id);
  expect(undone).toMatchObject({ state: "done", applied: 1 });
  expect(await t.local`SELECT state FROM subs WHERE sub = ${one}`).toEqual([{ state: "past_due" }]);
});

test("a line without an id is about the one row that has its address; what cannot be decided is listed", async () => {
  const columns = ["Customer Email", "Status", "Interval", "Quantity"];
  const mail = (id: string) => emailOf(subscription(id).customer)?.toLowerCase() as string;
  await t.local`UPDATE subs SET state = 'past_due' WHERE sub IN (${one}, ${two})`;
  const edit = (text: string) => {
    const lines = text.split("\n");
    const mine = [one, two].map((id) => lines.findIndex((line) => line.startsWith(`${mail(id)},`)));
    return [lines[0], ...mine.map((i) => lines[i]), "nobody@example.org,active,month,1", ""].join("\n");
  };
  const id = await file({ columns, edit });
  expect(await compare(id, "subs")).toMatchObject([{ line: 4, finding: "unmatched" }]);
  expect(new Map((await found()).map(({ stripeId, importLine }) => [stripeId, importLine]))).toEqual(
    new Map([
      [one, 2],
      [two, 3],
    ]),
  );
  // A second row, and a second line.
  await t.local`INSERT INTO subs (sub, email, state) VALUES ('sub_another000001', ${mail(one)}, 'active')`;
  const twice = (text: string) => `${edit(text)}${mail(two)},canceled,month,1\n`;
  const keys = async (sub: string) =>
    (await t.local`SELECT id::text AS key FROM subs WHERE sub = ${sub}`)[0]?.key;
  expect(await compare(await file({ columns, edit: twice }), "subs")).toMatchObject([
    {
      line: 2,
      finding: "ambiguous",
      detail: { candidates: [await keys(one), await keys("sub_another000001")] },
    },
    { line: 3, finding: "ambiguous", detail: { lines: [3, 5], candidates: [await keys(two)] } },
    { line: 4, finding: "unmatched" },
    { line: 5, finding: "ambiguous" },
  ]);
});

test("of a customer's several lines the mapping's rule chooses, if the file tells what it goes by", async () => {
  const { customer } = subscription(one);
  subscription(two).customer = customer;
  subscription(two).status = "canceled";
  await t.local`INSERT INTO people (customer, state) VALUES (${String(customer)}, 'past_due')`;
  const edit = about(one, two);
  expect(
    await compare(await file({ edit, columns: ["id", "Customer ID", "Interval"] }), "people"),
  ).toMatchObject([{ finding: "ambiguous", detail: { candidates: ["1"] } }, { finding: "ambiguous" }]);
  const id = await file({ edit });
  expect(await compare(id, "people")).toEqual([]);
  expect(await found("people")).toMatchObject([
    { stripeId: one, importId: id, fields: [{ name: "state", local: "past_due", stripe: "active" }] },
  ]);
});

test("lines of the other mode, and files of somebody else, are not compared", async () => {
  const live = await file({ edit: (text) => text.replaceAll(",Test,", ",Live,") }, "payments");
  const told = await compare(live, "charges");
  expect(told.length).toBeGreaterThan(5);
  expect(new Set(told.map(({ finding }) => finding))).toEqual(new Set(["other_account"]));
  expect(await found()).toEqual([]);

  const others = generateWorld({ seed: 9, customers: 140, now, invoicesPerSubscription: 0 });
  const ended = await compareImport(
    dark,
    await bring(t.desk.sql, others, "subscriptions", { exportedAt: at("11:00") }),
    ada,
  );
  expect(ended).toMatchObject({ state: "suspicious", message: expect.stringMatching(/have no row here/) });
  expect(await found()).toEqual([]);
});

test("an import that is not read, or says nothing about what is mapped, is refused", async () => {
  const start = (importId: number) => startImportRun(dark, { importId, actor: ada });
  const refusal = (code: string, message: RegExp) =>
    expect.objectContaining({ code, message: expect.stringMatching(message) });
  await expect(start(4711)).rejects.toEqual(refusal("import_unknown", /4711/));
  const id = await file({}, "payouts");
  await expect(start(id)).rejects.toEqual(
    refusal("target_unknown", /"payouts.csv", which is an export of payouts/),
  );
  await t.owner`UPDATE driftdesk.imports SET state = 'reading' WHERE id = ${id}`;
  await expect(start(id)).rejects.toEqual(refusal("import_not_read", /still being read/));
});

test("a pasted list is asked for at Stripe, ids and addresses in any letters, and so is a file that is to be verified", async () => {
  await t.local`UPDATE subs SET state = 'past_due' WHERE sub IN (${one}, ${two})`;
  const id = await file();
  await compare(id, "subs");
  const told = await found();

  const failed = await compareImport(dark, id, ada, { verify: true });
  expect(failed).toMatchObject({ state: "failed", message: expect.stringMatching(/Stripe/) });
  expect(await found()).toEqual(told);

  const email = emailOf(subscription(two).customer) as string;
  const list = await paste(t.desk.sql, [{ stripe_id: one }, { email: email.replace("EXAMPLE", "eXaMPLE") }]);
  const config = { ...t.desk.config, fixes: { ...t.desk.config.fixes, autoLimit: { rows: 0, share: 0 } } };
  const asked = await compareImport(t.with({ config }), list, ada);
  expect(asked).toMatchObject({ state: "succeeded", targets: { import: list, verify: true } });
  expect((await found()).map(({ id: number, importId }) => [number, importId])).toEqual(
    told.map(({ id: number }) => [number, null]),
  );

  await compare(id);
  world.subscriptions.set(one, { ...subscription(one), status: "past_due" });
  await compareImport(t.with({ config }), id, ada, { verify: true });
  expect((await found()).map(({ stripeId }) => stripeId)).toEqual([two]);
});

test("without any run before, the account has to be known from somewhere", async () => {
  const id = await file();
  await t.owner`DELETE FROM driftdesk.accounts`;
  expect(await compareImport(dark, id, ada)).toMatchObject({ state: "failed", errorCode: "account_unknown" });
  await t.owner`UPDATE driftdesk.imports SET account_id = 'acct_1Told' WHERE id = ${id}`;
  expect(await compareImport(dark, id, ada)).toMatchObject({ state: "succeeded", accountId: "acct_1Told" });
});
