// What is corrected by itself at the end of a run: exactly what the mapping leaves to nobody, as an action like a person's.
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import policiesConfig from "../../sandbox/policies.config.ts";
import { attemptRun, bringToEnd, kill } from "../../sandbox/storm/attempt.ts";
import { type Accounts, accountsTable, ada, fin, openAccounts, sue } from "../../sandbox/testing-accounts.ts";
import { closeGate, type Place } from "../../sandbox/testing-writes.ts";
import { auditText } from "../audit/sentence.ts";
import type { Field, Resource } from "../config/resource.ts";
import type { RunMode, Targets } from "../db/schema.ts";
import { type Desk, systemActor } from "../desk.ts";
import { executeRun } from "../reconcile/run.ts";
import { type RunView, requestRun, runSummary } from "../reconcile/runs.ts";
import { cancelBulk, getBulk } from "./bulk.ts";
import { executeBulk } from "./execute.ts";
import { requestRevert } from "./revert.ts";

let company: Accounts;
beforeAll(async () => {
  company = await openAccounts({ customers: 200, config: policiesConfig });
  // What is compared with has to be known before anything is looked at by itself.
  await run();
});
afterAll(() => company.close());
afterEach(() => company.tellsTheWholeStory());

async function run(mode: RunMode = "full", desk: Desk = company.desk, targets?: Targets): Promise<RunView> {
  const request = { mode, targets, trigger: "command", actor: systemActor } as const;
  return executeRun(desk, (await requestRun(desk, request)).run.id);
}

/** The mapping changed: its resource, or its fields by their columns. */
function mapped(change: Partial<Resource>, fields: Record<string, Partial<Field>> = {}): Desk {
  const { config } = company.desk;
  const [resource] = config.resources as [Resource];
  const changed = resource.fields.map((field) => ({ ...field, ...fields[field.column] }));
  return company.with({ config: { ...config, resources: [{ ...resource, fields: changed, ...change }] } });
}

const states = async (ids: readonly string[]) =>
  (await company.found(ids)).map(({ state, decidedBy }) => `${state}${decidedBy ? ` by ${decidedBy}` : ""}`);
const statuses = async (ids: readonly string[]) => (await company.rows(ids)).map((row) => row["the status"]);
/** Leaves no open difference behind. */
async function mend(ids: readonly string[]): Promise<void> {
  await company.local.unsafe(`DELETE FROM ${accountsTable} WHERE "stripe ""id""" = ANY($1::text[])`, [
    [...ids],
  ]);
  await company.desk.sql`
    UPDATE driftdesk.discrepancies SET state = 'rejected' WHERE stripe_id = ANY(${[...ids]}::text[])`;
}

test("a run corrects what nobody has to decide about, and says so everywhere", async () => {
  const [one, two] = company.take(2) as [string, string];
  await company.spoil([one, two]);
  const ended = await run();
  expect(ended).toMatchObject({ state: "succeeded", resources: [{ mismatch: 2, fixed: 2, heldBack: null }] });
  expect(runSummary(ended).resources.subscriptions).toMatchObject({ mismatch: 2, fixed: 2 });
  expect(await statuses([one, two])).toEqual(["active", "active"]);
  expect(await states([one, two])).toEqual(["fixed by policy", "fixed by policy"]);
  const [{ bulkId } = { bulkId: null }] = await company.found([one]);
  expect(await getBulk(company.desk.sql, bulkId as number)).toMatchObject({
    kind: "apply",
    state: "done",
    runId: ended.id,
    requestedBy: "policy",
    reason: `policy of subscriptions.the status, run ${ended.id}`,
    total: 2,
    applied: 2,
  });
  const entries = await company.desk.sql`
    SELECT actor, action, subject, data, bulk_id AS "bulkId", run_id AS "runId", resource
    FROM driftdesk.audit_entries WHERE run_id = ${ended.id} AND actor = 'policy' ORDER BY seq`;
  const [subject] = (await company.rows([one])).map((row) => row.label);
  const why = `(bulk ${bulkId}, “policy of subscriptions.the status, run ${ended.id}”)`;
  expect(entries.map((entry) => auditText(entry as never))).toEqual(
    expect.arrayContaining([
      `The policy corrected ${subject}: the status past_due → active ${why}`,
      `The policy ended bulk ${bulkId}: 2 done`,
    ]),
  );
  expect((await run()).resources[0]).toMatchObject({ mismatch: 0, fixed: 0 });
});

test("what changed, and what somebody asks about, is corrected too", async () => {
  const [one, two] = company.take(2) as [string, string];
  await run("incremental");
  await company.spoil([one], `"the status" = 'past_due', "Updated At" = now()`);
  expect(await run("incremental")).toMatchObject({
    mode: "incremental",
    resources: [{ mismatch: 1, fixed: 1 }],
  });
  await company.spoil([two]);
  expect(await run("targeted", company.desk, { ids: [two] })).toMatchObject({ resources: [{ fixed: 1 }] });
  expect(await statuses([one, two])).toEqual(["active", "active"]);
});

