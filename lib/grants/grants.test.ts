// A role made by the SQL that `driftdesk grants` prints can do what Driftdesk does, and nothing besides.
import type { Sql } from "postgres";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Accounts, accountsTable, ada, openAccounts } from "../../sandbox/testing-accounts.ts";
import { appendAudit } from "../audit/append.ts";
import { verifyAudit } from "../audit/verify.ts";
import { checkConfig } from "../config/check.ts";
import type { ConfigDefinition } from "../config/define.ts";
import { parseConfig } from "../config/schema.ts";
import { appRole } from "../db/testing-server.ts";
import { executeBulk } from "../fixes/execute.ts";
import { quoteName } from "../local/catalog.ts";
import { grantsFor } from "./grants.ts";

let company: Accounts;
let app: Sql;
beforeAll(async () => {
  company = await openAccounts({ customers: 60 });
  app = company.desk.sql;
});
afterAll(() => company.close());

const role = quoteName(appRole.name);
const problems = async () =>
  (await checkConfig(company.desk)).filter(({ level }) => level !== "ok").map(({ code }) => code);

test("the role finds, corrects and inserts, and a check has nothing to complain about", async () => {
  expect(await problems()).toEqual([]);
  const [wrong, gone] = company.take(2) as [string, string];
  await company.spoil([wrong]);
  await company.local.unsafe(`DELETE FROM ${accountsTable} WHERE "stripe ""id""" = $1`, [gone]);
  const found = await company.reconcile([wrong, gone]);
  expect(found.map(({ kind }) => kind)).toEqual(["mismatch", "missing_local"]);
  const { id } = await company.decide("apply", found, ada);
  await executeBulk(company.desk, id);
  const [one, other] = await company.found([wrong, gone]);
  expect([one?.state, other?.state]).toEqual(["fixed", "fixed"]);
  await company.tellsTheWholeStory();
});

test.each([
  `SELECT gone, born FROM ${accountsTable}`,
  `SELECT * FROM ${accountsTable}`,
  `UPDATE ${accountsTable} SET "the key" = 1 WHERE false`,
  `UPDATE ${accountsTable} SET "stripe ""id""" = 'sub_1' WHERE false`,
  `UPDATE ${accountsTable} SET gone = true WHERE false`,
  `DELETE FROM ${accountsTable} WHERE false`,
  `TRUNCATE ${accountsTable}`,
  `DROP TABLE ${accountsTable}`,
  `SELECT FROM "Odd schema".secrets`,
  `CREATE TABLE "Odd schema".mine ()`,
])("of the user's tables it may not: %s", async (statement) => {
  await company.local.unsafe(`
    ALTER TABLE ${accountsTable} ADD COLUMN IF NOT EXISTS born date;
    CREATE TABLE IF NOT EXISTS "Odd schema".secrets (id int)`);
  await expect(app.unsafe(statement)).rejects.toMatchObject({ code: "42501" });
});

test.each([
  "UPDATE driftdesk.audit_entries SET actor = 'nobody' WHERE false",
  "DELETE FROM driftdesk.audit_entries WHERE false",
  "TRUNCATE driftdesk.audit_entries",
  "INSERT INTO driftdesk.audit_entries SELECT * FROM driftdesk.audit_entries WHERE false",
  "UPDATE driftdesk.audit_head SET seq = seq - 1",
  "DELETE FROM driftdesk.audit_head",
  "ALTER TABLE driftdesk.audit_entries DISABLE TRIGGER ALL",
  "CREATE OR REPLACE FUNCTION driftdesk.refuse_audit_change() RETURNS trigger LANGUAGE sql AS 'SELECT 1'",
  "DROP TABLE driftdesk.audit_entries",
  "DROP SCHEMA driftdesk CASCADE",
  "UPDATE driftdesk.migrations SET created_at = 0",
])("of the history it may not: %s", async (statement) => {
  await expect(app.unsafe(statement)).rejects.toMatchObject({ code: "42501" });
});

test("it lengthens the chain, in the one way that there is", async () => {
  const { length } = await verifyAudit(app);
  await appendAudit(app, [{ actor: "system", action: "run.started" }], new Date());
  expect(await verifyAudit(app)).toMatchObject({ ok: true, length: length + 1 });
});

test("nobody but the role and the owner lengthens the chain", async () => {
  const [row] = await company.owner<{ allowed: string[] }[]>`
    SELECT array_agg(DISTINCT a.grantee::regrole::text) AS allowed
    FROM pg_proc p, aclexplode(p.proacl) a WHERE p.oid = 'driftdesk.append_audit'::regproc`;
  expect(row?.allowed.sort()).toEqual([quoteName(appRole.name), "postgres"].sort());
});

