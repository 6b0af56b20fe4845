import type Stripe from "stripe";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openTestDesk, type TestDesk } from "../../sandbox/testing.ts";
import { gated } from "../../sandbox/testing-runs.ts";
import { listens } from "../../sandbox/testing-statuses.ts";
import { openReceiver, type Receiver } from "../../sandbox/testing-webhooks.ts";
import { changeEmail } from "../../sandbox/world/changes/customer.ts";
import { cancel } from "../../sandbox/world/changes/subscription.ts";
import { generateWorld, type World } from "../../sandbox/world/world.ts";
import { defineConfig } from "../config/define.ts";
import type { Desk } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";
import { startWorker } from "../jobs/worker.ts";
import { executeRun } from "../reconcile/run.ts";
import { getRun, listRuns } from "../reconcile/runs.ts";
import { lookUpStatus } from "../status/lookup.ts";
import { closeStatuses, statusesOf } from "../status/statuses.ts";
import { checkWebhooks } from "./check.ts";
import { clearWebhooks } from "./clear.ts";

const start = new Date("2026-11-24T12:00:00Z");
const secret = "whsec_ofTheDesk";
const config = defineConfig({
  resources: {
    subscriptions: {
      stripe: "subscription",
      table: "subscriptions",
      key: "id",
      stripeId: "stripe_id",
      fields: { status: "status" },
    },
    plans: {
      stripe: "subscription",
      table: "plans",
      key: "id",
      match: { column: "customer", by: "customer" },
      fields: { status: "status" },
      access: { field: "status", granted: ["active"] },
    },
    contacts: {
      stripe: "customer",
      table: "contacts",
      key: "id",
      match: { column: "address", by: "customerEmail" },
      fields: { name: "name" },
    },
  },
  pace: { requestsPerSecond: 10_000, perEndpoint: 10_000 },
});

let now: Date;
let world: World;
let t: TestDesk;
let desk: Desk;
let receiver: Receiver;
const going = new AbortController();

beforeEach(async () => {
  now = start;
  world = generateWorld({ seed: 4, customers: 30, now, invoicesPerSubscription: 0 });
  t = await openTestDesk({ world, config, now: () => now });
  desk = t.with({
    environment: { ...t.desk.environment, webhookSecrets: { STRIPE_WEBHOOK_SECRET: [secret] } },
  });
  receiver = await openReceiver(() => desk);
  t.sandbox.webhooks.add(receiver.url, { secret });
  const { local } = t;
  await local`CREATE TABLE subscriptions (id serial PRIMARY KEY, stripe_id text UNIQUE, status text)`;
  await local`CREATE TABLE plans (id serial PRIMARY KEY, customer text UNIQUE, status text)`;
  await local`CREATE TABLE contacts (id serial PRIMARY KEY, address text, name text)`;
  await t.grant();
  await copyAll();
});
afterEach(async () => {
  await receiver.close();
  closeStatuses(desk);
  await t.close();
});

/** What the company's own handler does. */
async function copyAll(): Promise<void> {
  const { local } = t;
  const rows = [...world.subscriptions.values()].map(({ id, status }) => ({ stripe_id: id, status }));
  await local`INSERT INTO subscriptions ${local(rows)} ON CONFLICT (stripe_id) DO UPDATE SET status = EXCLUDED.status`;
  const plans = new Map(
    [...world.subscriptions.values()]
      .filter(({ status }) => status !== "active")
      .concat([...world.subscriptions.values()].filter(({ status }) => status === "active"))
      .map(({ customer, status }) => [customer, { customer: String(customer), status }]),
  );
  await local`INSERT INTO plans ${local([...plans.values()])} ON CONFLICT (customer) DO UPDATE SET status = EXCLUDED.status`;
  await local`TRUNCATE contacts`;
  const people = [...world.customers.values()].flatMap((one) =>
    one.deleted || !one.email ? [] : [{ address: one.email.toUpperCase(), name: one.name ?? null }],
  );
  await local`INSERT INTO contacts ${local(people)}`;
}

