// Carrying out a decision on a database that lives: rows change, vanish and are refused meanwhile.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import accountsConfig from "../../sandbox/accounts.config.ts";
import {
  type Accounts,
  type AccountsOptions,
  accountsTable,
  ada,
  fin,
  flo,
  openAccounts,
} from "../../sandbox/testing-accounts.ts";
import { closeGate, gateKey } from "../../sandbox/testing-writes.ts";
import type { ResourceDefinition } from "../config/define.ts";
import { connect } from "../db/connect.ts";
import type { BulkAction, Discrepancy } from "../db/schema.ts";
import { bulkProblems, cancelBulk, getBulk } from "./bulk.ts";
import { executeBulk } from "./execute.ts";
import { whileLocked } from "./lock.ts";

let company: Accounts;
afterEach(() => company.tellsTheWholeStory());

/** One company for the tests of a group: each takes subscriptions that no other has. */
function inCompany(options: AccountsOptions = {}): void {
  beforeAll(async () => {
    company = await openAccounts(options);
  });
  afterAll(() => company.close());
}

async function drifting(count: number, assignment?: string): Promise<Discrepancy[]> {
  const ids = company.take(count);
  await company.spoil(ids, assignment);
  return company.reconcile(ids);
}
const deleteRows = (ids: readonly string[]) =>
  company.local.unsafe(`DELETE FROM ${accountsTable} WHERE "stripe ""id""" = ANY($1::text[])`, [[...ids]]);
const idsOf = (rows: readonly Discrepancy[]) => rows.map((row) => row.stripeId as string);
const once = (ids: readonly string[]) => new Map(ids.map((id) => [id, 1]));
const now = (rows: readonly Discrepancy[]) => company.found(idsOf(rows));
const states = async (rows: readonly Discrepancy[]) => (await now(rows)).map((row) => row.state);
const apply = async (rows: readonly Discrepancy[], actor = fin): Promise<BulkAction> =>
  executeBulk(company.desk, (await company.decide("apply", rows, actor)).id);
/** What the action says about each of these rows; null where it went as decided. */
async function reasons(bulk: BulkAction, rows: readonly Discrepancy[]): Promise<(string | null)[]> {
  const told = await bulkProblems(company.desk.sql, bulk.id, 10_000);
  return rows.map((row) => told.find((one) => one.discrepancyId === row.id)?.message ?? null);
}
const lastSeq = async () => (await company.desk.sql`SELECT seq FROM driftdesk.audit_head`)[0]?.seq as number;
async function toldSince(seq: number): Promise<string[]> {
  const rows = await company.desk.sql<{ action: string }[]>`
    SELECT action FROM driftdesk.audit_entries WHERE seq > ${seq} AND action LIKE 'discrepancy.%' ORDER BY seq`;
  return rows.map((row) => row.action);
}

