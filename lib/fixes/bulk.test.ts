// Decisions: who may make them, what they remember, and what is left of them when somebody else decides too.
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import {
  type Accounts,
  accountsTable,
  ada,
  fin,
  flo,
  openAccounts,
  sue,
  vera,
} from "../../sandbox/testing-accounts.ts";
import { connect } from "../db/connect.ts";
import type { Discrepancy } from "../db/schema.ts";
import type { Desk } from "../desk.ts";
import { bulkProblems, cancelBulk, getBulk, requestBulk } from "./bulk.ts";
import { executeBulk } from "./execute.ts";
import { wakeSnoozed } from "./recover.ts";
import { approveBulk, waitingBulks } from "./second-person.ts";

let company: Accounts;
beforeAll(async () => {
  company = await openAccounts({ customers: 500 });
});
afterAll(() => company.close());
afterEach(() => company.tellsTheWholeStory());

/** So many new discrepancies; by default a customer who paid is locked out. */
async function drifting(count: number, assignment?: string): Promise<Discrepancy[]> {
  const ids = company.take(count);
  await company.spoil(ids, assignment);
  return company.reconcile(ids);
}
const otherAmount = "amount = amount + 100, price = price + 1";
const idsOf = (rows: readonly Discrepancy[]) => rows.map((row) => row.stripeId as string);
const now = (rows: readonly Discrepancy[]) => company.found(idsOf(rows));
const states = async (rows: readonly Discrepancy[]) => (await now(rows)).map((row) => row.state);
const statuses = async (rows: readonly Discrepancy[]) =>
  (await company.rows(idsOf(rows))).map((row) => row["the status"]);
/** Actions of more than so many rows need somebody else. */
const withLimit = (secondPersonAbove: number): Desk =>
  company.with({
    config: { ...company.desk.config, fixes: { ...company.desk.config.fixes, secondPersonAbove } },
  });
async function entries(bulkId: number): Promise<string[]> {
  const rows = await company.desk.sql<{ told: string }[]>`
    SELECT action || ' by ' || actor AS told FROM driftdesk.audit_entries WHERE bulk_id = ${bulkId} ORDER BY seq`;
  return rows.map((row) => row.told);
}
const fixesOf = (rows: readonly Discrepancy[]) =>
  company.desk.sql`
    SELECT discrepancy_id, state, actor, approved_by FROM driftdesk.fixes
    WHERE discrepancy_id = ANY(${rows.map((row) => row.id)}::bigint[]) ORDER BY id`;
const refused = (code: string) => expect.objectContaining({ code });

test("each role decides what it may, and nothing else", async () => {
  const plain = await drifting(6);
  const money = await drifting(3, otherAmount);
  const [one] = plain as [Discrepancy];
  const [amount] = money as [Discrepancy];
  expect(amount.impact).toBe("money");
  for (const kind of ["apply", "reject", "snooze"] as const)
    await expect(company.decide(kind, [one], vera)).rejects.toEqual(refused("not_allowed"));
  await expect(company.decide("reject", plain.slice(0, 2), sue)).rejects.toEqual(refused("not_allowed"));
  await expect(company.decide("apply", plain.slice(0, 2), sue)).rejects.toEqual(refused("not_allowed"));
  await expect(company.decide("apply", [amount], sue)).rejects.toEqual(refused("not_allowed"));
  const filter = { selection: { filter: { state: "open" as const }, seenUntil: company.desk.now() } };
  await expect(company.decide("apply", [], sue, filter)).rejects.toEqual(refused("not_allowed"));
  expect(new Set(await states([...plain, ...money]))).toEqual(new Set(["open"]));
  const [left] = await company.desk.sql`SELECT FROM driftdesk.bulk_actions`;
  expect(left).toBeUndefined();

  await company.decide("reject", [amount], sue);
  await company.decide("snooze", [one], sue);
  await executeBulk(company.desk, (await company.decide("apply", plain.slice(1, 2), sue)).id);
  await executeBulk(company.desk, (await company.decide("apply", plain.slice(2, 4), fin)).id);
  await executeBulk(company.desk, (await company.decide("apply", money.slice(1), ada)).id);
  expect(await states(plain)).toEqual(["snoozed", "fixed", "fixed", "fixed", "open", "open"]);
  expect(await states(money)).toEqual(["rejected", "fixed", "fixed"]);
});

