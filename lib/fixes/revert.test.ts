// Undoing what was applied: the rows say again what they said before, and what somebody changed since is left alone.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
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
import type { BulkAction, Discrepancy } from "../db/schema.ts";
import type { Actor, Desk } from "../desk.ts";
import { bulkProblems, cancelBulk, getBulk } from "./bulk.ts";
import { executeBulk } from "./execute.ts";
import { requestRevert, type UndoneSelection } from "./revert.ts";
import { approveBulk, waitingBulks } from "./second-person.ts";

let company: Accounts;
afterEach(() => company.tellsTheWholeStory());

async function drifting(count: number, assignment?: string): Promise<Discrepancy[]> {
  const ids = company.take(count);
  await company.spoil(ids, assignment);
  return company.reconcile(ids);
}
const idsOf = (rows: readonly Discrepancy[]) => rows.map((row) => row.stripeId as string);
const now = (rows: readonly Discrepancy[]) => company.found(idsOf(rows));
const states = async (rows: readonly Discrepancy[]) => (await now(rows)).map((row) => row.state);
const rowsOf = (rows: readonly Discrepancy[]) => company.rows(idsOf(rows));
const apply = async (rows: readonly Discrepancy[], actor = fin): Promise<BulkAction> =>
  executeBulk(company.desk, (await company.decide("apply", await now(rows), actor)).id);
async function fixesOf(rows: readonly Discrepancy[]): Promise<number[]> {
  const fixes = await company.desk.sql<{ id: number }[]>`
    SELECT max(f.id) AS id FROM unnest(${rows.map((row) => row.id)}::bigint[]) WITH ORDINALITY AS given (id, n)
    JOIN driftdesk.fixes f ON f.discrepancy_id = given.id AND f.action <> 'revert'
    GROUP BY given.n ORDER BY given.n`;
  return fixes.map((fix) => fix.id);
}
let keys = 0;
const ask = (undo: UndoneSelection, actor: Actor = fin, more: { reason?: string; desk?: Desk } = {}) => {
  keys += 1;
  const { desk = company.desk, reason } = more;
  return requestRevert(desk, { undo, reason, requestKey: `undoing ${keys}` }, actor);
};
const revert = async (...given: Parameters<typeof ask>) =>
  executeBulk(company.desk, (await ask(...given)).id);
async function reasons(bulk: BulkAction, rows: readonly Discrepancy[]): Promise<(string | null)[]> {
  const told = await bulkProblems(company.desk.sql, bulk.id, 10_000);
  return rows.map((row) => told.find((one) => one.discrepancyId === row.id)?.message ?? null);
}
const refused = (code: string) => expect.objectContaining({ code });
const withLimit = (secondPersonAbove: number): Desk =>
  company.with({
    config: { ...company.desk.config, fixes: { ...company.desk.config.fixes, secondPersonAbove } },
  });
async function toldSince(seq: number): Promise<string[]> {
  const rows = await company.desk.sql<{ action: string }[]>`
    SELECT action FROM driftdesk.audit_entries WHERE seq > ${seq} AND action LIKE 'discrepancy.%' ORDER BY seq`;
  return rows.map((row) => row.action);
}
const lastSeq = async () => (await company.desk.sql`SELECT seq FROM driftdesk.audit_head`)[0]?.seq as number;