describe.each([1, 2] as const)("with %i database(s)", (databases) => {
  inCompany({ databases, customers: 300 });

  test("a row that changed after the decision is not overwritten, and is shown as it is now", async () => {
    const ids = company.take(9);
    const [edited = "", halfRight = "", elsewhere = "", deleted = "", handedOn = ""] = ids;
    const [filtered = "", healed = "", both = ""] = ids.slice(5);
    await company.spoil(ids);
    await company.spoil([halfRight, both], `amount = 1, "the status" = 'past_due'`);
    const rows = await company.reconcile(ids);
    const { id } = await company.decide("apply", rows, fin);

    await company.spoil([edited], `"the status" = 'unpaid'`);
    await company.spoil([halfRight], `"the status" = 'active'`);
    await company.spoil([elsewhere], `label = 'renamed', note = 'somebody else'`);
    await deleteRows([deleted]);
    await company.spoil([handedOn], `"stripe ""id""" = 'sub_other'`);
    await company.spoil([filtered], "gone = true");
    await company.spoil([healed], `"the status" = 'active'`);
    await company.spoil([both], `amount = 2, "the status" = 'trialing'`);
    company.pass(1_000);
    const bulk = await executeBulk(company.desk, id);
    expect(bulk).toMatchObject({ state: "done", total: 9, applied: 2, stale: 7, failed: 0 });

    const before = await now(rows);
    expect(before).toMatchObject([
      {
        state: "open",
        version: 2,
        change: "unpaid → active",
        impact: "paid_no_access",
        fields: [{ name: "the status", local: "unpaid", stripe: "active" }],
        observed: { "the status": "unpaid" },
        changedAt: company.desk.now(),
        // How fresh it is goes by when Stripe was asked.
        observedAt: rows[0]?.observedAt,
      },
      { state: "open", version: 2, change: "amount", impact: "money", fields: [{ name: "amount" }] },
      { state: "fixed", version: 1 },
      { state: "open", version: 2, change: "past_due → active" },
      { state: "open", version: 2, change: "past_due → active" },
      { state: "open", version: 2, change: "past_due → active" },
      { state: "resolved", change: "past_due → active", closedAt: company.desk.now() },
      { state: "open", change: "trialing → active", impact: "money", fields: [{}, { local: "2" }] },
      { state: "fixed", version: 1 },
    ]);
    const notOurs = "The row belongs to somebody else now, or the mapping's filter leaves it out.";
    expect(await reasons(bulk, rows)).toEqual([
      "Somebody changed the status in the meantime; it was not overwritten.",
      "Somebody changed the status in the meantime; it was not overwritten.",
      null,
      "The row is gone.",
      notOurs,
      notOurs,
      "Somebody changed the status in the meantime; it was not overwritten.",
      "Somebody changed the status, amount in the meantime; it was not overwritten.",
      null,
    ]);
    const left = ids.map((one) => (one === handedOn ? "sub_other" : one));
    expect((await company.rows(left)).map((row) => [row["the status"], row.touched])).toEqual([
      ["unpaid", "false"],
      ["active", "false"],
      ["active", "true"],
      ["past_due", "false"],
      ["past_due", "false"],
      ["active", "false"],
      ["trialing", "false"],
      ["active", "true"],
    ]);
    expect(await company.rows([elsewhere])).toMatchObject([{ label: "renamed", note: "somebody else" }]);

    // What the fix found out is what a run finds: it has nothing to add on the rows that are still there.
    const seq = await lastSeq();
    await company.reconcile();
    const after = await now(rows);
    for (const i of [0, 1, 6, 7]) {
      // The amount at stake is a run's to say.
      const { observedAt: _, amountMinor: __, ...row } = before[i] as Discrepancy;
      expect(after.find((one) => one.id === row.id)).toMatchObject(row);
    }
    expect((await toldSince(seq)).filter((action) => action === "discrepancy.changed")).toEqual([]);
    await deleteRows(["sub_other", filtered, deleted]);
  });

  test("every kind of column gets what Stripe has, and the run after that finds nothing", async () => {
    const ids = company.take(4);
    const whole = await company.rows(ids);
    await company.spoil(
      ids,
      String.raw`"the status" = 'trialing', amount = NULL, price = -3.5, renews = '1999-12-31 23:59:59.123456+05',
                 plan = '[null]', note = E'it''s \\ "here"\n'`,
    );
    const rows = await company.reconcile(ids);
    const written = ["the status", "amount", "price", "renews", "plan", "note"];
    expect(rows[0]?.fields.map((field) => field.name)).toEqual(written);
    expect(await apply(rows)).toMatchObject({ state: "done", applied: 4 });
    expect(await company.rows(ids)).toEqual(
      whole.map((row, i) => ({
        ...row,
        touched: "true",
        note: company.subscription(ids[i] as string).customer,
      })),
    );
    expect((await company.reconcile(ids)).map((row) => row.state)).toEqual(ids.map(() => "fixed"));
  });

  test("a row that Stripe does not know gets what the mapping sets", async () => {
    await company.local.unsafe(`
      INSERT INTO ${accountsTable} ("stripe ""id""", "the status", renews) VALUES
        ('sub_gone1', 'active', now()), ('sub_gone2', 'past_due', NULL), ('sub_gone3', 'canceled', NULL),
        ('sub_gone4', 'active', now())`);
    const ids = ["sub_gone1", "sub_gone2", "sub_gone4"];
    const rows = await company.reconcile(ids);
    expect(rows).toMatchObject([
      { kind: "missing_in_stripe", impact: "access_no_pay" },
      { kind: "missing_in_stripe", impact: "other" },
      { kind: "missing_in_stripe", impact: "access_no_pay" },
    ]);
    const { id } = await company.decide("apply", rows, fin);
    await company.spoil(["sub_gone4"], `"the status" = 'canceled', renews = NULL`);
    expect(await executeBulk(company.desk, id)).toMatchObject({ applied: 2, stale: 1 });
    expect(await company.rows(ids)).toMatchObject(
      ids.map(() => ({ "the status": "canceled", renews: null })),
    );
    expect(await states(rows)).toEqual(["fixed", "fixed", "resolved"]);
    const seq = await lastSeq();
    await company.reconcile();
    expect(await toldSince(seq)).toEqual([]);
  });

  test("a missing row is inserted once, and not beside one that came meanwhile", async () => {
    const ids = company.take(3);
    const [first = "", second = "", third = ""] = ids;
    const whole = await company.rows(ids);
    await deleteRows(ids);
    const rows = await company.reconcile(ids);
    expect(rows.map((row) => row.kind)).toEqual(["missing_local", "missing_local", "missing_local"]);
    const { id } = await company.decide("apply", rows, fin);
    // Out of the mapping's reach, but there: a second row for it would be a duplicate one day.
    await company.local.unsafe(
      `INSERT INTO ${accountsTable} ("stripe ""id""", label, gone) VALUES ($1, 'by hand', true)`,
      [third],
    );
    await company.writes.forget();
    await Promise.all([1, 2, 3].map(() => executeBulk(company.desk, id)));
    const bulk = await getBulk(company.desk.sql, id);
    expect(bulk).toMatchObject({ state: "done", applied: 2, stale: 1 });
    expect(await company.writes.rows()).toEqual(once([first, second]));
    const inserted = (await company.rows(ids)).map(({ "the key": _, ...row }) => row);
    expect(inserted).toEqual([
      ...whole.slice(0, 2).map(({ "the key": _, ...row }) => ({
        ...row,
        label: "inserted",
        touched: "true",
        note: company.subscription(row['stripe "id"'] as string).customer,
      })),
      expect.objectContaining({ label: "by hand", "the status": null }),
    ]);
    const keys = (await company.rows(ids)).map((row) => row["the key"]);
    const fixes = await company.desk
      .sql`SELECT local_key FROM driftdesk.fixes WHERE bulk_id = ${id} ORDER BY discrepancy_id`;
    expect(new Set(fixes.map((fix) => fix.local_key))).toEqual(new Set([keys[0], keys[1], null]));
    expect(await states(rows)).toEqual(["fixed", "fixed", "open"]);
    expect(await reasons(bulk as BulkAction, rows)).toEqual([
      null,
      null,
      expect.stringContaining("A row for it exists by now"),
    ]);
  });

  test("two executions of two actions that overlap write each row once", async () => {
    const rows = await drifting(90);
    const mine = await company.decide("apply", rows.slice(0, 60), fin);
    const theirs = await company.decide("apply", rows.slice(30), flo);
    await company.writes.forget();
    await Promise.all([mine, theirs, mine, theirs].map((bulk) => executeBulk(company.desk, bulk.id)));
    expect(await getBulk(company.desk.sql, mine.id)).toMatchObject({
      state: "done",
      applied: 30,
      skipped: 30,
    });
    expect(await getBulk(company.desk.sql, theirs.id)).toMatchObject({
      state: "done",
      applied: 60,
      skipped: 0,
    });
    expect(await company.writes.rows()).toEqual(once(idsOf(rows)));
    expect(new Set(await states(rows))).toEqual(new Set(["fixed"]));
  });
});