test("a record waits for a person as a whole where anything of it does", async () => {
  const [both, amount, plain] = company.take(3) as [string, string, string];
  await company.spoil([both], `"the status" = 'past_due', amount = amount + 100`);
  await company.spoil([amount], "amount = amount + 100");
  await company.spoil([plain], "note = 'somebody else'");
  const [before] = await company.rows([both]);
  expect(await run()).toMatchObject({ resources: [{ mismatch: 3, fixed: 1, heldBack: null }] });
  expect(await states([both, amount, plain])).toEqual(["open", "open", "fixed by policy"]);
  expect(await company.rows([both])).toEqual([before]);
  await mend([both, amount]);
});

test("what a person has decided otherwise, has in hand or has undone is left to people", async () => {
  const ids = company.take(4);
  const [rejected, snoozed, inHand, undone] = ids as [string, string, string, string];
  await company.spoil([undone]);
  expect(await run()).toMatchObject({ resources: [{ mismatch: 1, fixed: 1 }] });
  const [{ bulkId } = { bulkId: 0 }] = await company.found([undone]);
  const undo = { undo: { bulk: bulkId as number }, requestKey: "it was meant to be so" };
  const undoing = await requestRevert(company.desk, undo, fin);
  expect(await executeBulk(company.desk, undoing.id)).toMatchObject({ state: "done", applied: 1 });
  await company.spoil([rejected, snoozed, inHand]);
  const review = mapped({}, { "the status": { policy: "review" } });
  await run("full", review);
  const of = async (id: string) => (await company.found([id])).slice(0, 1);
  await company.decide("reject", await of(rejected), sue);
  await company.decide("snooze", await of(snoozed), sue);
  const bulk = await company.decide("apply", await of(inHand), fin);
  expect(await run()).toMatchObject({ state: "succeeded", resources: [{ mismatch: 4, fixed: 0 }] });
  expect(await statuses(ids)).toEqual(Array(4).fill("past_due"));
  expect(await executeBulk(company.desk, bulk.id)).toMatchObject({ applied: 1 });
  expect(await states(ids)).toEqual([
    `rejected by ${sue.email}`,
    `snoozed by ${sue.email}`,
    `fixed by ${fin.email}`,
    `open by ${fin.email}`,
  ]);
  await mend([rejected, snoozed, undone]);
});

test("rows that cannot be read, and several rows of one object, are left to people", async () => {
  const [broken, twice] = company.take(2) as [string, string];
  await company.spoil([broken, twice]);
  await company.local.unsafe(
    `INSERT INTO ${accountsTable} ("stripe ""id""", "the status") VALUES ($1, 'past_due')`,
    [twice],
  );
  const renews = {
    from: (s: { id: string }) => {
      if (s.id === broken) throw new Error("no such thing");
      return new Date(0);
    },
    policy: "review",
  } as const;
  const ended = await run("full", mapped({}, { renews }));
  expect(ended.resources[0]).toMatchObject({ duplicate: 2, rowErrors: 1, fixed: 0 });
  expect(await statuses([broken])).toEqual(["past_due"]);
  await mend([broken, twice]);
});

test("rows are added, and those that Stripe does not know are set, only where each column may be written", async () => {
  const [gone] = company.take(1) as [string];
  await mend([gone]);
  await company.desk.sql`UPDATE driftdesk.discrepancies SET state = 'open' WHERE stripe_id = ${gone}`;
  await company.local.unsafe(
    `INSERT INTO ${accountsTable} ("stripe ""id""", "the status", renews) VALUES ('sub_unknown', 'active', now())`,
  );
  // The new row has an amount.
  const half = mapped({}, { renews: { policy: "review" } });
  expect(await run("full", half)).toMatchObject({ resources: [{ missingInStripe: 1, fixed: 0 }] });
  expect(await states(["sub_unknown"])).toEqual(["open"]);
  expect(await run()).toMatchObject({ resources: [{ missingInStripe: 1, fixed: 1 }] });
  expect(await statuses(["sub_unknown"])).toEqual(["canceled"]);
  const noAmount = { amount: { money: false, policy: "auto" } } as const;
  expect(await run("full", mapped({ policy: "review" }, noAmount))).toMatchObject({
    resources: [{ fixed: 0 }],
  });
  expect(await company.rows([gone])).toEqual([]);
  expect((await run("full", mapped({}, noAmount))).resources[0]?.fixed).toBeGreaterThan(0);
  expect(await statuses([gone])).toEqual(["active"]);
});

