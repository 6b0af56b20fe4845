// Bulk actions as people look at them: what was asked for, what came of each row, what can be undone, and all of it as CSV.
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Accounts, accountsTable, ada, fin, openAccounts, sue } from "../../sandbox/testing-accounts.ts";
import { auditText } from "../audit/sentence.ts";
import type { Discrepancy } from "../db/schema.ts";
import { exportBulk } from "./bulk-export.ts";
import { listResults } from "./bulk-results.ts";
import { bulkDetails, listBulks } from "./bulk-view.ts";
import { executeBulk } from "./execute.ts";
import { requestRevert } from "./revert.ts";
import { previewRevert } from "./revert-preview.ts";

let company: Accounts;
let rows: Discrepancy[];
let bulkId: number;
/** Two corrected, one changed meanwhile, one that is refused, one added, one decided on by somebody else. */
beforeAll(async () => {
  company = await openAccounts({ customers: 120 });
  const ids = company.take(6);
  const [, , changed = "", refused = "", missing = ""] = ids;
  await company.spoil(ids);
  await company.spoil([refused], "label = 'locked'");
  await company.local.unsafe(`
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN IF new.label = 'locked' THEN RAISE EXCEPTION '=this row is closed'; END IF; RETURN new; END $$;
    CREATE TRIGGER refuse BEFORE UPDATE ON ${accountsTable} FOR EACH ROW EXECUTE FUNCTION refuse();
    DELETE FROM ${accountsTable} WHERE "stripe ""id""" = '${missing}'`);
  rows = await company.reconcile(ids);
  ({ id: bulkId } = await company.decide("apply", rows, fin, { reason: "Outage of Tuesday." }));
  await company.spoil([changed], `"the status" = 'unpaid'`);
  await company.decide("reject", rows.slice(5), sue);
  await executeBulk(company.desk, bulkId);
});
afterAll(() => company.close());

const idOf = (n: number) => (rows[n] as Discrepancy).id;
const sql = () => company.desk.sql;

test("an action says who asked for what, and whether it can be undone", async () => {
  expect(await bulkDetails(sql(), bulkId)).toMatchObject({
    kind: "apply",
    state: "done",
    askedBy: "Fin",
    agreedBy: null,
    reason: "Outage of Tuesday.",
    subject: null,
    total: 6,
    applied: 3,
    stale: 1,
    failed: 1,
    skipped: 1,
    undoneBy: [],
    undoable: true,
  });
  expect(await bulkDetails(sql(), 999_999)).toBeNull();
  const [newest, before] = await listBulks(sql(), { limit: 2 });
  expect(newest).toMatchObject({
    kind: "reject",
    total: 1,
    subject: expect.stringMatching(/^Account of cus_/),
  });
  expect(before?.id).toBe(bulkId);
  expect((await listBulks(sql(), { limit: 5, before: bulkId })).map((bulk) => bulk.id)).not.toContain(bulkId);
});

test("each row's result is listed page by page, with what was written and why not", async () => {
  const { results, next } = await listResults(sql(), bulkId, { limit: 10 });
  expect(next).toBeNull();
  const by = (n: number) => results.find((result) => result.discrepancyId === idOf(n));
  const change = [{ name: "the status", from: "past_due", to: "active" }];
  expect(by(0)).toMatchObject({
    outcome: "applied",
    message: null,
    changes: change,
    added: false,
    undone: false,
  });
  expect(by(2)).toMatchObject({
    outcome: "stale",
    changes: change,
    message: "Somebody changed the status in the meantime; it was not overwritten.",
  });
  expect(by(3)).toMatchObject({ outcome: "failed", message: "=this row is closed" });
  expect(by(4)).toMatchObject({ outcome: "applied", added: true });
  expect(by(5)).toMatchObject({ outcome: "skipped", fixId: null, changes: change });

  const seen: number[] = [];
  for (let after: number | null = 0; after !== null; ) {
    const page = await listResults(sql(), bulkId, { limit: 4, after });
    seen.push(...page.results.map((result) => result.discrepancyId));
    after = page.next;
  }
  expect(seen).toEqual(rows.map((row) => row.id).sort((a, b) => a - b));
  const failed = await listResults(sql(), bulkId, { limit: 10, outcome: "failed" });
  expect(failed.results.map((result) => result.discrepancyId)).toEqual([idOf(3)]);
  expect((await listResults(sql(), bulkId, { limit: 10, outcome: "left" })).results).toEqual([]);
});

test("results are handed out as CSV that no spreadsheet runs, to whoever may have them, and that is history", async () => {
  const collect = async (outcome?: "failed") => {
    let text = "";
    for await (const piece of await exportBulk(company.desk, { bulkId, outcome }, fin)) text += piece;
    return text;
  };
  await expect(exportBulk(company.desk, { bulkId }, sue)).rejects.toThrow("may not export");
  await expect(exportBulk(company.desk, { bulkId: 999_999 }, fin)).rejects.toThrow("no bulk action 999999");
  const all = await collect();
  expect(all.split("\n")[0]).toBe(
    "discrepancy,account,resource,label,stripeId,localKey,outcome,message,changes,fix,undone",
  );
  expect(all).toContain("the status: past_due → active");
  const failed = (await collect("failed")).trim().split("\n");
  expect(failed).toHaveLength(2);
  expect(failed[1]).toContain(",failed,'=this row is closed,");
  const [entry] = await company.desk.sql`
    SELECT actor, action, data, bulk_id AS "bulkId" FROM driftdesk.audit_entries
    WHERE action = 'audit.exported' ORDER BY seq DESC LIMIT 1`;
  expect(auditText(entry as never)).toBe(`${fin.email} exported the results of bulk ${bulkId} as CSV`);
});

test("before anything is undone, it is said what would be, and afterwards what was", async () => {
  const preview = await previewRevert(company.desk, { bulk: bulkId });
  expect(preview).toMatchObject({
    undoable: 2,
    skipped: [{ count: 1, reason: expect.stringContaining("Driftdesk deletes none") }],
    byChange: [{ change: "active → past_due", count: 2 }],
    touched: [{ table: 'Odd schema.Customer "Accounts"', columns: ["the status"], count: 2 }],
    changesMoney: false,
    needsSecondPerson: false,
  });
  expect(preview.samples.map(({ changes }) => changes)).toEqual([
    [{ name: "the status", from: "active", to: "past_due" }],
    [{ name: "the status", from: "active", to: "past_due" }],
  ]);
  const request = { undo: { bulk: bulkId }, requestKey: "undo the outage" };
  const undoing = await requestRevert(company.desk, request, ada);
  await executeBulk(company.desk, undoing.id);
  expect(await bulkDetails(sql(), bulkId)).toMatchObject({
    undoneBy: [{ id: undoing.id, state: "done" }],
    undoable: false,
  });
  expect(await bulkDetails(sql(), undoing.id)).toMatchObject({
    kind: "revert",
    reverts: bulkId,
    undoable: false,
  });
  const { results } = await listResults(sql(), bulkId, { limit: 10, outcome: "applied" });
  expect(results.map(({ undone, added }) => ({ undone, added }))).toEqual(
    expect.arrayContaining([
      { undone: true, added: false },
      { undone: false, added: true },
    ]),
  );
  const back = await listResults(sql(), undoing.id, { limit: 10, outcome: "applied" });
  expect(back.results[0]).toMatchObject({
    changes: [{ name: "the status", from: "active", to: "past_due" }],
  });
  expect(await previewRevert(company.desk, { bulk: bulkId })).toMatchObject({ undoable: 0 });
});