describe("a mapping whose new rows would not be found again", () => {
  const subscriptions = accountsConfig.resources.subscriptions as ResourceDefinition;
  const insert = () => ({ label: "nobody's" });
  inCompany({ config: { resources: { subscriptions: { ...subscriptions, missingLocal: { insert } } } } });

  test("inserts none", async () => {
    const ids = company.take(2);
    await deleteRows(ids);
    const rows = await company.reconcile(ids);
    const bulk = await apply(rows);
    expect(bulk).toMatchObject({ state: "done", applied: 0, failed: 2 });
    expect((await reasons(bulk, rows))[0]).toContain("missingLocal.insert has to set it");
    expect(await company.writes.rows()).toEqual(new Map());
    expect(await states(rows)).toEqual(["open", "open"]);
  });
});

const refuse = (what: string, when = "TRIGGER refuse BEFORE UPDATE", how = "FOR EACH ROW") => `
  CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN IF new.label = 'locked' THEN ${what}; END IF; RETURN new; END $$;
  CREATE ${when} ON ${accountsTable} ${how} EXECUTE FUNCTION refuse()`;
const accept = "DROP FUNCTION IF EXISTS refuse() CASCADE";
const closed = "RAISE EXCEPTION 'this row is closed'";

describe("a row that the database refuses fails alone, with its reason", () => {
  inCompany({ customers: 300 });

  test.each([
    ["by a trigger", refuse(closed), "this row is closed"],
    [
      "by a constraint that is checked at the end",
      refuse(closed, "CONSTRAINT TRIGGER refuse AFTER UPDATE", "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"),
      "this row is closed",
    ],
    [
      "by a check",
      `ALTER TABLE ${accountsTable} ADD CONSTRAINT unborn CHECK (label <> 'locked' OR "the status" <> 'active') NOT VALID`,
      'new row for relation "Customer "Accounts"" violates check constraint "unborn"',
    ],
    [
      "without a word",
      refuse("RETURN NULL"),
      "The database did not take the change and gave no reason: a trigger, a rule or a row policy of the table prevents it.",
    ],
  ])("%s", async (_, sql, reason) => {
    const rows = await drifting(30);
    const locked = rows[15] as Discrepancy;
    await company.spoil(idsOf([locked]), "label = 'locked'");
    await company.local.unsafe(sql);
    const bulk = await apply(rows);
    expect(bulk).toMatchObject({ state: "done", applied: 29, failed: 1, stale: 0 });
    expect(await reasons(bulk, rows)).toEqual(rows.map((row) => (row === locked ? reason : null)));
    expect(await company.rows(idsOf([locked]))).toMatchObject([
      { "the status": "past_due", touched: "false" },
    ]);
    expect(await now([locked])).toMatchObject([{ state: "open", version: 1 }]);
    await company.local.unsafe(`${accept}; ALTER TABLE ${accountsTable} DROP CONSTRAINT IF EXISTS unborn`);
  });

  test("by a limit on the time of a statement", async () => {
    const rows = await drifting(3);
    await company.spoil(idsOf(rows).slice(0, 1), "label = 'locked'");
    await company.local.unsafe(refuse("PERFORM pg_sleep(30)"));
    const hasty = new URL(company.variables.LOCAL_DATABASE_URL as string);
    hasty.searchParams.set("options", "-c statement_timeout=300");
    const local = connect(hasty.href);
    try {
      const { id } = await company.decide("apply", rows, fin);
      const bulk = await executeBulk(company.with({ local }), id);
      expect(bulk).toMatchObject({ state: "done", applied: 2, failed: 1 });
      expect((await reasons(bulk, rows))[0]).toBe("canceling statement due to statement timeout");
    } finally {
      await local.end();
      await company.local.unsafe(accept);
    }
  });
});