test("above the limit nothing is corrected, neither at once nor bit by bit, until people have decided", async () => {
  const ids = company.take(41);
  const [first] = ids as [string];
  await company.spoil(ids);
  const held = await run();
  const why = "41 records would be corrected, and the limit is 40.";
  expect(held).toMatchObject({ state: "succeeded", resources: [{ mismatch: 41, fixed: 0, heldBack: why }] });
  const told = async () =>
    (
      await company.desk.sql`
      SELECT actor, action, resource, data, run_id AS "runId" FROM driftdesk.audit_entries
      WHERE action = 'policy.held_back' ORDER BY seq`
    ).map((entry) => auditText(entry as never));
  expect(await told()).toEqual([
    `The policy corrected nothing by itself in subscriptions: 41 rows wait for a person. ${why}`,
  ]);
  // Each of these sees a few of them only.
  expect(await run("targeted", company.desk, { ids: [first] })).toMatchObject({
    resources: [{ mismatch: 1, fixed: 0, heldBack: why }],
  });
  await company.spoil([first], `"the status" = 'unpaid', "Updated At" = now()`);
  expect(await run("incremental")).toMatchObject({
    mode: "incremental",
    resources: [{ fixed: 0, heldBack: why }],
  });
  // One that saw none of it tells nothing new.
  expect(await run("incremental")).toMatchObject({ resources: [{ mismatch: 0, heldBack: why }] });
  expect(await told()).toHaveLength(3);
  expect(new Set(await states(ids))).toEqual(new Set(["open"]));

  await executeBulk(company.desk, (await company.decide("apply", await company.found(ids.slice(1)), ada)).id);
  expect(await run()).toMatchObject({ resources: [{ mismatch: 1, fixed: 1, heldBack: null }] });
  expect(new Set(await statuses(ids))).toEqual(new Set(["active"]));
});

test("a person can stop what a policy does, and the run says what was corrected by then", async () => {
  const ids = company.take(3);
  await company.spoil(ids);
  const gate = await closeGate(company.owner, "AFTER INSERT ON driftdesk.fixes FOR EACH STATEMENT", 1);
  const running = run();
  await gate.reached();
  const [{ id } = { id: 0 }] = await company.desk.sql<{ id: number }[]>`
    SELECT id FROM driftdesk.bulk_actions WHERE state = 'running'`;
  const stopping = cancelBulk(company.desk, id, ada);
  await gate.lift();
  await gate.remove();
  expect(await stopping).toMatchObject({ requestedBy: "policy", total: 3 });
  const { fixed } = (await running).resources[0] ?? {};
  expect((await getBulk(company.desk.sql, id))?.applied).toBe(fixed);
  await mend(ids);
});

describe("several processes", () => {
  const configFile = join(import.meta.dirname, "../../sandbox/policies.config.ts");
  const child = (id: number) =>
    attemptRun(id, {
      variables: { DRIFTDESK_CONFIG: configFile, ...company.variables },
      now: company.desk.now(),
      leaseMs: 500,
    });
  let ids: string[];
  beforeAll(() => {
    ids = company.take(9);
  });
  const request = async () => {
    await company.spoil(ids);
    await company.writes.forget();
    return (await requestRun(company.desk, { mode: "full", trigger: "command", actor: systemActor })).run.id;
  };
  async function endsWell(id: number): Promise<void> {
    const bulks = await company.desk.sql`
      SELECT state, total, applied FROM driftdesk.bulk_actions WHERE run_id = ${id}`;
    expect([...bulks]).toEqual([{ state: "done", total: 9, applied: 9 }]);
    const [own] = await company.desk.sql`
      SELECT r.state, s.mismatch, s.fixed FROM driftdesk.runs r JOIN driftdesk.run_resources s ON s.run_id = r.id
      WHERE r.id = ${id}`;
    expect(own).toEqual({ state: "succeeded", mismatch: 9, fixed: 9 });
    expect(await company.writes.rows()).toEqual(new Map(ids.map((one) => [one, 1])));
    expect(new Set(await states(ids))).toEqual(new Set(["fixed by policy"]));
  }

  test("end a run together, when everything is corrected, once", async () => {
    const id = await request();
    const gate = await closeGate(company.owner, "AFTER INSERT ON driftdesk.fixes FOR EACH STATEMENT", 1);
    const first = executeRun(company.desk, id);
    await gate.reached();
    // One that only helps has nothing to do; one that stays waits with the first.
    expect(await executeRun(company.desk, id, { onlyHelp: true })).toMatchObject({ state: "running" });
    const second = executeRun(company.desk, id);
    await gate.lift();
    await gate.remove();
    expect(await first).toMatchObject({ state: "succeeded" });
    expect(await second).toMatchObject({ state: "succeeded" });
    await endsWell(id);
  });

  test.each<[string, Place]>([
    ["while it decides", "AFTER INSERT ON driftdesk.bulk_actions FOR EACH STATEMENT"],
    ["before it tells what it wrote", "BEFORE UPDATE ON driftdesk.fixes FOR EACH STATEMENT"],
    ["before the run is over", "BEFORE DELETE ON driftdesk.run_processes FOR EACH STATEMENT"],
  ])("one is killed %s, and the next one goes on", async (_, place) => {
    const id = await request();
    const gate = await closeGate(company.owner, place, 1);
    const killed = child(id);
    await gate.reached();
    await kill(killed);
    await gate.lift();
    await gate.remove();
    await bringToEnd(company.desk.sql, id, () => child(id));
    await endsWell(id);
  });
});
