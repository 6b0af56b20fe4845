// Append-only and hash-chained: what the database refuses, and what is found when somebody did it past the guard.
import type { Sql } from "postgres";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { connect } from "../db/connect.ts";
import { type FreshDatabase, freshDatabase } from "../db/testing.ts";
import { appendAudit } from "./append.ts";
import { verifyAudit as verify } from "./verify.ts";

const at = new Date("2026-11-24T12:00:00.123Z");
let database: FreshDatabase;
let sql: Sql;
beforeEach(async () => {
  database = await freshDatabase({ migrated: true });
  sql = database.sql;
});
afterEach(() => database.drop());

/** Where one range ends and the next begins is nothing to be seen. */
async function verifyAudit(on: Sql) {
  const verdict = await verify(on);
  expect(await verify(on, { range: 3 })).toEqual(verdict);
  return verdict;
}

const write = (numbers: number[], on: Sql = sql) =>
  on.begin((tx) =>
    appendAudit(
      tx,
      numbers.map((n) => ({
        actor: `person${n}@example.com`,
        action: "fix.applied" as const,
        account_id: "acct_1",
        resource: "users",
        discrepancy_id: n,
        run_id: n,
        bulk_id: n,
        fix_id: n,
        subject: `customer ${n}`,
        data: { n, text: "“Ünïcode” \\ ' \" \t" },
      })),
      at,
    ),
  );
const ten = Array.from({ length: 10 }, (_, i) => i + 1);

/** As the owner of the database can: with the guard switched off. */
async function pastTheGuard(statement: string): Promise<void> {
  await sql.unsafe(`
    ALTER TABLE driftdesk.audit_entries DISABLE TRIGGER ALL;
    ${statement};
    ALTER TABLE driftdesk.audit_entries ENABLE TRIGGER ALL`);
}

test.each([
  "UPDATE driftdesk.audit_entries SET actor = 'nobody' WHERE seq = 3",
  "DELETE FROM driftdesk.audit_entries WHERE seq = 3",
  "TRUNCATE driftdesk.audit_entries",
])("the database refuses: %s", async (statement) => {
  await write(ten);
  await expect(sql.unsafe(statement)).rejects.toThrow("audit entries cannot be changed or removed");
  expect(await verifyAudit(sql)).toMatchObject({ ok: true, length: 10 });
});

test("a chain that nobody touched is whole, however it was written", async () => {
  expect(await verifyAudit(sql)).toMatchObject({ ok: true, length: 0 });
  await write([1]);
  await write(ten.slice(1));
  const verdict = await verifyAudit(sql);
  expect(verdict).toMatchObject({ ok: true, length: 10, problems: [], lastAt: at });
  expect(verdict.head).toMatch(/^[0-9a-f]{64}$/);
});

test("many who write at once make one chain, without a gap or a fork", async () => {
  const pool = connect(database.url, { max: 8 });
  try {
    await Promise.all(Array.from({ length: 40 }, (_, i) => write([i, i + 1], pool)));
  } finally {
    await pool.end();
  }
  expect(await verifyAudit(sql)).toMatchObject({ ok: true, length: 80, problems: [] });
});

test("what is left out, what has to be escaped and times to the microsecond are linked as they are verified", async () => {
  const entries = [
    { actor: "system", action: "run.started" },
    {
      actor: 'with "quotes"',
      action: "fix.applied",
      subject: "back\\slash \u{1f600} \n",
      data: { "": [null, 1e21, {}] },
    },
  ];
  for (const at of ["2026-01-02T03:04:05.000001Z", "1999-12-31 23:59:59.999999+02"])
    await sql.unsafe("SELECT driftdesk.append_audit($1::text::jsonb, $2)", [JSON.stringify(entries), at]);
  await sql`SELECT driftdesk.append_audit(${sql.json(entries)})`;
  expect(await verifyAudit(sql)).toMatchObject({ ok: true, length: 6 });
});