describe.each([1, 2] as const)("with %i database(s)", (databases) => {
  beforeAll(async () => {
    company = await openAccounts({ databases, customers: 300 });
  });
  afterAll(() => company.close());

  test("all that a bulk action wrote is undone, and what somebody changed since is left alone with what it says", async () => {
    const rows = await drifting(
      8,
      `"the status" = 'past_due', amount = 7, price = 0.07, renews = NULL, plan = '{"seats": 99}', note = 'x'`,
    );
    const before = await rowsOf(rows);
    const bulk = await apply(rows);
    expect(bulk).toMatchObject({ state: "done", applied: 8 });
    const [edited = "", renamed = "", deleted = "", handedOn = "", both = ""] = idsOf(rows);
    await company.spoil([edited], `"the status" = 'unpaid'`);
    await company.spoil([renamed], "label = 'renamed'");
    await company.local.unsafe(`DELETE FROM ${accountsTable} WHERE "stripe ""id""" = $1`, [deleted]);
    await company.spoil([handedOn], `"stripe ""id""" = 'sub_other'`);
    await company.spoil([both], `amount = NULL, note = '${"long ".repeat(30)}'`);
    // Seen too long ago to apply anything by it: what undoing restores is not a question for Stripe.
    company.pass(20 * 60_000);

    const undoing = await revert({ bulk: bulk.id }, flo, { reason: "They are on another plan." });
    expect(undoing).toMatchObject({
      kind: "revert",
      state: "done",
      reverts: bulk.id,
      total: 8,
      applied: 4,
      stale: 4,
    });
    expect(await reasons(undoing, rows)).toEqual([
      "Somebody changed it after the correction: the status says “unpaid” by now, not “active”. It was left alone.",
      null,
      "The row is gone.",
      "The row belongs to somebody else now, or the mapping's filter leaves it out.",
      expect.stringMatching(
        /: note says “long .{55}…” by now, not .*; amount says nothing by now, not “\d+”/,
      ),
      null,
      null,
      null,
    ]);
    const undone = [1, 5, 6, 7];
    const after = await rowsOf(rows);
    for (const i of undone)
      expect(after.find((row) => row['stripe "id"'] === idsOf(rows)[i])).toEqual({
        ...before[i],
        touched: "true",
        label: i === 1 ? "renamed" : before[i]?.label,
      });
    expect(await states(rows)).toEqual(["fixed", "open", "fixed", "fixed", "fixed", "open", "open", "open"]);
    expect((await now(rows))[5]).toMatchObject({
      version: 2,
      fields: rows[5]?.fields,
      change: rows[5]?.change,
      decidedBy: flo.email,
      decisionReason: "They are on another plan.",
      bulkId: undoing.id,
      changedAt: company.desk.now(),
      closedAt: null,
    });
    // The next run has nothing to add about them.
    const seq = await lastSeq();
    await company.reconcile();
    expect((await toldSince(seq)).filter((action) => action === "discrepancy.changed")).toEqual([]);
    expect((await states(rows))[5]).toBe("open");
    // And they can be corrected again.
    expect(await apply(rows.filter((_, i) => undone.includes(i)))).toMatchObject({ applied: 4 });
  });

  test("what the database holds otherwise than it was written is undone all the same", async () => {
    const rows = await drifting(2, `price = 1.5, plan = '{"seats":1}'`);
    const before = await rowsOf(rows);
    await apply(rows);
    // As the mapping writes them, and as numeric(10,2) does not keep them.
    await company.desk.sql`
      UPDATE driftdesk.fixes SET expected = expected || jsonb_build_object('price', (expected ->> 'price') || '000')
      WHERE id = ANY(${await fixesOf(rows)}::bigint[])`;
    expect(await revert({ fixes: await fixesOf(rows) })).toMatchObject({ applied: 2, stale: 0 });
    expect(await rowsOf(rows)).toEqual(before.map((row) => ({ ...row, touched: "true" })));
  });
});

