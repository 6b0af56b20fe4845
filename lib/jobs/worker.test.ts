import { afterEach, expect, test } from "vitest";
import { openTestDesk, type TestDesk } from "../../sandbox/testing.ts";
import { startSlack } from "../../sandbox/testing-slack.ts";
import { generateWorld } from "../../sandbox/world/world.ts";
import { defineConfig } from "../config/define.ts";
import { type Desk, systemActor } from "../desk.ts";
import { getBulk, requestBulk } from "../fixes/bulk.ts";
import { executeRun } from "../reconcile/run.ts";
import { getRun, requestRun } from "../reconcile/runs.ts";
import { enqueueBulk, enqueueRun } from "./enqueue.ts";
import type { QueuedDesk } from "./queues.ts";
import { startWorker, type Worker } from "./worker.ts";

const now = new Date("2026-11-24T12:00:00Z");
interface Seen {
  id: number;
  version: number;
}
const admin = { email: "ada@example.com", name: "Ada", role: "admin" as const };
const config = defineConfig({
  resources: {
    subscriptions: {
      stripe: "subscription",
      table: "accounts",
      key: "id",
      stripeId: "stripe_id",
      fields: { status: "status" },
    },
  },
  schedule: [
    { cron: "0 * * * *", mode: "incremental" },
    { cron: "0 3 * * *", mode: "full" },
  ],
  pace: { requestsPerSecond: 10_000, perEndpoint: 10_000 },
});

let opened: TestDesk | undefined;
const workers: Worker[] = [];
afterEach(async () => {
  for (const worker of workers.splice(0)) await worker.stop();
  await opened?.close();
  opened = undefined;
});

type Single = Desk & QueuedDesk;

/** A company whose first row is wrong. */
async function open(): Promise<Single> {
  const world = generateWorld({ seed: 3, customers: 120, now, invoicesPerSubscription: 0 });
  opened = await openTestDesk({ world, config, now: () => now });
  await opened.local`CREATE TABLE accounts (id serial PRIMARY KEY, stripe_id text UNIQUE, status text)`;
  await opened.grant();
  const rows = [...world.subscriptions.values()].map((s) => ({ stripe_id: s.id, status: s.status }));
  await opened.local`INSERT INTO accounts ${opened.local(rows)}`;
  await opened.local`UPDATE accounts SET status = 'nonsense' WHERE id = 1`;
  return { ...opened.desk, databaseUrl: opened.variables.DATABASE_URL as string };
}

async function work(desk: QueuedDesk): Promise<Worker> {
  const worker = await startWorker(desk, { sweepMs: 100, alertsMs: 100, schedulesMs: 100 });
  workers.push(worker);
  return worker;
}

const request = async (desk: Desk) =>
  (await requestRun(desk, { mode: "full", trigger: "person", actor: systemActor })).run.id;
const stateOf = (desk: QueuedDesk, id: number) => async () => (await getRun(desk.sql, id))?.state;
const soon = { timeout: 30_000 };

test("a run is executed as soon as somebody asks for it", async () => {
  const desk = await open();
  await work(desk);
  const id = await request(desk);
  await enqueueRun(desk, id);
  await expect.poll(stateOf(desk, id), soon).toBe("succeeded");
});

test("a run is executed once, however many workers there are", async () => {
  const desk = await open();
  await work(desk);
  await work({ ...desk });
  const id = await request(desk);
  await Promise.all([enqueueRun(desk, id), enqueueRun(desk, id), enqueueRun(desk, id)]);
  await expect.poll(stateOf(desk, id), soon).toBe("succeeded");
  expect((await getRun(desk.sql, id))?.attempts).toBe(1);
});

test("a run that nobody was woken for is found", async () => {
  const desk = await open();
  const id = await request({ ...desk, now: () => new Date(now.getTime() - 60_000) });
  await work(desk);
  await expect.poll(stateOf(desk, id), soon).toBe("succeeded");
});

test("people are told by a worker, once, however many there are", async () => {
  const slack = await startSlack();
  try {
    const desk = await open();
    const config = {
      ...desk.config,
      alerts: { ...desk.config.alerts, slack: { channel: "#billing" }, digest: false as const },
    };
    const told = { ...desk, config, environment: { ...desk.environment, slackWebhookUrl: slack.url } };
    await work(told);
    await work({ ...told });
    await enqueueRun(told, await request(told));
    await expect.poll(() => slack.messages.length, soon).toBe(1);
    for (const worker of workers.splice(0)) await worker.stop();
    expect(slack.messages.map(({ text }) => text)).toEqual([expect.stringContaining("1 new difference")]);
  } finally {
    await slack.close();
  }
});