const pass = (seconds: number) => {
  now = new Date(now.getTime() + seconds * 1000);
};
const active = () => {
  const found = [...world.subscriptions.values()].filter(
    (one) =>
      one.status === "active" && world.subscriptions.having("customer", String(one.customer)).length === 1,
  );
  return found as [Stripe.Subscription, Stripe.Subscription, Stripe.Subscription];
};
/** Stripe ends a subscription, and says so. */
async function end(subscription: Stripe.Subscription): Promise<void> {
  cancel(world, now, { subscription: subscription.id });
  await t.sandbox.webhooks.deliver();
}
const look = (of: Desk = desk, signal = going.signal) => checkWebhooks(of, signal);
const waiting = async () =>
  (
    await t.desk.sql<{ line: string }[]>`
    SELECT concat_ws(' ', resource, kind, id) AS line FROM driftdesk.webhook_checks ORDER BY 1`
  ).map((row) => row.line);
const runs = async () => (await listRuns(t.desk.sql, { limit: 50 })).reverse();
const found = () =>
  t.desk.sql<{ resource: string; stripeId: string; state: string }[]>`
    SELECT resource, stripe_id AS "stripeId", state FROM driftdesk.discrepancies ORDER BY resource, stripe_id`;

test("what the company's own handler has put right in time leads to no run", async () => {
  const [one] = active();
  await end(one);
  expect(await waiting()).toEqual([`plans customer ${one.customer}`, `subscriptions object ${one.id}`]);
  pass(59);
  const asked = t.sandbox.counts.total;
  expect(await look()).toEqual([]);
  expect(t.sandbox.counts.total).toBe(asked);
  await copyAll();
  pass(1);
  expect(await look()).toEqual([]);
  expect(await waiting()).toEqual([]);
  expect(await runs()).toEqual([]);
  // Through the account's own pace, like everything else.
  expect(desk.stripe.counts.requests).toBeGreaterThan(1);
});

test("what still differs gets one run for all of it, which finds it and nothing else", async () => {
  const [one, two, three] = active();
  for (const subscription of [one, two, three]) await end(subscription);
  await t.local`UPDATE subscriptions SET status = 'canceled' WHERE stripe_id = ${three.id}`;
  await t.local`UPDATE plans SET status = 'canceled' WHERE customer = ${String(three.customer)}`;
  pass(60);
  const [id] = await look();
  expect(await waiting()).toEqual([]);
  const [run] = await runs();
  expect(run).toMatchObject({ id, mode: "targeted", trigger: "webhook", state: "queued" });
  const targets = run?.targets as { ids: string[] };
  expect([...targets.ids].sort()).toEqual([one.id, two.id, one.customer, two.customer].sort());
  expect(run?.onlyResources).toEqual(["subscriptions", "plans"]);
  expect(await executeRun(desk, id as number)).toMatchObject({ state: "succeeded" });
  const ids = [one.id, two.id].sort();
  expect(await found()).toEqual([
    ...ids.map((stripeId) => ({ resource: "plans", stripeId, state: "open" })),
    ...ids.map((stripeId) => ({ resource: "subscriptions", stripeId, state: "open" })),
  ]);
});

test("what was looked up before an event is not believed after it", async () => {
  const [one] = active();
  const customer = String(one.customer);
  const lookUp = async () => (await lookUpStatus(desk, customer)).answer;
  await listens(statusesOf(desk));
  expect(await lookUp()).toMatchObject({ source: "stripe", stripeId: one.id });
  expect(await lookUp()).toMatchObject({ source: "cache" });
  changeEmail(world, now, { customer: String(active()[1].customer), email: "other@example.com" });
  await t.sandbox.webhooks.deliver();
  expect(await lookUp()).toMatchObject({ source: "cache" });
  await end(one);
  expect(await lookUp()).toMatchObject({ source: "stripe", access: false });
});