test("a rejection needs a reason, a snooze a time to come, and neither writes anything", async () => {
  const [row] = (await drifting(1)) as [Discrepancy];
  for (const given of [
    ["reject", { reason: "  " }],
    ["reject", { reason: undefined }],
    ["snooze", { until: undefined }],
    ["snooze", { until: company.desk.now() }],
    ["apply", { requestKey: "short" }],
    ["apply", { selection: { ids: [] } }],
    ["apply", { selection: { ids: [{ id: row.id, version: 0 }] } }],
  ] as const)
    await expect(company.decide(given[0], [row], fin, given[1] as never)).rejects.toEqual(
      refused("request_invalid"),
    );
  const bulk = await company.decide("reject", [row], fin, { reason: " A test account. " });
  expect(bulk).toMatchObject({ state: "done", total: 1, applied: 1, skipped: 0, reason: "A test account." });
  expect(await now([row])).toMatchObject([
    { state: "rejected", decidedBy: fin.email, decisionReason: "A test account.", bulkId: bulk.id },
  ]);
  expect(await entries(bulk.id)).toEqual([
    `bulk.requested by ${fin.email}`,
    `discrepancy.rejected by ${fin.email}`,
  ]);
  expect(await executeBulk(company.desk, bulk.id)).toEqual(bulk);
  expect(await statuses([row])).toEqual(["past_due"]);
});

test("what is snoozed wakes once at its time, also when two processes look", async () => {
  await company.desk.sql`UPDATE driftdesk.discrepancies SET state = 'open' WHERE state = 'snoozed'`;
  const rows = await drifting(2);
  await company.decide("snooze", rows.slice(0, 1), sue);
  await company.decide("snooze", rows.slice(1), sue, { until: new Date("2027-01-01T00:00:00Z") });
  expect(await wakeSnoozed(company.desk)).toBe(0);
  company.pass(3_600_000);
  const woken = await Promise.all([1, 2, 3].map(() => wakeSnoozed(company.desk)));
  expect(woken.sort()).toEqual([0, 0, 1]);
  expect(await states(rows)).toEqual(["open", "snoozed"]);
  const told = await company.desk.sql`
    SELECT discrepancy_id FROM driftdesk.audit_entries
    WHERE action = 'discrepancy.woken' AND discrepancy_id = ANY(${rows.map((row) => row.id)}::bigint[])`;
  expect(told).toHaveLength(1);
});

test("ten clicks on one button are one action and one fix", async () => {
  const rows = await drifting(3);
  await company.writes.forget();
  const bulks = await Promise.all(
    Array.from({ length: 10 }, async () => {
      const bulk = await company.decide("apply", rows, fin, { requestKey: "one dialog" });
      await executeBulk(company.desk, bulk.id);
      return bulk.id;
    }),
  );
  const [id] = bulks as [number];
  expect(new Set(bulks)).toEqual(new Set([id]));
  await expect.poll(() => getBulk(company.desk.sql, id)).toMatchObject({ state: "done", applied: 3 });
  expect(await fixesOf(rows)).toMatchObject(rows.map(() => ({ state: "applied" })));
  expect(await company.writes.rows()).toEqual(new Map(idsOf(rows).map((one) => [one, 1])));
  expect((await entries(id)).filter((told) => told.startsWith("bulk."))).toHaveLength(2);
  // The key is one person's and one intention's.
  const same = { requestKey: "one dialog" };
  expect(await company.decide("apply", rows, fin, same)).toMatchObject({ id, state: "done" });
  await expect(company.decide("apply", rows, flo, same)).rejects.toEqual(refused("request_key_taken"));
  await expect(company.decide("reject", rows, fin, same)).rejects.toEqual(refused("request_key_taken"));
});

test("a decision on what somebody saw leaves alone what it became since", async () => {
  const [changed, other] = (await drifting(2)) as [Discrepancy, Discrepancy];
  await company.spoil(idsOf([changed]), `"the status" = 'unpaid'`);
  await company.reconcile();
  const bulk = await company.decide("apply", [changed, other], fin);
  expect(bulk).toMatchObject({ state: "running", total: 2, skipped: 1 });
  expect(await executeBulk(company.desk, bulk.id)).toMatchObject({ state: "done", applied: 1, skipped: 1 });
  expect(await bulkProblems(company.desk.sql, bulk.id)).toEqual([
    {
      discrepancyId: changed.id,
      label: expect.stringContaining("Account of"),
      outcome: "skipped",
      message: "Its values changed since you looked. Look again, then decide.",
    },
  ]);
  expect(await statuses([changed, other])).toEqual(["unpaid", "active"]);
  // Seen twice, in the old version and the new one: the old sight makes it void.
  const [latest] = (await now([changed])) as [Discrepancy];
  expect(await company.decide("apply", [latest, changed], fin)).toMatchObject({ total: 1, skipped: 1 });
  // With nothing left to decide there is nothing to carry out.
  expect(await company.decide("reject", [changed], fin)).toMatchObject({ state: "done", applied: 0 });
  await expect(company.decide("reject", [{ id: 1_000_000, version: 1 }], fin)).rejects.toEqual(
    refused("nothing_selected"),
  );
});

