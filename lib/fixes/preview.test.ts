// What a person is shown before they decide is what then happens, to the row and to the statement.
import postgres, { type Sql } from "postgres";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type Accounts, accountsTable, ada, fin, openAccounts } from "../../sandbox/testing-accounts.ts";
import type { Discrepancy } from "../db/schema.ts";
import { bulkProblems } from "./bulk.ts";
import { executeBulk } from "./execute.ts";
import { previewFixes } from "./preview.ts";
import type { Selection } from "./selection.ts";

let company: Accounts;
let byHand: Sql;
beforeAll(async () => {
  company = await openAccounts({ customers: 260 });
  // Somebody's own session, with their own way to spell things.
  byHand = postgres(company.variables.LOCAL_DATABASE_URL as string, {
    max: 1,
    onnotice: () => {},
    connection: {
      TimeZone: "Asia/Kolkata",
      DateStyle: "SQL, DMY",
      IntervalStyle: "iso_8601",
      standard_conforming_strings: "off",
      extra_float_digits: "0",
      bytea_output: "escape",
    },
  });
});
afterAll(async () => {
  await byHand.end();
  await company.close();
});
afterEach(() => company.tellsTheWholeStory());

const seen = (rows: readonly Discrepancy[]): Selection => ({
  ids: rows.map(({ id, version }) => ({ id, version })),
});
const idsOf = (rows: readonly Discrepancy[]) => rows.map((row) => row.stripeId as string);
const deleteRows = (ids: readonly string[]) =>
  company.local.unsafe(`DELETE FROM ${accountsTable} WHERE "stripe ""id""" = ANY($1::text[])`, [[...ids]]);
const rowsOf = async (ids: readonly string[]) =>
  (await company.rows(ids)).map(({ "the key": _, ...row }) => row);

/** Every kind of difference, some of which nothing can be done about. */
async function mixed(): Promise<Discrepancy[]> {
  const ids = company.take(24);
  const unknown = [1, 2].map((n) => `sub_nobody${n}of${ids[0]}`);
  await company.spoil(ids.slice(0, 8));
  await company.spoil(ids.slice(8, 14), "amount = 1, price = 2");
  await company.spoil(ids.slice(14, 16), `"the status" = 'trialing', renews = now()`);
  await deleteRows(ids.slice(16, 20));
  await company.local.unsafe(
    `INSERT INTO ${accountsTable} ("stripe ""id""", "the status") SELECT unnest($1::text[]), 'active'`,
    [unknown],
  );
  await company.local.unsafe(
    `INSERT INTO ${accountsTable} ("stripe ""id""", "the status") SELECT unnest($1::text[]), 'active'`,
    [ids.slice(20, 21)],
  );
  await company.spoil(ids.slice(21, 23));
  await company.spoil(ids.slice(23), "note = 'nobody'");
  return company.reconcile([...ids, ...unknown]);
}

test.each(["rows", "a filter"])("what the preview of %s counts is what applying does", async (by) => {
  const rows = await mixed();
  expect(rows).toHaveLength(27);
  // One was rejected, another one changed, a third one is snoozed.
  const [rejected, changed, snoozed] = rows.filter((row) => row.change === "past_due → active") as [
    Discrepancy,
    Discrepancy,
    Discrepancy,
  ];
  await company.decide("reject", [rejected], ada);
  await company.decide("snooze", [snoozed], ada);
  const selection: Selection =
    by === "rows" ? seen(rows) : { filter: { state: "open" }, seenUntil: company.desk.now() };
  company.pass(1_000);
  await company.spoil(idsOf([changed]), `"the status" = 'unpaid'`);
  await company.reconcile();
  const now = await company.found(idsOf(rows));

  const preview = await previewFixes(company.desk, selection);
  const bulk = await company.decide("apply", [], fin, { selection });
  const ended = await executeBulk(company.desk, bulk.id);
  expect(ended).toMatchObject({ state: "done", applied: preview.applicable, stale: 0, failed: 0 });
  const fixes = await company.desk.sql<{ discrepancyId: number; expected: Record<string, string> }[]>`
    SELECT discrepancy_id AS "discrepancyId", expected FROM driftdesk.fixes WHERE bulk_id = ${bulk.id}`;
  const written = now.filter((row) => fixes.some((fix) => fix.discrepancyId === row.id));
  expect(written).toHaveLength(preview.applicable);

  const count = <T>(things: readonly T[]) => {
    const counts = new Map<string, number>();
    for (const thing of things) counts.set(String(thing), (counts.get(String(thing)) ?? 0) + 1);
    return Object.fromEntries(counts);
  };
  expect(
    Object.fromEntries(preview.byChange.map((one) => [`${one.change} ${one.impact}`, one.count])),
  ).toEqual(count(written.map((row) => `${row.change} ${row.impact}`)));
  expect(preview.touched).toEqual([
    {
      accountId: rows[0]?.accountId,
      resource: "subscriptions",
      table: 'Odd schema.Customer "Accounts"',
      count: preview.applicable,
      columns: [...new Set(fixes.flatMap((fix) => Object.keys(fix.expected)))].sort(),
    },
  ]);
  expect(preview.changesMoney).toBe(true);
  expect(preview.samples).toHaveLength(10);
  expect(preview.money.reduce((sum, { amountMinor }) => sum + amountMinor, 0)).toBe(
    written.reduce((sum, row) => sum + row.amountMinor, 0),
  );
  const left = (await bulkProblems(company.desk.sql, bulk.id)).map((one) => one.message?.slice(0, 35));
  // What a filter means and cannot be corrected is not part of the action: the preview alone tells of it.
  expect(by === "rows" ? count(left) : { "Which of the local records is right": 2 }).toEqual(
    Object.fromEntries(preview.skipped.map((one) => [one.reason.slice(0, 35), one.count])),
  );
  const open = (await company.found(idsOf(rows))).filter((row) => row.state === "open");
  await company.decide("reject", open, ada);
});