test("many events about one object are one look, after the last of them, but not for ever", async () => {
  const [one] = active();
  const customer = String(one.customer);
  const again = async (n: number) => {
    changeEmail(world, now, { customer, email: `new${n}@example.com` });
    await t.sandbox.webhooks.deliver();
  };
  await again(0);
  for (let n = 1; n <= 12; n++) {
    pass(30);
    const requested = await look();
    if (requested.length > 0) {
      // Five times the grace after the first.
      expect(n).toBe(10);
      return;
    }
    await copyAll();
    await again(n);
    expect(await waiting()).toEqual([`contacts customer ${customer}`]);
  }
  expect.unreachable("it was never looked at");
});

test("a row with an address is looked at by the customer's new one and by the one before", async () => {
  const [one] = active();
  const customer = world.customers.get(String(one.customer)) as Stripe.Customer;
  changeEmail(world, now, { customer: customer.id, email: "Moved@Example.com" });
  await t.sandbox.webhooks.deliver();
  pass(60);
  const [id] = await look();
  expect((await runs())[0]).toMatchObject({ onlyResources: ["contacts"], targets: { ids: [customer.id] } });
  await executeRun(desk, id as number);
  // The run has learnt both addresses.
  await t.local`UPDATE contacts SET address = 'MOVED@example.com' WHERE address = ${customer.email?.toUpperCase() as string}`;
  changeEmail(world, now, { customer: customer.id, email: "moved@example.com" });
  await t.sandbox.webhooks.deliver();
  pass(60);
  const [next] = await look();
  await executeRun(desk, next as number);
  expect((await found()).map(({ state }) => state)).not.toContain("open");
});

test("a difference that is gone by now is resolved by the event that ended it", async () => {
  const [one] = active();
  await end(one);
  pass(60);
  await executeRun(desk, (await look())[0] as number);
  expect((await found()).map(({ state }) => state)).toEqual(["open", "open"]);
  await copyAll();
  const event = [...world.events.values()].findLast(({ type }) => type === "customer.subscription.deleted");
  world.events.put({ ...(event as Stripe.Event), id: "evt_again", created: now.getTime() / 1000 } as never);
  await t.sandbox.webhooks.resend("evt_again");
  pass(60);
  await executeRun(desk, (await look())[0] as number);
  expect((await found()).map(({ state }) => state)).toEqual(["resolved", "resolved"]);
});

test("while everything goes wrong it is gathered: a run for each grace, and not for each event", async () => {
  const [one, two, three] = active();
  await end(one);
  pass(30);
  await end(two);
  pass(30);
  expect(await look()).toHaveLength(1);
  await end(three);
  pass(59);
  // The second is due since half a minute.
  expect(await look()).toEqual([]);
  pass(1);
  expect(await look()).toHaveLength(1);
  expect((await runs()).map(({ targets }) => (targets as { ids: string[] }).ids.length)).toEqual([2, 4]);
});

test("it is done once, however many look", async () => {
  for (const one of active().slice(0, 3)) await end(one);
  pass(60);
  const requested = await Promise.all(Array.from({ length: 6 }, () => look({ ...desk })));
  expect(requested.flat()).toHaveLength(1);
  expect(await runs()).toHaveLength(1);
  expect(await waiting()).toEqual([]);
});

test("what a killed process was looking at is looked at by another, once", async () => {
  const [one] = active();
  await end(one);
  pass(60);
  const stopped = gated(desk.stripe, (call, count) => call === "retrieve" && count === 1);
  const killed = look({ ...desk, stripe: stopped.stripe });
  await stopped.reached;
  // It has not been heard of for a while.
  pass(59);
  expect(await look()).toEqual([]);
  pass(2);
  expect(await look()).toHaveLength(1);
  // It was not dead at all, and comes too late.
  stopped.open();
  expect(await killed).toEqual([]);
  expect(await runs()).toHaveLength(1);
  expect(await waiting()).toEqual([]);
});