test.each([
  ["SELECT (gone)", "select_not_granted"],
  [`SELECT ("the status")`, "select_not_granted"],
  [`SELECT ("xmin")`, "xmin_not_granted"],
  [`UPDATE ("the status")`, "update_not_granted"],
  [`UPDATE ("Updated At")`, "update_not_granted"],
  ["INSERT", "insert_not_granted"],
])("a check names the one right that is missing: %s", async (right, code) => {
  await company.local.unsafe(`REVOKE ${right} ON ${accountsTable} FROM ${role}`);
  expect(await problems()).toEqual([code]);
  await company.grant();
  expect(await problems()).toEqual([]);
});

test("a check names the schema, or the sequence, that may not be used", async () => {
  const [sequence] = await company.local<{ name: string }[]>`
    SELECT pg_get_serial_sequence(${accountsTable}, 'the key') AS name`;
  for (const [right, code] of [
    [`USAGE ON SCHEMA "Odd schema"`, "usage_not_granted"],
    [`USAGE ON SEQUENCE ${sequence?.name}`, "insert_not_granted"],
  ] as const) {
    await company.local.unsafe(`REVOKE ${right} FROM ${role}`);
    expect(await problems()).toEqual([code]);
    await company.grant();
  }
  expect(await problems()).toEqual([]);
});

/** The GRANTs on tables that a mapping with another condition gets. */
async function tableGrants(where: string, local = company.local): Promise<string[]> {
  const definition: ConfigDefinition = {
    resources: {
      accounts: {
        stripe: "subscription",
        table: "public.plain",
        key: "id",
        stripeId: "sub",
        where,
        fields: { state: "status" },
      },
    },
  };
  const { config } = parseConfig(definition);
  if (!config) throw new Error("the mapping is wrong");
  const text = await grantsFor(appRole.name, [{ local, config }]);
  return text.split("\n").filter((line) => /^(GRANT|-- All).*(TABLE|SCHEMA|columns)/.test(line));
}

test("a condition's columns are granted wherever they are, and a whole table only where Postgres cannot tell", async () => {
  await company.local.unsafe(`
    CREATE SCHEMA other;
    CREATE TABLE public.plain (id int PRIMARY KEY, sub text, state text, tenant int, hidden text);
    CREATE TABLE other.tenants (id int, live boolean, name text);
    CREATE FUNCTION other.is_live(int) RETURNS boolean LANGUAGE sql STABLE AS 'SELECT true'`);
  const plain = (select: string) => `GRANT ${select}, UPDATE ("state") ON TABLE "public"."plain" TO ${role};`;
  expect(await tableGrants("tenant > 1 -- of the first")).toEqual([
    `GRANT USAGE ON SCHEMA "public" TO ${role};`,
    plain('SELECT ("id", "sub", "state", "tenant")'),
  ]);
  expect(await tableGrants("true")).toContain(plain('SELECT ("id", "sub", "state")'));
  expect(await tableGrants("EXISTS (SELECT FROM other.tenants o WHERE o.id = t.tenant AND o.live)")).toEqual([
    `GRANT USAGE ON SCHEMA "public", "other" TO ${role};`,
    plain('SELECT ("id", "sub", "state", "tenant")'),
    `GRANT SELECT ("id", "live") ON TABLE "other"."tenants" TO ${role};`,
  ]);
  expect(await tableGrants("other.is_live(id)")).toContain(
    `GRANT USAGE ON SCHEMA "public", "other" TO ${role};`,
  );
  expect(await tableGrants("to_jsonb(t) ? 'hidden'")).toEqual([
    `GRANT USAGE ON SCHEMA "public" TO ${role};`,
    "-- All columns, since the condition in where takes rows as a whole.",
    plain("SELECT"),
  ]);
  await company.local.unsafe(`GRANT SELECT ON public.plain TO ${role}`);
  await company.local.unsafe(
    "REVOKE TEMPORARY ON DATABASE " +
      (await company.local`SELECT current_database() AS d`)[0]?.d +
      " FROM PUBLIC",
  );
  expect(await tableGrants("tenant > 1", app)).toContain(plain("SELECT"));
  await expect(tableGrants("nonsense > 1")).rejects.toMatchObject({ code: "where_invalid" });
});

test("the script runs a second time, takes back what is no longer needed, and clears away another role's leftovers", async () => {
  await company.owner.unsafe(`
    GRANT DELETE ON ${accountsTable} TO ${role};
    GRANT UPDATE ON driftdesk.audit_entries TO ${role};
    CREATE TABLE driftdesk_staging.r1_left ();
    CREATE TABLE driftdesk_jobs.left ()`);
  for (let i = 0; i < 2; i++) await company.grant();
  const [rights] = await company.owner`
    SELECT has_table_privilege(${appRole.name}, ${accountsTable}, 'DELETE') AS removes,
           has_table_privilege(${appRole.name}, 'driftdesk.audit_entries', 'UPDATE') AS rewrites,
           to_regclass('driftdesk_staging.r1_left') AS staged, to_regclass('driftdesk_jobs.left') AS queued`;
  expect(rights).toEqual({ removes: false, rewrites: false, staged: null, queued: null });
  expect(await problems()).toEqual([]);
});