test("everything that matches a filter is what matched when the person looked, and what can be corrected", async () => {
  const rows = await drifting(4, `"the status" = 'incomplete'`);
  const [later, , twice] = idsOf(rows) as [string, string, string];
  await company.local.unsafe(
    `INSERT INTO ${accountsTable} ("stripe ""id""", "the status") VALUES ($1, 'incomplete')`,
    [twice],
  );
  await company.reconcile();
  const seenUntil = company.desk.now();
  company.pass(1_000);
  await company.spoil([later], `"the status" = 'incomplete', amount = 1`);
  await company.spoil(company.take(1), `"the status" = 'incomplete'`);
  await company.reconcile();
  const filter = { state: "open" as const, change: ["incomplete → active", "several local records"] };
  const bulk = await company.decide("apply", [], fin, { selection: { filter, seenUntil } });
  expect(bulk).toMatchObject({ total: 2, skipped: 0, filter });
  expect(await executeBulk(company.desk, bulk.id)).toMatchObject({ state: "done", applied: 2 });
  expect((await now(rows)).map((row) => `${row.kind} ${row.state}`)).toEqual([
    "mismatch open",
    "mismatch fixed",
    // The row that was found first is no difference of its own any more: there are two.
    "duplicate open",
    "duplicate open",
    "mismatch fixed",
  ]);
});

test("many rows wait for a second person, who is never the first one", async () => {
  const desk = withLimit(2);
  const rows = await drifting(3);
  expect(await company.decide("reject", rows, fin, { desk })).toMatchObject({ state: "done" });
  const bulk = await company.decide("apply", rows, fin, { desk });
  expect(bulk).toMatchObject({ state: "waiting", total: 3 });
  expect(await states(rows)).toEqual(["waiting", "waiting", "waiting"]);
  expect(await executeBulk(desk, bulk.id)).toMatchObject({ state: "waiting", applied: 0 });
  expect((await waitingBulks(desk, ada)).map((one) => one.bulk.id)).toEqual([bulk.id]);

  await expect(approveBulk(desk, bulk.id, fin)).rejects.toEqual(refused("second_person_needed"));
  const shouting = { ...fin, email: "FIN@EXAMPLE.COM" };
  await expect(approveBulk(desk, bulk.id, shouting)).rejects.toEqual(refused("second_person_needed"));
  for (const actor of [vera, sue])
    await expect(approveBulk(desk, bulk.id, actor)).rejects.toEqual(refused("not_allowed"));
  await expect(approveBulk(desk, 1_000_000, ada)).rejects.toEqual(refused("bulk_unknown"));
  // Another one that wants the same rows leaves them to the first.
  const second = await company.decide("apply", rows.slice(0, 1), flo);
  expect(second).toMatchObject({ state: "done", skipped: 1 });

  const answers = await Promise.allSettled([
    approveBulk(desk, bulk.id, ada),
    approveBulk(desk, bulk.id, flo),
    approveBulk(desk, bulk.id, ada),
  ]);
  const approvedBy = (await getBulk(desk.sql, bulk.id))?.approvedBy;
  expect(answers.map((answer) => answer.status).sort()).toEqual(
    approvedBy === ada.email ? ["fulfilled", "fulfilled", "rejected"] : ["fulfilled", "rejected", "rejected"],
  );
  await Promise.all([executeBulk(desk, bulk.id), executeBulk(desk, bulk.id)]);
  await expect.poll(() => getBulk(desk.sql, bulk.id)).toMatchObject({ state: "done", applied: 3 });
  expect(await fixesOf(rows)).toMatchObject(
    rows.map(() => ({ state: "applied", actor: fin.email, approved_by: approvedBy })),
  );
  expect((await entries(bulk.id)).filter((told) => told.startsWith("bulk."))).toEqual([
    `bulk.requested by ${fin.email}`,
    `bulk.approved by ${approvedBy}`,
    `bulk.finished by ${fin.email}`,
  ]);
});

test("an approval does not count for values that changed before it", async () => {
  const desk = withLimit(1);
  const rows = await drifting(2);
  const bulk = await company.decide("apply", rows, fin, { desk });
  await company.spoil(idsOf(rows).slice(0, 1), `"the status" = 'paused'`);
  await company.reconcile();
  expect(await states(rows)).toEqual(["open", "waiting"]);
  await approveBulk(desk, bulk.id, ada);
  expect(await executeBulk(desk, bulk.id)).toMatchObject({ state: "done", applied: 1, skipped: 1 });
  expect(await statuses(rows)).toEqual(["paused", "active"]);
  expect(await states(rows)).toEqual(["open", "fixed"]);
});