test("an event that comes while its object is looked at is not lost", async () => {
  const [one, two] = active();
  await end(one);
  await copyAll();
  pass(60);
  const gate = gated(desk.stripe, (call, count) => call === "retrieve" && count === 1);
  const looking = look({ ...desk, stripe: gate.stripe });
  await gate.reached;
  world.subscriptions.put({ ...world.subscriptions.get(one.id), status: "unpaid" } as Stripe.Subscription);
  const event = [...world.events.values()].findLast(({ type }) => type === "customer.subscription.deleted");
  world.events.put({ ...(event as Stripe.Event), id: "evt_meanwhile" } as never);
  await t.sandbox.webhooks.resend("evt_meanwhile");
  await end(two);
  gate.open();
  await looking;
  expect(await waiting()).toHaveLength(4);
  pass(120);
  expect(await look()).toHaveLength(1);
  expect((await runs())[0]?.targets).toMatchObject({ ids: expect.arrayContaining([one.id]) });
});

test("while Stripe does not answer it waits, longer each time, and is done in the end", async () => {
  await end(active()[0]);
  pass(60);
  const silent = () => Promise.reject(new DriftdeskError("stripe_unreachable", "Stripe does not answer."));
  const alone = { ...desk, stripe: { ...desk.stripe, retrieve: silent, list: silent } };
  for (const pauseSeconds of [30, 60, 120]) {
    expect(await look(alone)).toEqual([]);
    expect(await waiting()).toHaveLength(2);
    pass(pauseSeconds - 1);
    expect(await look()).toEqual([]);
    expect(await waiting()).toHaveLength(2);
    pass(1);
  }
  expect(await look()).toHaveLength(1);
});

test("one resource that cannot be read keeps no other waiting", async () => {
  await end(active()[0]);
  await t.local`ALTER TABLE plans RENAME TO gone`;
  pass(60);
  expect(await look()).toHaveLength(1);
  expect((await runs())[0]?.onlyResources).toEqual(["subscriptions"]);
  expect((await waiting()).map((line) => line.split(" ")[0])).toEqual(["plans"]);
});

test("a process that is told to stop gives everything back at once", async () => {
  await end(active()[0]);
  pass(60);
  const stop = new AbortController();
  const gate = gated(desk.stripe, (call, count) => call === "retrieve" && count === 1);
  const looking = look({ ...desk, stripe: gate.stripe }, stop.signal);
  await gate.reached;
  stop.abort();
  gate.open();
  expect(await looking).toEqual([]);
  expect(await look()).toHaveLength(1);
});

test("a worker does all of it by itself", async () => {
  const quick = { ...desk, config: { ...desk.config, webhooks: { graceMs: 0 } } };
  desk = quick;
  await end(active()[0]);
  const worker = await startWorker(
    { ...quick, databaseUrl: t.variables.DATABASE_URL as string },
    { webhooksMs: 50, sweepMs: 100, alertsMs: 1_000 },
  );
  try {
    await expect.poll(async () => (await runs()).length, { timeout: 20_000 }).toBe(1);
    const [run] = await runs();
    await expect
      .poll(async () => (await getRun(t.desk.sql, run?.id as number))?.state, { timeout: 20_000 })
      .toBe("succeeded");
    expect((await found()).map(({ resource }) => resource)).toEqual(["plans", "subscriptions"]);
  } finally {
    await worker.stop();
  }
});

test("what came is cleared away after 35 days, when Stripe itself has forgotten it", async () => {
  await end(active()[0]);
  const count = async () => (await t.desk.sql`SELECT FROM driftdesk.webhook_events`).length;
  pass(35 * 86_400);
  await clearWebhooks(desk);
  expect(await count()).toBeGreaterThan(0);
  expect(await waiting()).toEqual([]);
  pass(1);
  await clearWebhooks(desk);
  expect(await count()).toBe(0);
});