test("the preview says from how many rows on a second person is needed", async () => {
  const ids = company.take(3);
  await company.spoil(ids);
  const rows = await company.reconcile(ids);
  const { config } = company.desk;
  for (const [secondPersonAbove, needed] of [
    [2, true],
    [3, false],
    [undefined, false],
  ] as const) {
    const desk = company.with({ config: { ...config, fixes: { ...config.fixes, secondPersonAbove } } });
    const preview = await previewFixes(desk, seen(rows));
    expect(preview).toMatchObject({ applicable: 3, needsSecondPerson: needed });
  }
});

/** Values that would end a literal, a statement or a line, and some that only look so. */
const hostile = [
  "it's",
  "\\",
  "\\'; --",
  "'); DROP TABLE written_rows; --",
  "quoted \"twice\" 'once'",
  "line\nfeed\tand tab\r",
  "$$dollar$$ $1 :name ?",
  "%s %% \\n \\x41 \\u0041",
  "🎉 Ünï— ‮left",
  " blank at both ends ",
  "NULL",
  "",
  "x".repeat(3_000),
];

test("the statement that is shown does by hand what the fix does, and nothing to a row that changed", async () => {
  const ids = company.take(hostile.length + 6);
  const strange = ids.slice(0, hostile.length);
  const [everything = "", null1 = "", null2 = "", missing = "", plain = ""] = ids.slice(hostile.length);
  for (const [i, id] of strange.entries()) {
    company.change(id, { customer: `${hostile[i]} now` });
    await company.local.unsafe(`UPDATE ${accountsTable} SET note = $1 WHERE "stripe ""id""" = $2`, [
      hostile[i] as string,
      id,
    ]);
  }
  await company.spoil(
    [everything],
    `"the status" = 'trialing', amount = 1, price = 0.5, renews = '1999-12-31 23:59:59.5', plan = '{"a":  "b''\\\\c"}'`,
  );
  await company.spoil([null1], `amount = NULL, renews = NULL, plan = NULL, "the status" = NULL`);
  company.change(null2, { items: { ...company.subscription(null2).items, data: [] } });
  await deleteRows([missing]);
  const odd = "sub_'\\; --";
  await company.local.unsafe(
    `INSERT INTO ${accountsTable} ("stripe ""id""", "the status") VALUES ($1, 'active')`,
    [odd],
  );
  await company.spoil([plain]);
  const all = [...strange, everything, null1, null2, missing, odd, plain];
  const rows = await company.reconcile(all);
  expect(rows.map((row) => row.stripeId)).toEqual(all);

  const statements: string[] = [];
  for (const row of rows) {
    const { samples } = await previewFixes(company.desk, seen([row]));
    statements.push(samples[0]?.statement as string);
  }
  const undone = new Error("undone");
  /** What the rows would be, had each statement been run by hand, and how many rows each of them reached. */
  const run = async (before = "SELECT") => {
    let reached: number[] = [];
    let after: Awaited<ReturnType<typeof rowsOf>> = [];
    await byHand
      .begin(async (tx) => {
        await tx.unsafe(before);
        reached = [];
        for (const statement of statements) reached.push((await tx.unsafe(statement)).count);
        for (const statement of statements) expect((await tx.unsafe(statement)).count).toBe(0);
        // Spelled as everywhere.
        await tx.unsafe("SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO, YMD'");
        after = await tx.unsafe(rowsQuery, [all]);
        throw undone;
      })
      .catch((error) => {
        if (error !== undone) throw error;
      });
    return { reached, after };
  };
  const { reached, after } = await run();
  expect(reached).toEqual(all.map(() => 1));
  const changed = `UPDATE ${accountsTable} SET "the status" = 'unpaid', note = note || '!', amount = 7, renews = '2000-01-01'`;
  expect((await run(changed)).reached).toEqual(all.map((id) => (id === missing ? 1 : 0)));

  const bulk = await company.decide("apply", rows, fin);
  expect(await executeBulk(company.desk, bulk.id)).toMatchObject({ applied: all.length });
  expect(after).toEqual(await byFix(all));
});

const rowsQuery = `
  SELECT "stripe ""id""" AS id, label, "the status"::text AS status, amount::text, price::text, renews::text,
         plan::jsonb::text AS plan, note, gone, "Updated At" IS NOT NULL AS touched
  FROM unnest($1::text[]) WITH ORDINALITY AS given (id, n) JOIN ${accountsTable} ON "stripe ""id""" = given.id
  ORDER BY given.n`;
const byFix = async (ids: readonly string[]) => company.local.unsafe(rowsQuery, [[...ids]]);
