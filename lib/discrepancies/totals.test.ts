import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Sql } from "postgres";
import { afterEach, expect, test } from "vitest";
import { Random } from "../../sandbox/world/random.ts";
import { causes, discrepancyStates, impacts, kinds } from "../db/schema.ts";
import { type FreshDatabase, freshDatabase } from "../db/testing.ts";
import { countChanges, countFacets, countStates } from "./facets.ts";
import { type DiscrepancyFilter, discrepancyFilterSchema } from "./filter.ts";
import { countMatching, foldTotals } from "./totals.ts";

const now = new Date("2026-11-24T12:00:00Z");
let database: FreshDatabase | undefined;
afterEach(async () => {
  await database?.drop();
  database = undefined;
});
async function migrated(): Promise<Sql> {
  database = await freshDatabase({ migrated: true });
  return database.sql;
}

const plant = (sql: Sql, from: number, to: number) => sql`
  INSERT INTO driftdesk.discrepancies
    (account_id, resource, kind, stripe_id, change, impact, amount_minor, currency, cause, state)
  SELECT 'acct_' || n % 2, (ARRAY['subscriptions', 'invoices'])[1 + n % 2],
         (ARRAY['mismatch', 'missing_local'])[1 + n % 2], 'sub_' || n,
         (ARRAY['active → canceled', 'past_due → active', 'plan'])[1 + n % 3],
         (ARRAY['paid_no_access', 'access_no_pay', 'money', 'other'])[1 + n % 4], n % 7 * 100,
         (ARRAY['usd', 'eur', NULL])[1 + n % 3], (ARRAY['webhook_lost', 'unknown'])[1 + n / 2 % 2],
         (ARRAY['open', 'open', 'rejected'])[1 + n % 3]
  FROM generate_series(${from}::int, ${to}::int) AS n`;

const columns = "account_id, resource, kind, state, impact, cause, change, currency";
/** Groups of which the journal says something else than the table, in one snapshot. */
const wrong = (sql: Sql) =>
  sql.unsafe(`
    SELECT * FROM (
      (SELECT ${columns}, sum(rows) AS rows, sum(amount_minor) AS amount FROM driftdesk.discrepancy_totals
       GROUP BY ${columns} HAVING sum(rows) <> 0 OR sum(amount_minor) <> 0)
      EXCEPT
      (SELECT ${columns}, count(*), sum(amount_minor) FROM driftdesk.discrepancies GROUP BY ${columns})
    ) AS surplus
    UNION ALL
    SELECT * FROM (
      (SELECT ${columns}, count(*), sum(amount_minor) FROM driftdesk.discrepancies GROUP BY ${columns})
      EXCEPT
      (SELECT ${columns}, sum(rows), sum(amount_minor) FROM driftdesk.discrepancy_totals GROUP BY ${columns})
    ) AS lacking`);
const lines = async (sql: Sql) =>
  (await sql<{ count: number }[]>`SELECT count(*) FROM driftdesk.discrepancy_totals`)[0]?.count ?? 0;

test("totals follow every change of the table, and what is rolled back leaves nothing", async () => {
  const sql = await migrated();
  const changes = [
    () => plant(sql, 1, 500),
    () => sql`UPDATE driftdesk.discrepancies SET state = 'waiting' WHERE id % 3 = 0`,
    () =>
      sql`UPDATE driftdesk.discrepancies SET currency = NULL, amount_minor = amount_minor + 7 WHERE id % 5 = 0`,
    () => sql`
      WITH gone AS (DELETE FROM driftdesk.discrepancies WHERE id % 7 = 0 RETURNING stripe_id),
           changed AS (UPDATE driftdesk.discrepancies SET change = 'plan' WHERE id % 7 = 1 RETURNING stripe_id)
      INSERT INTO driftdesk.discrepancies (account_id, resource, kind, stripe_id)
      SELECT 'acct_1', 'charges', 'duplicate', stripe_id FROM gone UNION ALL
      SELECT 'acct_1', 'charges', 'mismatch', stripe_id FROM changed`,
    () => sql`
      INSERT INTO driftdesk.discrepancies (account_id, resource, kind, stripe_id)
      VALUES ('acct_1', 'charges', 'mismatch', 'sub_8'), ('acct_1', 'charges', 'mismatch', 'sub_new')
      ON CONFLICT (account_id, resource, coalesce(stripe_id, ''), coalesce(local_key, ''))
      DO UPDATE SET state = 'resolved', impact = 'money'`,
    () =>
      sql
        .begin(async (tx) => {
          await tx`UPDATE driftdesk.discrepancies SET state = 'fixed'`;
          throw new Error("changed my mind");
        })
        .catch(() => {}),
  ];
  for (const change of changes) {
    await change();
    expect([...(await wrong(sql))]).toEqual([]);
  }
  expect((await countStates(sql)).resolved).toBe(1);
  const before = await lines(sql);
  await sql`UPDATE driftdesk.discrepancies SET run_id = 7, version = version + 1`;
  expect(await lines(sql)).toBe(before);
  await sql`TRUNCATE driftdesk.discrepancies CASCADE`;
  expect(await lines(sql)).toBe(0);
});