describe("undoing", () => {
  beforeAll(async () => {
    company = await openAccounts({ customers: 400 });
  });
  afterAll(() => company.close());

  test("happens once, however often and by whomever it is asked for", async () => {
    const rows = await drifting(3);
    const bulk = await apply(rows);
    await company.writes.forget();
    const key = { undo: { bulk: bulk.id }, requestKey: "one click, twice" };
    const [first, second] = await Promise.all([1, 2].map(() => requestRevert(company.desk, key, fin)));
    expect(second?.id).toBe(first?.id);
    const [third, fourth] = [
      await ask({ bulk: bulk.id }, flo),
      await ask({ fixes: await fixesOf(rows) }, ada),
    ];
    await Promise.all([first, third, fourth].map((one) => executeBulk(company.desk, one?.id as number)));
    const ended = await Promise.all(
      [first, third, fourth].map((one) => getBulk(company.desk.sql, one?.id as number)),
    );
    expect(ended.reduce((sum, one) => sum + (one?.applied ?? 0), 0)).toBe(3);
    expect(await company.writes.rows()).toEqual(new Map(idsOf(rows).map((id) => [id, 1])));
    await expect(ask({ bulk: bulk.id })).rejects.toThrow("There is nothing to undo. It is undone already.");
  });

  test("is not for what was added, refused, undone before, or corrected again since", async () => {
    const ids = company.take(1);
    await company.local.unsafe(`DELETE FROM ${accountsTable} WHERE "stripe ""id""" = ANY($1::text[])`, [ids]);
    const [added] = (await company.reconcile(ids)) as [Discrepancy];
    const [refusedRow, again] = (await drifting(2)) as [Discrepancy, Discrepancy];
    await company.spoil(idsOf([refusedRow]), `"the status" = 'unpaid'`);
    const mixed = await company.decide("apply", [added, refusedRow, again], fin);
    const first = await executeBulk(company.desk, mixed.id);
    expect(first).toMatchObject({ applied: 2, stale: 1 });
    const [insertFix, , firstFix] = (await fixesOf([added, refusedRow, again])) as [number, number, number];
    await expect(ask({ fixes: [insertFix] })).rejects.toThrow("Driftdesk deletes none");
    await expect(ask({ fixes: await fixesOf([refusedRow]) })).rejects.toThrow(
      "nothing to undo. It was not applied",
    );
    await expect(ask({ fixes: [999_999] })).rejects.toThrow(refused("fix_unknown"));

    // Somebody breaks it again in the same way, and it is corrected again.
    await company.spoil(idsOf([again]), `"the status" = 'past_due'`);
    await company.reconcile();
    const second = await apply([again]);
    await expect(ask({ fixes: [firstFix] })).rejects.toThrow(
      "It was corrected again since. Undo that first.",
    );
    const undoing = await revert({ bulk: second.id });
    expect(undoing).toMatchObject({ applied: 1 });
    await expect(ask({ bulk: undoing.id })).rejects.toThrow(refused("bulk_not_revertible"));
    // The first one wrote what is not there any more.
    expect(await revert({ bulk: first.id })).toMatchObject({ total: 2, applied: 0, stale: 1, skipped: 1 });
    expect(await company.rows(ids)).toHaveLength(1);
    expect(await states([added, again])).toEqual(["fixed", "open"]);
  });

  test("takes the rights that applying takes, and a second person where many are undone", async () => {
    const [plain, money] = [await drifting(3), await drifting(2, "amount = amount + 100, price = price + 1")];
    const bulk = await apply([...plain, ...money]);
    const [one = 0] = await fixesOf(plain);
    const [amount = 0] = await fixesOf(money);
    await expect(ask({ fixes: [one] }, vera)).rejects.toThrow(refused("not_allowed"));
    await expect(ask({ fixes: [amount] }, sue)).rejects.toThrow("may not change amounts of money");
    await expect(ask({ bulk: bulk.id }, sue)).rejects.toThrow("may not decide on many differences at once");
    expect(await revert({ fixes: [one] }, sue)).toMatchObject({ applied: 1, requestedBy: sue.email });
    await company.writes.forget();

    const desk = withLimit(3);
    const waiting = await ask({ bulk: bulk.id }, fin, { desk });
    expect(waiting).toMatchObject({ state: "waiting", total: 5, skipped: 1 });
    expect((await waitingBulks(desk, ada)).map(({ bulk }) => bulk.id)).toEqual([waiting.id]);
    expect(await executeBulk(desk, waiting.id)).toMatchObject({ state: "waiting", applied: 0 });
    await expect(approveBulk(desk, waiting.id, fin)).rejects.toThrow(refused("second_person_needed"));
    expect(await states(plain)).toEqual(["open", "fixed", "fixed"]);
    expect(await cancelBulk(desk, waiting.id, fin)).toMatchObject({ state: "cancelled", skipped: 5 });
    expect(await company.writes.rows()).toEqual(new Map());
    expect(await states(plain)).toEqual(["open", "fixed", "fixed"]);

    const again = await ask({ bulk: bulk.id }, fin, { desk });
    await approveBulk(desk, again.id, flo);
    expect(await executeBulk(desk, again.id)).toMatchObject({
      state: "done",
      applied: 4,
      approvedBy: flo.email,
    });
  });

  test("also works where runs have found other values since, and then goes by these", async () => {
    const rows = await drifting(3);
    const [moved = "", , healed = ""] = idsOf(rows);
    const bulk = await apply(rows);
    company.change(moved, { status: "unpaid" });
    company.change(healed, { status: "past_due" });
    expect(await company.reconcile(idsOf(rows))).toMatchObject([
      { state: "open", change: "active → unpaid" },
      { state: "fixed" },
      { state: "open", change: "active → past_due" },
    ]);
    await company.decide("reject", (await now(rows)).slice(2), fin);
    expect(await revert({ bulk: bulk.id })).toMatchObject({ applied: 3 });
    const seq = await lastSeq();
    expect(await now(rows)).toMatchObject([
      { state: "open", change: "past_due → unpaid", observed: { "the status": "past_due" } },
      { state: "open", change: "past_due → active" },
      // Both sides say the same.
      { state: "resolved" },
    ]);
    await company.reconcile();
    expect(await toldSince(seq)).toEqual([]);
    for (const id of [moved, healed]) company.change(id, { status: "active" });
    await company.reconcile();
  });

  test("what is rejected or snoozed stays so where its row is left alone", async () => {
    const rows = await drifting(2);
    const bulk = await apply(rows);
    await company.spoil(idsOf(rows), `"the status" = 'unpaid'`);
    await company.reconcile();
    await company.decide("reject", (await now(rows)).slice(0, 1), fin);
    await company.decide("snooze", (await now(rows)).slice(1), fin);
    const before = await now(rows);
    expect(await revert({ bulk: bulk.id })).toMatchObject({ applied: 0, stale: 2 });
    expect(await now(rows)).toEqual(before);
  });

  test("leaves a mark that goes when the values change, or somebody corrects it again", async () => {
    const marks = async (rows: readonly Discrepancy[]) =>
      (
        await company.desk.sql<{ marked: boolean }[]>`
          SELECT d.reverted_at IS NOT NULL AS marked
          FROM unnest(${rows.map((row) => row.id)}::bigint[]) WITH ORDINALITY AS given (id, n)
          JOIN driftdesk.discrepancies d ON d.id = given.id ORDER BY given.n`
      ).map((row) => row.marked);
    const rows = await drifting(3);
    const bulk = await apply(rows);
    await revert({ bulk: bulk.id });
    await company.reconcile();
    expect(await marks(rows)).toEqual([true, true, true]);
    const [corrected, changed] = rows as [Discrepancy, Discrepancy];
    await apply([corrected]);
    await company.spoil(idsOf([changed]), `"the status" = 'unpaid'`);
    await company.reconcile();
    expect(await marks(rows)).toEqual([false, false, true]);
  });

  test("is for what has ended: an action under way is stopped first", async () => {
    const rows = await drifting(2);
    const bulk = await company.decide("apply", rows, fin);
    await expect(ask({ bulk: bulk.id })).rejects.toThrow(refused("bulk_under_way"));
    await expect(ask({ bulk: 999_999 })).rejects.toThrow(refused("bulk_unknown"));
    await cancelBulk(company.desk, bulk.id, fin);
    await expect(ask({ bulk: bulk.id })).rejects.toThrow("Nothing was applied");
  });

  test("a mapping that has lost a column fails it and says why", async () => {
    const rows = await drifting(2, "amount = 1");
    const bulk = await apply(rows);
    await company.local.unsafe(`ALTER TABLE ${accountsTable} RENAME COLUMN amount TO sum`);
    const undoing = await revert({ bulk: bulk.id });
    await company.local.unsafe(`ALTER TABLE ${accountsTable} RENAME COLUMN sum TO amount`);
    expect(undoing).toMatchObject({ state: "done", applied: 0, failed: 2 });
    expect((await reasons(undoing, rows))[0]).toMatch(/no column "amount"/);
    expect(await states(rows)).toEqual(["fixed", "fixed"]);
    expect(await revert({ bulk: bulk.id })).toMatchObject({ applied: 2 });
  });
});