test("workers help with a run that another process has, and stay away when nothing is left to share", async () => {
  const desk = await open();
  const sandbox = (opened as TestDesk).sandbox;
  sandbox.setLatency(700);
  const id = (await requestRun(desk, { mode: "full", trigger: "command", actor: systemActor })).run.id;
  // As `driftdesk reconcile` does: nobody was called.
  const running = executeRun(desk, id);
  await expect.poll(stateOf(desk, id), soon).toBe("running");
  await work({ ...desk });
  await work({ ...desk });
  const present = async () =>
    (await desk.sql`SELECT FROM driftdesk.run_processes WHERE run_id = ${id}`).length;
  await expect.poll(present, soon).toBe(3);
  sandbox.setLatency(0);
  expect(await running).toMatchObject({ state: "succeeded", attempts: 1 });
  await expect.poll(present, soon).toBe(0);
});

test("a worker that stops leaves its run to the next one, which goes on with it", async () => {
  const desk = await open();
  const sandbox = (opened as TestDesk).sandbox;
  sandbox.setLatency(1_000);
  const first = await work(desk);
  const id = await request(desk);
  await enqueueRun(desk, id);
  await expect.poll(stateOf(desk, id), soon).toBe("running");
  await first.stop();
  expect(await stateOf(desk, id)()).toBe("running");
  // At once: nobody has to wait for the end of a lease.
  for (const table of ["leases", "run_processes"])
    expect(await desk.sql`SELECT * FROM ${desk.sql(`driftdesk.${table}`)}`).toHaveLength(0);
  sandbox.setLatency(0);
  await work({ ...desk });
  await expect.poll(stateOf(desk, id), soon).toBe("succeeded");
  expect((await getRun(desk.sql, id))?.attempts).toBe(2);
});

test.each([
  ["as soon as somebody asks for it", enqueueBulk],
  ["also when the process that asked was killed before it could wake anybody", async () => {}],
])("a bulk action is carried out, %s", async (_, enqueue) => {
  const desk = await open();
  await work(desk);
  const id = await request(desk);
  await enqueueRun(desk, id);
  await expect.poll(stateOf(desk, id), soon).toBe("succeeded");
  const ids = [...(await desk.sql<Seen[]>`SELECT id, version FROM driftdesk.discrepancies`)];
  const requestKey = "one click on apply";
  const bulk = await requestBulk(desk, { kind: "apply", selection: { ids }, requestKey }, admin);
  await enqueue(desk, bulk.id);
  await expect.poll(async () => (await getBulk(desk.sql, bulk.id))?.state, soon).toBe("done");
  const [row] = await desk.local`SELECT status <> 'nonsense' AS corrected FROM accounts WHERE id = 1`;
  expect(row?.corrected).toBe(true);
});

test("a journal of totals that has grown is folded", async () => {
  const desk = await open();
  await desk.sql`
    INSERT INTO driftdesk.discrepancy_totals
      (account_id, resource, kind, state, impact, cause, change, rows, amount_minor)
    SELECT 'acct_1', 'charges', 'mismatch', 'open', 'other', 'unknown', '', 1, 0 FROM generate_series(1, 600)`;
  await work(desk);
  await expect
    .poll(async () => [...(await desk.sql`SELECT rows FROM driftdesk.discrepancy_totals`)], soon)
    .toEqual([{ rows: 600 }]);
});

test("a worker clears away what a run that was stopped has left when its process was killed", async () => {
  const desk = await open();
  const id = await request(desk);
  await desk.sql`UPDATE driftdesk.runs SET state = 'cancelled' WHERE id = ${id}`;
  await desk.sql`INSERT INTO driftdesk.windows (run_id, resource, state) VALUES (${id}, 'subscriptions', 'open')`;
  await desk.sql.unsafe(`CREATE UNLOGGED TABLE driftdesk_staging.r${id}_abc_expected ()`);
  await work(desk);
  const left = async () => [
    ...(await desk.sql`SELECT tablename FROM pg_tables WHERE schemaname = 'driftdesk_staging'`),
    ...(await desk.sql`SELECT run_id FROM driftdesk.windows`),
  ];
  await expect.poll(left, soon).toEqual([]);
});

test("what is due is begun by one of several workers, in the schedule's name", async () => {
  const desk = await open();
  await work(desk);
  await desk.sql`UPDATE driftdesk.schedules SET next_due = ${now} WHERE mode = 'full'`;
  await work({ ...desk });
  await expect
    .poll(async () => [...(await desk.sql`SELECT trigger, requested_by, state FROM driftdesk.runs`)], soon)
    .toEqual([{ trigger: "schedule", requested_by: "system", state: "succeeded" }]);
});