test("an action that is taken back opens its rows, once", async () => {
  const desk = withLimit(1);
  const rows = await drifting(3);
  const bulk = await company.decide("apply", rows, fin, { desk, reason: "Outage." });
  await company.decide("reject", rows.slice(2), flo);
  await expect(cancelBulk(desk, bulk.id, sue)).rejects.toEqual(refused("not_allowed"));
  const cancelled = await Promise.all([
    cancelBulk(desk, bulk.id, flo, { reason: "Not yet." }),
    cancelBulk(desk, bulk.id, fin),
  ]);
  expect(cancelled).toMatchObject([{ state: "cancelled", skipped: 3 }, { state: "cancelled" }]);
  expect(await now(rows)).toMatchObject([
    { state: "open", decidedBy: null, decisionReason: null, bulkId: null },
    { state: "open", decidedBy: null, decisionReason: null, bulkId: null },
    { state: "rejected", decidedBy: flo.email },
  ]);
  expect((await entries(bulk.id)).filter((told) => /^bulk\.(cancelled|declined)/.test(told))).toHaveLength(1);
  await expect(approveBulk(desk, bulk.id, ada)).rejects.toEqual(refused("bulk_not_waiting"));
  expect(await executeBulk(desk, bulk.id)).toMatchObject({ state: "cancelled", applied: 0 });
  expect(await statuses(rows)).toEqual(["past_due", "past_due", "past_due"]);
  expect(await company.decide("apply", rows.slice(0, 1), sue)).toMatchObject({ state: "running" });
});

test("of two people who decide on one row the last one is right", async () => {
  const rows = await drifting(2);
  const [kept, corrected] = rows as [Discrepancy, Discrepancy];
  const applied = await company.decide("apply", [kept], sue);
  await company.decide("reject", [kept], ada);
  expect(await executeBulk(company.desk, applied.id)).toMatchObject({
    state: "done",
    applied: 0,
    skipped: 1,
  });
  await company.decide("reject", [corrected], ada);
  const after = await company.decide("apply", [corrected], sue);
  expect(await executeBulk(company.desk, after.id)).toMatchObject({ state: "done", applied: 1 });
  expect(await now(rows)).toMatchObject([
    { state: "rejected", decidedBy: ada.email },
    { state: "fixed", decidedBy: sue.email },
  ]);
  expect(await statuses(rows)).toEqual(["past_due", "active"]);
  expect(await company.decide("apply", [corrected], flo)).toMatchObject({ state: "done", skipped: 1 });
});

test("people who approve the same row at once correct it once", async () => {
  const rows = await drifting(5);
  const outcomes = await Promise.all(
    [sue, fin, flo, ada].map(async (actor) => {
      const bulk = await company.decide("apply", actor === sue ? rows.slice(0, 1) : rows, actor);
      return executeBulk(company.desk, bulk.id);
    }),
  );
  expect(await fixesOf(rows)).toMatchObject(rows.map(() => ({ state: "applied" })));
  expect(await states(rows)).toEqual(rows.map(() => "fixed"));
  for (const bulk of outcomes) expect(bulk.applied + bulk.skipped).toBe(bulk.total);
  expect(outcomes.reduce((sum, bulk) => sum + bulk.applied, 0)).toBe(rows.length);
});

test("people who decide on the same rows at once never wait for each other in a circle", async () => {
  const rows = await drifting(40);
  // Where Postgres would not end a circle, one is a test that never ends.
  await company.owner.unsafe(`
    DO $$ BEGIN
      EXECUTE format('ALTER DATABASE %I SET deadlock_timeout = %L', current_database(), '10min');
    END $$`);
  const sql = connect(company.variables.DATABASE_URL as string, { max: 20 });
  const desk = company.with({ sql });
  try {
    for (let round = 0; round < 5; round++)
      await Promise.all(
        [fin, flo, ada].map((actor) =>
          company.decide("snooze", round % 2 ? rows : [...rows].reverse(), actor, { desk }),
        ),
      );
    await Promise.all([
      ...[fin, flo, ada].map((actor) =>
        company.decide("apply", rows, actor, { desk }).then((bulk) => executeBulk(desk, bulk.id)),
      ),
      company.decide("snooze", rows, ada, { desk }),
    ]);
    expect((await fixesOf(rows)).filter((fix) => fix.state !== "applied")).toEqual([]);
  } finally {
    await sql.end();
  }
}, 20_000);

test("a request for a hundred thousand ids is refused before anything is read", async () => {
  const ids = Array.from({ length: 10_001 }, (_, i) => ({ id: i + 1, version: 1 }));
  await expect(
    requestBulk(company.desk, { kind: "apply", selection: { ids }, requestKey: "too many ids" }, ada),
  ).rejects.toEqual(refused("request_invalid"));
});
