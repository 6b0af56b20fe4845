// What happens to a run that more than one process, or more than one attempt, has to do with.
import { afterEach, expect, test } from "vitest";
import type { TestDesk } from "../../sandbox/testing.ts";
import { mirrorNow, openMirror } from "../../sandbox/testing-mirror.ts";
import { gated, request } from "../../sandbox/testing-runs.ts";
import { verifyAudit } from "../audit/verify.ts";
import type { StripeType } from "../config/resource.ts";
import { connect } from "../db/connect.ts";
import { systemActor } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";
import { executeRun } from "./run.ts";
import { cancelRun, getRun, requestRun } from "./runs.ts";

let opened: TestDesk | undefined;
afterEach(async () => {
  await opened?.close();
  opened = undefined;
});

/** A company with two differences: one row is wrong, one is of nobody whom Stripe knows. */
async function open(): Promise<TestDesk> {
  opened = await openMirror(300);
  await opened.local`UPDATE accounts SET status = 'nonsense' WHERE id = 1`;
  await opened.local`INSERT INTO people (stripe_id) VALUES ('cus_nobody')`;
  return opened;
}

const found = async (t: TestDesk) =>
  (
    await t.desk.sql<{ line: string }[]>`
      SELECT concat_ws(' ', resource, kind, local_key, state) AS line FROM driftdesk.discrepancies ORDER BY 1`
  ).map((row) => row.line);
const bothDifferences = async (t: TestDesk) => [
  `customers missing_in_stripe ${(await t.local`SELECT max(id) AS id FROM people`)[0]?.id} open`,
  "subscriptions mismatch 1 open",
];
/** As if the process that works on the run had not been heard of for long. */
async function expire(t: TestDesk): Promise<void> {
  for (const table of ["leases", "run_processes"])
    await t.desk.sql`
      UPDATE ${t.desk.sql(`driftdesk.${table}`)} SET expires_at = clock_timestamp() - interval '1 second'`;
}
/** Not before the test is over does it say again that it is there. */
const asleep = { leaseMs: 600_000 };

test.each([
  ["reading pages", (call: string, count: number) => call === "list" && count > 2],
  ["asking a second time", (call: string) => call === "retrieve"],
])(
  "a process that sleeps while %s, and wakes when another has ended the run, changes nothing and finds it ended",
  async (_, which) => {
    const t = await open();
    const id = await request(t.desk);
    const gate = gated(t.desk.stripe, which);
    const sleeper = executeRun(t.with({ stripe: gate.stripe }), id, asleep);
    await gate.reached;
    await expire(t);
    expect(await executeRun(t.desk, id)).toMatchObject({ state: "succeeded", attempts: 2 });
    const before = await found(t);
    expect(before).toEqual(await bothDifferences(t));
    gate.open();
    expect(await sleeper).toMatchObject({ state: "succeeded", attempts: 2 });
    expect(await found(t)).toEqual(before);
    expect(await getRun(t.desk.sql, id)).toMatchObject({ state: "succeeded", attempts: 2 });
    expect(await verifyAudit(t.desk.sql)).toMatchObject({ ok: true });
  },
);

test("a process that wakes while another still works does not disturb it, and waits for the end with it", async () => {
  const t = await open();
  const id = await request(t.desk);
  const first = gated(t.desk.stripe, (call, count) => call === "list" && count > 2);
  const sleeper = executeRun(t.with({ stripe: first.stripe }), id, asleep);
  await first.reached;
  await expire(t);
  const second = gated(t.desk.stripe, (call) => call === "retrieve");
  const other = executeRun(t.with({ stripe: second.stripe }), id);
  await second.reached;
  first.open();
  second.open();
  expect(await other).toMatchObject({ state: "succeeded", attempts: 2 });
  expect(await sleeper).toMatchObject({ state: "succeeded", attempts: 2 });
  expect(await found(t)).toEqual(await bothDifferences(t));
});