describe("a mapping that does not fit the table any more", () => {
  inCompany();

  const renamed = (from: string, to: string) => `ALTER TABLE ${accountsTable} RENAME COLUMN ${from} TO ${to}`;
  test.each([
    ["a column that is written", renamed("amount", "sum"), renamed("sum", "amount"), /no column "amount"/],
    ["the key", renamed('"the key"', "k"), renamed("k", '"the key"'), /no column "the key"/],
    ["the match", renamed('"stripe ""id"""', "s"), renamed("s", '"stripe ""id"""'), /stripe "id"/],
    ["what the filter names", renamed("gone", "away"), renamed("away", "gone"), /gone/],
    [
      "the table",
      `ALTER TABLE ${accountsTable} RENAME TO other`,
      `ALTER TABLE "Odd schema".other RENAME TO "Customer ""Accounts"""`,
      /no table/,
    ],
  ])("fails the fixes and says why: without %s", async (_, lose, restore, reason) => {
    const rows = await drifting(3, `"the status" = 'past_due', amount = 1`);
    await company.local.unsafe(lose);
    const bulk = await apply(rows);
    await company.local.unsafe(restore);
    expect(bulk).toMatchObject({ state: "done", applied: 0, failed: 3 });
    for (const told of await reasons(bulk, rows)) expect(told).toMatch(reason);
    expect(await states(rows)).toEqual(["open", "open", "open"]);
  });

  test("corrects the rows that do not need what is gone, and tells a stale one by what is left", async () => {
    const rows = await drifting(3);
    const [needing = ""] = idsOf(rows);
    await company.spoil([needing], "amount = 1");
    await company.reconcile();
    const { id } = await company.decide("apply", await now(rows), fin);
    await company.local.unsafe(renamed("amount", "sum"));
    await company.spoil(idsOf(rows).slice(2), `"the status" = 'unpaid'`);
    const bulk = await executeBulk(company.desk, id);
    await company.local.unsafe(renamed("sum", "amount"));
    expect(bulk).toMatchObject({ state: "done", applied: 1, failed: 1, stale: 1 });
    expect(await now(rows)).toMatchObject([
      { state: "open" },
      { state: "fixed" },
      { state: "open", change: "unpaid → active", fields: [{ name: "the status" }] },
    ]);
  });
});