describe("verify finds", () => {
  test.each([
    ["at", "at + interval '1 microsecond'"],
    ["actor", "'somebody@example.com'"],
    ["action", "'fix.failed'"],
    ["account_id", "'acct_2'"],
    ["resource", "NULL"],
    ["discrepancy_id", "99"],
    ["run_id", "NULL"],
    ["bulk_id", "99"],
    ["fix_id", "99"],
    ["subject", "'customer 4 '"],
    ["data", "'{}'"],
  ])("an entry with another %s", async (column, value) => {
    await write(ten);
    await pastTheGuard(`UPDATE driftdesk.audit_entries SET ${column} = ${value} WHERE seq = 4`);
    const { ok, problems } = await verifyAudit(sql);
    expect(ok).toBe(false);
    expect(problems).toEqual([{ seq: 4, problem: "Its content was changed after it was written." }]);
  });

  test("an edited entry whose own hash was made to fit", async () => {
    await write(ten);
    await pastTheGuard(`
      UPDATE driftdesk.audit_entries SET subject = 'nobody' WHERE seq = 4;
      UPDATE driftdesk.audit_entries e SET hash = sha256(e.prev_hash || sha256(convert_to(driftdesk.audit_content(
        e.seq, e.at, e.actor, e.action, e.account_id, e.resource, e.discrepancy_id, e.run_id, e.bulk_id, e.fix_id,
        e.subject, e.data), 'UTF8'))) WHERE seq = 4`);
    expect((await verifyAudit(sql)).problems.map(({ seq }) => seq)).toEqual([5]);
  });

  test.each([
    ["the first", "= 1", 2],
    ["one in the middle", "= 5", 6],
    ["several in the middle", "BETWEEN 5 AND 7", 8],
  ])("a removed entry: %s", async (_, which, seq) => {
    await write(ten);
    await pastTheGuard(`DELETE FROM driftdesk.audit_entries WHERE seq ${which}`);
    const verdict = await verifyAudit(sql);
    expect(verdict.ok).toBe(false);
    expect(verdict.problems[0]?.seq).toBe(seq);
    expect(verdict.problems[0]?.problem).toMatch(/missing/);
  });

  test("removed entries at the end", async () => {
    await write(ten);
    await pastTheGuard("DELETE FROM driftdesk.audit_entries WHERE seq > 8");
    expect((await verifyAudit(sql)).problems).toEqual([
      { seq: 10, problem: expect.stringContaining("entries at its end are missing") },
    ]);
  });

  test("an inserted entry, in the middle and at the end", async () => {
    await write(ten);
    const copy = (from: number, to: number) => `
      INSERT INTO driftdesk.audit_entries
      SELECT ${to}, at, actor, action, account_id, resource, discrepancy_id, run_id, bulk_id, fix_id, subject, data, prev_hash, hash
      FROM driftdesk.audit_entries WHERE seq = ${from}`;
    await pastTheGuard(copy(3, 11));
    expect((await verifyAudit(sql)).ok).toBe(false);
    await pastTheGuard(`
      DELETE FROM driftdesk.audit_entries WHERE seq = 11;
      UPDATE driftdesk.audit_entries SET seq = seq + 1000 WHERE seq > 5;
      UPDATE driftdesk.audit_entries SET seq = seq - 999 WHERE seq > 1000;
      ${copy(3, 6)}`);
    expect((await verifyAudit(sql)).ok).toBe(false);
  });

  test("two entries that changed places", async () => {
    await write(ten);
    await pastTheGuard(`
      UPDATE driftdesk.audit_entries SET seq = -4 WHERE seq = 4;
      UPDATE driftdesk.audit_entries SET seq = 4 WHERE seq = 5;
      UPDATE driftdesk.audit_entries SET seq = 5 WHERE seq = -4`);
    const verdict = await verifyAudit(sql);
    expect(verdict.ok).toBe(false);
    expect(verdict.problems[0]?.seq).toBe(4);
  });

  test("a head that says something else than the last entry", async () => {
    await write(ten);
    await sql`UPDATE driftdesk.audit_head SET hash = sha256('other'::bytea)`;
    expect((await verifyAudit(sql)).ok).toBe(false);
    await sql`DELETE FROM driftdesk.audit_head`;
    expect((await verifyAudit(sql)).problems[0]?.problem).toContain("where the chain ends is missing");
  });
});