test("a process that is told to stop lets go only when it writes no more", async () => {
  const t = await open();
  // Copying the local rows takes its time.
  await t.local`ALTER TABLE accounts RENAME TO all_accounts`;
  await t.local`CREATE VIEW accounts AS SELECT * FROM all_accounts WHERE pg_sleep(0.005) IS NOT NULL`;
  await t.grant();
  const id = await request(t.desk);
  const stop = new AbortController();
  const gate = gated(t.desk.stripe, (call) => call === "list");
  const stopped = executeRun(t.with({ stripe: gate.stripe }), id, { signal: stop.signal });
  await gate.reached;
  stop.abort(new DriftdeskError("run_superseded", "This process stops."));
  gate.open();
  await expect(stopped).rejects.toMatchObject({ code: "run_superseded" });
  const [open_] = await t.desk.sql`
    SELECT count(*)::int FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'`;
  expect(open_?.count).toBe(0);
  expect(await executeRun(t.desk, id)).toMatchObject({ state: "succeeded", message: null });
  expect(await found(t)).toEqual(await bothDifferences(t));
});

test("Postgres lost what was staged and nobody noticed: the run says so instead of finding nothing", async () => {
  const t = await open();
  await executeRun(t.desk, await request(t.desk));
  const id = await request(t.desk);
  const gate = gated(t.desk.stripe, (call) => call === "retrieve");
  const running = executeRun(t.with({ stripe: gate.stripe }), id);
  await gate.reached;
  const recorded = () => t.desk.sql`
    SELECT FROM driftdesk.run_resources WHERE run_id = ${id} AND resource = 'subscriptions' AND state = 'done'`;
  await expect.poll(async () => (await recorded()).length, { timeout: 10_000 }).toBe(1);
  // What a crash does to unlogged tables.
  const tables = await t.desk.sql<{ name: string }[]>`
    SELECT format('%I.%I', n.nspname, c.relname) AS name
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relpersistence = 'u' AND c.relkind = 'r'`;
  // A cursor is open on what is asked: a real crash would have broken its connection.
  const free = tables.filter(({ name }) => !/candidates|reread|local"?$/.test(name));
  await t.owner.unsafe(`TRUNCATE ${free.map(({ name }) => name).join(", ")}`);
  gate.open();
  await expect(running).rejects.toMatchObject({ code: "database_lost" });
  expect(await getRun(t.desk.sql, id)).toMatchObject({ state: "running" });
  expect(await found(t)).toEqual(await bothDifferences(t));
  expect(await executeRun(t.desk, id)).toMatchObject({ state: "succeeded" });
  expect(await found(t)).toEqual(await bothDifferences(t));
});

/** Of each resource the newest page is read, and no other. */
function afterFirstPages() {
  const seen = new Set<StripeType>();
  return (call: string, _: number, type: StripeType) => call === "list" && seen.size === seen.add(type).size;
}

test("pages that were read before the local rows were copied are read again", async () => {
  const t = await open();
  const id = await request(t.desk);
  const stop = new AbortController();
  const gate = gated(t.desk.stripe, afterFirstPages());
  const stopped = executeRun(t.with({ stripe: gate.stripe }), id, { signal: stop.signal });
  await gate.reached;
  const objectsRead = async () => {
    const [read] = await t.desk.sql<{ objects: number }[]>`
      SELECT sum(objects)::int AS objects FROM driftdesk.windows WHERE resource = 'subscriptions'`;
    return read?.objects;
  };
  await expect.poll(objectsRead).toBeGreaterThan(0);
  stop.abort(new DriftdeskError("run_superseded", "This process stops."));
  gate.open();
  await expect(stopped).rejects.toMatchObject({ code: "run_superseded" });
  // As if it had been killed before the copy was complete; meanwhile one object changes, and its row with it.
  await t.desk.sql`DELETE FROM driftdesk.local_copies`;
  const copies = await t.desk.sql`SELECT tablename AS name FROM pg_tables WHERE tablename LIKE 'r%\\_local'`;
  expect(copies).toHaveLength(2);
  for (const copy of copies) await t.desk.sql`TRUNCATE ${t.desk.sql(`driftdesk_staging.${copy.name}`)}`;
  expect(await objectsRead()).toBeGreaterThan(0);
  const newest = [...t.sandbox.world.subscriptions.values()].reduce((a, b) =>
    a.created > b.created ? a : b,
  );
  t.sandbox.world.subscriptions.put({ ...newest, status: "paused" });
  await t.local`UPDATE accounts SET status = 'paused' WHERE stripe_id = ${newest.id}`;
  expect(await executeRun(t.desk, id)).toMatchObject({ state: "succeeded" });
  expect(await found(t)).toEqual(await bothDifferences(t));
});

test("a run that ended while its lease was waited for is not begun again", async () => {
  const t = await open();
  const id = await request(t.desk);
  const late = gated(t.desk.stripe, () => false);
  const accountAsked = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  const stripe = {
    ...late.stripe,
    account: async () => {
      accountAsked.resolve();
      await go.promise;
      return t.desk.stripe.account();
    },
  };
  const second = executeRun(t.with({ stripe }), id);
  await accountAsked.promise;
  const ended = await executeRun(t.desk, id);
  go.resolve();
  expect(await second).toEqual(ended);
  const finished = await t.desk.sql`SELECT FROM driftdesk.audit_entries WHERE action = 'run.finished'`;
  expect(finished).toHaveLength(1);
});

test("a process that cannot even begin does not end the run of another", async () => {
  const t = await open();
  const id = await request(t.desk);
  const gate = gated(t.desk.stripe, (call) => call === "list");
  const running = executeRun(t.with({ stripe: gate.stripe }), id);
  await gate.reached;
  const pinned = t.with({
    config: { ...t.desk.config, account: { ...t.desk.config.account, id: "acct_other" } },
  });
  await expect(executeRun(pinned, id)).rejects.toMatchObject({ code: "run_busy" });
  expect(await getRun(t.desk.sql, id)).toMatchObject({ state: "running" });
  gate.open();
  expect(await running).toMatchObject({ state: "succeeded" });
});

/** Begins a run and stops it after some pages. */
async function leaveHalfDone(t: TestDesk): Promise<number> {
  const id = await request(t.desk);
  const stop = new AbortController();
  const gate = gated(t.desk.stripe, afterFirstPages());
  const stopped = executeRun(t.with({ stripe: gate.stripe }), id, { signal: stop.signal });
  await gate.reached;
  stop.abort(new DriftdeskError("run_superseded", "This process stops."));
  gate.open();
  await expect(stopped).rejects.toMatchObject({ code: "run_superseded" });
  return id;
}

test("a run does not go on with the key of another account", async () => {
  const t = await open();
  const id = await leaveHalfDone(t);
  const stripe = { ...t.desk.stripe, account: async () => ({ id: "acct_other", name: null }) };
  expect(await executeRun(t.with({ stripe }), id)).toMatchObject({
    state: "failed",
    errorCode: "account_mismatch",
  });
  expect(await found(t)).toEqual([]);
});

test("a run that resumes under another mapping starts over", async () => {
  const t = await open();
  const id = await leaveHalfDone(t);
  const resources = t.desk.config.resources.map((resource) => ({
    ...resource,
    fields: resource.fields.map((field) => ({
      ...field,
      from: (object: never) => `${field.from(object)}!`,
      property: undefined,
    })),
  }));
  await t.local`UPDATE accounts SET status = status || '!'`;
  await t.local`UPDATE people SET email = email || '!'`;
  const desk = t.with({ config: { ...t.desk.config, resources } });
  expect(await executeRun(desk, id)).toMatchObject({ state: "succeeded" });
  expect(await found(t)).toEqual(await bothDifferences(t));
});

test("a run that resumes after anything in its config changed goes on with no page from before", async () => {
  const t = await open();
  const config = { ...t.desk.config, resources: t.desk.config.resources.slice(0, 1) };
  const id = await request(t.desk);
  const stop = new AbortController();
  const gate = gated(t.desk.stripe, (call, count) => call === "list" && count > 1);
  const stopped = executeRun(t.with({ stripe: gate.stripe, config }), id, { signal: stop.signal });
  await gate.reached;
  const staged = () => t.desk.sql`
    SELECT FROM driftdesk.local_copies c JOIN driftdesk.windows w USING (run_id, resource) WHERE w.objects > 0`;
  await expect.poll(async () => (await staged()).length).toBe(1);
  stop.abort(new DriftdeskError("run_superseded", "This process stops."));
  gate.open();
  await expect(stopped).rejects.toMatchObject({ code: "run_superseded" });
  // The next run's changes begin where this attempt does: what happened before has to be in it.
  const newest = [...t.sandbox.world.subscriptions.values()].reduce((a, b) =>
    a.created > b.created ? a : b,
  );
  t.sandbox.world.subscriptions.put({ ...newest, status: "paused" });
  const later = new Date(mirrorNow.getTime() + 3_600_000);
  const desk = t.with({ now: () => later, config: { ...config, source: "// a comment more" } });
  expect(await executeRun(desk, id)).toMatchObject({ state: "succeeded" });
  const [row] = await t.local`SELECT id FROM accounts WHERE stripe_id = ${newest.id}`;
  expect(await found(t)).toContain(`subscriptions mismatch ${row?.id} open`);
});

test("a resource that the config has no more is not reported as compared", async () => {
  const t = await open();
  const id = await leaveHalfDone(t);
  const [subscriptions] = t.desk.config.resources;
  if (!subscriptions) throw new Error("no resource");
  const desk = t.with({ config: { ...t.desk.config, resources: [subscriptions] } });
  const ended = await executeRun(desk, id);
  expect(ended).toMatchObject({ state: "incomplete", message: expect.stringContaining("customers") });
});

test("a run that was given up leaves nothing behind, and its end is in the history", async () => {
  const t = await open();
  const id = await leaveHalfDone(t);
  const later = t.with({ now: () => new Date(mirrorNow.getTime() + 120_000) });
  const next = await request(later);
  expect(next).not.toBe(id);
  expect(await getRun(t.desk.sql, id)).toMatchObject({ state: "failed", errorCode: "run_abandoned" });
  await executeRun(later, next);
  expect([...(await t.desk.sql`SELECT DISTINCT run_id FROM driftdesk.windows`)]).toEqual([]);
  const tables = await t.desk.sql`SELECT tablename FROM pg_tables WHERE schemaname = 'driftdesk_staging'`;
  expect([...tables]).toEqual([]);
  const ends = await t.desk.sql`
    SELECT run_id, data ->> 'state' AS state FROM driftdesk.audit_entries
    WHERE action = 'run.finished' ORDER BY seq`;
  expect([...ends]).toEqual([
    { run_id: id, state: "failed" },
    { run_id: next, state: "succeeded" },
  ]);
});

test("a run whose process lives is not given up, however long it says nothing", async () => {
  const t = await open();
  const id = await request(t.desk);
  const gate = gated(t.desk.stripe, (call) => call === "list");
  const running = executeRun(t.with({ stripe: gate.stripe }), id);
  await gate.reached;
  const later = t.with({ now: () => new Date(mirrorNow.getTime() + 120_000) });
  const again = await requestRun(later, { mode: "full", trigger: "person", actor: systemActor });
  expect(again).toMatchObject({ alreadyRunning: true, run: { id } });
  gate.open();
  expect(await running).toMatchObject({ state: "succeeded" });
});

test("a run that was cancelled records nothing more", async () => {
  const t = await open();
  const id = await request(t.desk);
  const gate = gated(t.desk.stripe, (call) => call === "retrieve");
  const running = executeRun(t.with({ stripe: gate.stripe }), id);
  await gate.reached;
  const before = await found(t);
  await cancelRun(t.desk, id, { email: "ada@example.com", name: "Ada", role: "admin" });
  gate.open();
  expect(await running).toMatchObject({ state: "cancelled", message: "Stopped by Ada." });
  expect((await found(t)).filter((line) => line.startsWith("customers"))).toEqual(
    before.filter((line) => line.startsWith("customers")),
  );
});

test("more resources than connections are compared all the same", async () => {
  const t = await open();
  const [subscriptions] = t.desk.config.resources;
  if (!subscriptions) throw new Error("no resource");
  // Slow to copy: each holds what it has for as long as it takes all of them to come.
  const where = "pg_sleep(0.002) IS NOT NULL";
  const resources = Array.from({ length: 15 }, (_, i) => ({ ...subscriptions, name: `copy_${i}`, where }));
  const sql = connect(t.variables.DATABASE_URL as string, { max: 7 });
  const desk = t.with({ sql, local: sql, config: { ...t.desk.config, resources } });
  const ended = await executeRun(desk, await request(desk));
  await sql.end();
  expect(ended).toMatchObject({ state: "succeeded" });
  expect(ended.resources.map((resource) => resource.mismatch)).toEqual(Array(15).fill(1));
});

test("what a run asked of Stripe is counted to the last request", async () => {
  const t = await open();
  const ended = await executeRun(t.desk, await request(t.desk));
  expect(ended.requests).toBe(t.sandbox.counts.total);
});