describe("several at once", () => {
  inCompany({ customers: 150 });

  /** Ends the connections that hold actions' locks. */
  async function loseLocks(): Promise<void> {
    const left = () => company.desk.sql`
      SELECT pg_terminate_backend(l.pid) FROM pg_locks l
      WHERE l.locktype = 'advisory' AND l.granted AND l.objid <> ${gateKey}
        AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())`;
    await expect.poll(left, { interval: 10 }).toHaveLength(0);
  }

  test("a process that lost its lock while it wrote tells nothing twice", async () => {
    const rows = await drifting(4);
    const { id } = await company.decide("apply", rows, fin);
    const gate = await closeGate(company.local, `BEFORE UPDATE ON ${accountsTable} FOR EACH STATEMENT`);
    await company.writes.forget();
    const first = executeBulk(company.desk, id);
    await gate.reached();
    await loseLocks();
    const second = executeBulk(company.desk, id);
    await gate.reached(2);
    await gate.lift();
    await Promise.all([first, second]);
    await gate.remove();
    expect(await getBulk(company.desk.sql, id)).toMatchObject({ state: "done", applied: 4, stale: 0 });
    expect(await states(rows)).toEqual(["fixed", "fixed", "fixed", "fixed"]);
    expect(await company.writes.rows()).toEqual(once(idsOf(rows)));
  });

  test("a lock that is lost with its connection is noticed at the next step, and leaves the action to others", async () => {
    const { desk } = company;
    const steps: string[] = [];
    await whileLocked(desk, 1_000_000, async (lock) => {
      await desk.sql.begin((tx) => lock.stillHeld(tx));
      steps.push("held");
      await whileLocked(desk, 1_000_000, async () => void steps.push("never"));
      await loseLocks();
      await whileLocked(desk, 1_000_000, async () => void steps.push("taken over"));
      await desk.sql.begin((tx) => lock.stillHeld(tx));
      steps.push("never");
    });
    expect(steps).toEqual(["held", "taken over"]);
  });

  test("more actions than the pool has connections all come to their end", async () => {
    const rows = await drifting(30);
    const bulks = await Promise.all(rows.map((row) => company.decide("apply", [row], fin)));
    const ended = await Promise.all(bulks.map((bulk) => executeBulk(company.desk, bulk.id)));
    expect(ended.map((bulk) => bulk.applied)).toEqual(rows.map(() => 1));
  }, 20_000);
});

describe("thousands of rows", () => {
  inCompany({ customers: 4_700 });

  test("five thousand are written by ten statements", async () => {
    const ids = [...company.sandbox.world.subscriptions.keys()].slice(0, 5_000);
    await company.spoil(ids, "amount = coalesce(amount, 0) + 1");
    const rows = await company.reconcile(ids);
    await company.writes.forget();
    expect(await apply(rows)).toMatchObject({ state: "done", total: 5_000, applied: 5_000 });
    expect(await company.writes.statements()).toBe(10);
    expect(await company.writes.rows()).toEqual(once(ids));
  });

  test("of a thousand one is refused, and each of the others is written", async () => {
    const rows = await drifting(1_000);
    await company.spoil(idsOf(rows).slice(500, 501), "label = 'locked'");
    await company.local.unsafe(refuse(closed));
    await company.writes.forget();
    expect(await apply(rows)).toMatchObject({ state: "done", applied: 999, failed: 1 });
    expect(await company.writes.rows()).toEqual(once(idsOf(rows).toSpliced(500, 1)));
    await company.local.unsafe(accept);
  });

  test("an action that is stopped ends what it began, and begins nothing else", async () => {
    const rows = await drifting(1_100);
    const { id } = await company.decide("apply", rows, fin);
    const gate = await closeGate(company.local, `BEFORE UPDATE ON ${accountsTable} FOR EACH STATEMENT`);
    const ending = executeBulk(company.desk, id);
    await gate.reached();
    const intended = async () =>
      (await company.desk.sql`SELECT FROM driftdesk.fixes WHERE bulk_id = ${id} AND state = 'intended'`)
        .length;
    // What is being written, and what comes next.
    await expect.poll(intended, { timeout: 10_000, interval: 10 }).toBe(1_000);
    expect(await cancelBulk(company.desk, id, ada)).toMatchObject({
      state: "cancelled",
      applied: 0,
      skipped: 100,
    });
    await gate.lift();
    await gate.remove();
    expect(await ending).toMatchObject({ state: "cancelled", applied: 1_000, skipped: 100 });
    const left = (await now(rows)).filter((row) => row.state === "open");
    expect(left).toHaveLength(100);
    expect((await states(rows)).filter((state) => state === "fixed")).toHaveLength(1_000);
    expect(await apply(left)).toMatchObject({ state: "done", applied: 100 });
  });
});