test("what was there before the totals is counted by their migration", async () => {
  database = await freshDatabase();
  const { sql } = database;
  const run = async (name: string) =>
    sql.unsafe(await readFile(join(import.meta.dirname, `../../drizzle/${name}.sql`), "utf8"));
  await run("0000_beginning");
  await plant(sql, 1, 300);
  await run("0002_totals");
  expect([...(await wrong(sql))]).toEqual([]);
  expect(await countStates(sql)).toMatchObject({ open: 200, rejected: 100 });
});

test("whoever reads while others find, decide and fold sees exact totals", async () => {
  const sql = await migrated();
  await plant(sql, 1, 400);
  let writing = 4;
  let folds = 0;
  let readings = 0;
  const write = async (seed: number) => {
    const random = new Random(seed);
    for (let n = 0; n < 250; n++) {
      const id = random.int(1, 400);
      const state = random.pick(discrepancyStates);
      const decide = sql`
        UPDATE driftdesk.discrepancies SET state = ${state}, impact = ${random.pick(impacts)},
               amount_minor = ${random.int(0, 900)}
        WHERE id BETWEEN ${id} AND ${id + random.int(0, 5)}`;
      // Two that take rows in different orders may be told to give way: as in the product, that is no error.
      await decide.catch((error) => {
        if (error.code !== "40P01") throw error;
      });
      if (n % 10 === 0) await plant(sql, seed * 10_000 + n, seed * 10_000 + n + 9);
    }
    writing--;
  };
  const fold = async () => {
    while (writing > 0) if (await foldTotals(sql)) folds++;
  };
  const read = async () => {
    while (writing > 0) {
      expect([...(await wrong(sql))]).toEqual([]);
      readings++;
    }
  };
  await Promise.all([write(1), write(2), write(3), write(4), fold(), fold(), read()]);
  expect(folds).toBeGreaterThan(1);
  expect(readings).toBeGreaterThan(10);
  expect([...(await wrong(sql))]).toEqual([]);
});

test("a journal is folded once most of its lines are not needed", async () => {
  const sql = await migrated();
  await plant(sql, 1, 400);
  const groups = await lines(sql);
  expect(await foldTotals(sql)).toBe(false);
  while ((await lines(sql)) <= 500) {
    await sql`UPDATE driftdesk.discrepancies SET state = 'snoozed' WHERE state = 'open'`;
    await sql`UPDATE driftdesk.discrepancies SET state = 'open' WHERE state = 'snoozed'`;
  }
  expect(await foldTotals(sql)).toBe(true);
  expect(await lines(sql)).toBe(groups);
  expect([...(await wrong(sql))]).toEqual([]);
  expect(await foldTotals(sql)).toBe(false);
});

test("totals, tabs and changes are what counting the rows says, whatever is filtered, without touching a row", async () => {
  const sql = await migrated();
  await plant(sql, 1, 1_000);
  // Groups that are empty by now, and still have lines.
  await sql`UPDATE driftdesk.discrepancies SET cause = 'unknown' WHERE state = 'rejected'`;
  await sql`UPDATE driftdesk.discrepancies SET change = 'plan' WHERE change = 'past_due → active'`;
  const filters: object[] = [
    {},
    { state: "rejected" },
    { state: "snoozed" },
    { account: "acct_1" },
    ...kinds.map((kind) => ({ kind: [kind] })),
    ...impacts.map((impact) => ({ impact: [impact] })),
    ...causes.map((cause) => ({ cause: [cause] })),
    { resource: ["invoices", "subscriptions"], change: ["plan", "active → canceled"] },
    { resource: ["invoices"], cause: ["unknown"], impact: ["other", "access_no_pay"] },
  ];
  const rows = await sql<Record<string, string>[]>`
    SELECT account_id AS account, resource, kind, state, impact, cause, change FROM driftdesk.discrepancies`;
  const matching = (filter: DiscrepancyFilter) =>
    rows.filter((row) =>
      Object.entries(filter).every(([name, wanted]) => [wanted].flat().includes(row[name] as string)),
    );
  const facetsOf = new Map<DiscrepancyFilter, Awaited<ReturnType<typeof countFacets>>>();
  const parsed = filters.map((filter) => discrepancyFilterSchema.parse(filter));
  for (const filter of parsed) facetsOf.set(filter, await countFacets(sql, filter, now));
  await sql.begin(async (lock) => {
    await lock`LOCK TABLE driftdesk.discrepancies IN ACCESS EXCLUSIVE MODE`;
    for (const filter of parsed) {
      const expected = matching(filter);
      expect(await countMatching(sql, filter, now)).toEqual({ count: expected.length, more: false });
      const changes = await countChanges(sql, filter, now);
      expect(new Map(changes.map(({ value, count }) => [value, count]))).toEqual(
        new Map([...Map.groupBy(expected, (row) => row.change)].map(([value, of]) => [value, of.length])),
      );
      for (const name of ["impact", "cause", "resource", "change", "kind"] as const) {
        const others = matching({ ...filter, [name]: [...new Set(rows.map((row) => row[name] as string))] });
        expect(new Map(facetsOf.get(filter)?.[name].map(({ value, count }) => [value, count]))).toEqual(
          new Map([...Map.groupBy(others, (row) => row[name])].map(([value, of]) => [value, of.length])),
        );
      }
    }
    const states = await countStates(sql);
    for (const state of discrepancyStates)
      expect(states[state]).toBe(rows.filter((row) => row.state === state).length);
  });
});
