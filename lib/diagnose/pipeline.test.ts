import { afterEach, beforeEach, expect, test } from "vitest";
import { openTestDesk, type TestDesk } from "../../sandbox/testing.ts";
import { changeEmail, createCustomer } from "../../sandbox/world/changes/customer.ts";
import { generateWorld, type World } from "../../sandbox/world/index.ts";
import { defineConfig } from "../config/define.ts";
import type { Desk } from "../desk.ts";
import { createStripeReader } from "../stripe/client.ts";
import { lookAtPipeline } from "./pipeline.ts";
import { pipelineHealth } from "./pipeline-health.ts";
import { judgePipeline } from "./pipeline-judge.ts";

const restricted = "rk_test_withoutendpoints00000";
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
  webhookLog: { table: "hooks", eventId: "event_id", receivedAt: "received_at", processedAt: "processed_at" },
  pace: { requestsPerSecond: 10_000, perEndpoint: 10_000 },
});
const start = new Date("2026-11-24T12:00:00Z");
const minutes = (count: number) => new Date(start.getTime() + count * 60_000);

let now = start;
let t: TestDesk;
let desk: Desk;
let world: World;
let account: string;
beforeEach(async () => {
  now = start;
  world = generateWorld({ seed: 9, customers: 10, now, invoicesPerSubscription: 0 });
  t = await openTestDesk({
    world,
    config,
    now: () => now,
    sandbox: { restrictedKeys: { [restricted]: ["rak_event_read", "rak_accounts_kyc_basic_read"] } },
  });
  desk = t.desk;
  account = world.account.id;
});
afterEach(() => t.close());

const endpoint = (name = "app", events?: string[]) =>
  t.sandbox.webhooks.add(`https://${name}.acme.example/stripe`, events ? { events } : {});
/** What becomes of everything that an endpoint is sent from now on; `*` for all endpoints. */
const answers = (id: string, outcome: "works" | "fails") => {
  t.sandbox.webhooks.outcomes.set(id, outcome === "works" ? "lose" : "refuse");
};
/** Something happens at a minute, and Stripe sends what is due by then. */
async function happens(minute: number, what: "customer.created" | "customer.updated" = "customer.created") {
  now = minutes(minute);
  if (what === "customer.created") createCustomer(world, now, {});
  else {
    const customer = [...world.customers.values()].find((one) => !one.deleted)?.id as string;
    changeEmail(world, now, { customer, email: `at${minute}@example.com` });
  }
  await t.sandbox.webhooks.deliver();
}
async function look(minute: number, of: Desk = desk) {
  now = minutes(minute);
  expect(await lookAtPipeline(of, 60_000)).toBe(true);
}
const told = async () => {
  const entries = await desk.sql<{ action: string; subject: string | null; data: Record<string, unknown> }[]>`
    SELECT action, subject, data FROM driftdesk.audit_entries WHERE action LIKE 'pipeline.%' ORDER BY seq`;
  return entries.map(({ action, subject, data }) => ({ action: action.slice(9), subject, ...data }));
};
const health = async () => {
  const [one] = await pipelineHealth(desk, account);
  if (!one) throw new Error("there is no health");
  return one;
};

test("an endpoint that takes nothing is broken since its first event that did not arrive, and told once; so is its end", async () => {
  const { id, url } = endpoint();
  answers(id, "works");
  await happens(1);
  await look(2);
  expect(await health()).toMatchObject({ state: "delivering", undelivered: 0, lastDeliveredAt: minutes(1) });
  answers(id, "fails");
  for (const minute of [20, 25, 60]) await happens(minute);
  await happens(70, "customer.updated");
  await look(80);
  await look(100);
  const types = ["customer.created", "customer.updated"];
  const broken = {
    action: "broken",
    subject: url,
    endpoint: id,
    url,
    since: minutes(20).toISOString(),
    undelivered: 4,
    types,
  };
  expect(await told()).toEqual([broken]);
  expect(await health()).toMatchObject({
    state: "broken",
    undelivered: 4,
    oldestAt: minutes(20),
    endpoints: [
      {
        endpoint: id,
        state: "broken",
        brokenSince: minutes(20),
        types: [
          {
            type: "customer.created",
            undelivered: 3,
            oldestAt: minutes(20),
            deliveredTo: minutes(1),
            broken: true,
          },
          {
            type: "customer.updated",
            undelivered: 1,
            oldestAt: minutes(70),
            deliveredTo: null,
            broken: true,
          },
        ],
      },
    ],
  });

  // Stripe's retries go through.
  answers(id, "works");
  now = minutes(60 * 24);
  await t.sandbox.webhooks.deliver();
  await look(60 * 24 + 5);
  await look(60 * 24 + 20);
  const until = minutes(60 * 24 + 5).toISOString();
  expect(await told()).toEqual([
    broken,
    {
      action: "recovered",
      subject: url,
      endpoint: id,
      url,
      since: minutes(20).toISOString(),
      until,
      undelivered: 0,
    },
  ]);
  expect(await health()).toMatchObject({ state: "delivering", undelivered: 0, lastDeliveredAt: minutes(70) });
});

test("what is young is not broken, and what did arrive later is none of it", async () => {
  const { id } = endpoint();
  answers(id, "fails");
  await happens(1);
  await look(15);
  expect(await health()).toMatchObject({ state: "delivering", undelivered: 1 });
  answers(id, "works");
  await happens(16);
  await look(40);
  expect(await told()).toEqual([]);
  expect(await health()).toMatchObject({ state: "delivering", undelivered: 0 });
});

test("one event that is refused for ever is not broken while others arrive, three of its type are", async () => {
  const { id } = endpoint();
  answers(id, "works");
  t.sandbox.webhooks.outcomes.set("customer.updated", "refuse");
  for (const minute of [1, 10]) await happens(minute, "customer.updated");
  await happens(30);
  await look(31);
  expect(await told()).toEqual([]);
  await happens(32, "customer.updated");
  await happens(60);
  await look(61);
  expect(await told()).toMatchObject([
    { action: "broken", since: minutes(1).toISOString(), types: ["customer.updated"], undelivered: 3 },
  ]);
});

test("an endpoint that comes and goes is told as one outage until it is steady, and the next one later", async () => {
  const { id } = endpoint();
  answers(id, "fails");
  await happens(0);
  await look(16);
  for (const minute of [20, 30, 40, 50]) {
    answers(id, "works");
    await happens(minute - 1);
    answers(id, "fails");
    await happens(minute);
    await look(minute + 1);
  }
  expect((await told()).map(({ action }) => action)).toEqual(["broken"]);
  answers(id, "works");
  await happens(66);
  await look(67);
  expect((await told()).map(({ action }) => action)).toEqual(["broken", "recovered"]);
  // Lately recovered: a quarter of an hour is not enough again.
  answers(id, "fails");
  await happens(70);
  await look(90);
  expect(await told()).toHaveLength(2);
  await look(131);
  expect((await told()).map(({ action }) => action)).toEqual(["broken", "recovered", "broken"]);
});

test("what never arrives keeps an endpoint broken only until much newer things do", async () => {
  const { id } = endpoint();
  answers(id, "fails");
  await happens(0);
  await happens(12);
  await look(16);
  for (const event of world.events.newestFirst().slice(0, 2))
    t.sandbox.webhooks.outcomes.set(event.id, "refuse");
  answers(id, "works");
  await happens(20);
  await look(21);
  expect((await health()).state).toBe("broken");
  await happens(28);
  await look(29);
  expect(await told()).toMatchObject([{ action: "broken" }, { action: "recovered", undelivered: 2 }]);
  expect(await health()).toMatchObject({ state: "delivering", undelivered: 2 });
});

test("of two endpoints the broken one is named", async () => {
  const app = endpoint("app");
  const books = endpoint("books", ["customer.created"]);
  answers(app.id, "works");
  answers(books.id, "works");
  await happens(1);
  answers(app.id, "fails");
  await happens(10);
  await happens(11, "customer.updated");
  await look(60);
  expect(await told()).toMatchObject([{ action: "broken", endpoint: app.id, url: app.url, undelivered: 2 }]);
  expect((await health()).endpoints.map(({ url, state, undelivered }) => [url, state, undelivered])).toEqual([
    [app.url, "broken", 2],
    [books.url, "delivering", 0],
  ]);
});

test("of two that hear the same, nobody says which one misses it, unless our own receiver has it", async () => {
  const app = endpoint("app");
  const ours = t.sandbox.webhooks.add(`${desk.environment.nextAuthUrl}/api/webhooks/stripe`);
  answers(app.id, "fails");
  answers(ours.id, "works");
  await happens(10);
  const event = world.events.newestFirst()[0];
  await look(60, { ...desk, environment: { ...desk.environment, nextAuthUrl: "https://elsewhere.example" } });
  const joint = [app.id, ours.id].sort().join(",");
  expect(await told()).toMatchObject([
    { action: "broken", endpoint: joint, url: expect.stringContaining(" or ") },
  ]);

  await desk.sql`
    INSERT INTO driftdesk.webhook_events (account_id, event_id, type, object_type, created, livemode, received_at)
    VALUES (${account}, ${event?.id as string}, 'customer.created', 'customer', ${minutes(10)}, false, ${minutes(12)})`;
  await look(80);
  expect((await told()).slice(1)).toMatchObject([{ action: "broken", endpoint: app.id, url: app.url }]);
  expect((await health()).lags).toEqual([
    expect.objectContaining({ source: "receiver", type: "customer.created", events: 1, medianMs: 120_000 }),
  ]);
});

test("an endpoint that was switched off is neither broken nor delivering, and said to be off", async () => {
  const { id } = endpoint();
  answers(id, "fails");
  await happens(1);
  const made = world.webhookEndpoints.get(id);
  if (made) world.webhookEndpoints.put({ ...made, status: "disabled" });
  await look(60);
  expect(await told()).toEqual([]);
  expect(await health()).toMatchObject({ state: "off", endpoints: [{ enabled: false, undelivered: 1 }] });
});

test("an account without endpoints has nothing that could break", async () => {
  await happens(1);
  await look(60);
  expect(await health()).toMatchObject({ state: "none", endpoints: [] });
  expect(await told()).toEqual([]);
});

test("a key that may not list endpoints names none, and one that may is told apart from it", async () => {
  const { id, url } = endpoint();
  answers(id, "fails");
  await happens(1);
  const stripe = createStripeReader({
    secretKey: restricted,
    apiBase: t.sandbox.url,
    pace: desk.config.pace,
  });
  await look(60, { ...desk, stripe });
  expect(await told()).toMatchObject([{ action: "broken", endpoint: null, url: null, undelivered: 1 }]);
  expect(await health()).toMatchObject({
    endpointsReadable: false,
    state: "broken",
    endpoints: [{ url: null }],
  });
  await look(80);
  expect((await told())[1]).toMatchObject({ action: "broken", endpoint: id, url });
  expect((await health()).endpoints).toHaveLength(1);
});

test("workers that look at the same time ask once, and write one entry", async () => {
  const { id } = endpoint();
  answers(id, "fails");
  await happens(1);
  now = minutes(60);
  const before = t.sandbox.counts.byEndpoint.get("list webhook_endpoints") ?? 0;
  const looked = await Promise.all([1, 2, 3].map(() => lookAtPipeline(desk)));
  expect(looked.filter(Boolean)).toHaveLength(1);
  expect((t.sandbox.counts.byEndpoint.get("list webhook_endpoints") ?? 0) - before).toBe(1);
  // Not so soon again.
  now = minutes(65);
  expect(await lookAtPipeline(desk)).toBe(false);
  await Promise.all([1, 2, 3].map(() => judgePipeline(desk, account)));
  expect(await told()).toHaveLength(1);
});

test("a process that was killed after it had asked leaves its finding to the next", async () => {
  const { id } = endpoint();
  answers(id, "fails");
  await happens(1);
  now = minutes(60);
  // All of its connections break where the entry would be written.
  const sql = new Proxy(desk.sql, {
    get: (real, name) => {
      if (name === "begin" && ++begun === 2) return () => Promise.reject(new Error("killed"));
      return Reflect.get(real, name);
    },
  });
  let begun = 0;
  await expect(lookAtPipeline({ ...desk, sql })).rejects.toThrow("killed");
  expect(await told()).toEqual([]);
  await look(75);
  expect(await told()).toMatchObject([{ action: "broken", since: minutes(1).toISOString() }]);
});

test("a look lists what is new and what was pending, page by page, and goes on with the rest at the next", async () => {
  const { id } = endpoint();
  answers(id, "works");
  await happens(1);
  answers(id, "fails");
  now = minutes(2);
  for (let i = 0; i < 5_300; i++) createCustomer(world, minutes(2 + i / 60), {});
  await look(100);
  expect(await health()).toMatchObject({ undelivered: 5_000, complete: false });
  expect(await told()).toEqual([]);
  await look(102);
  expect(await health()).toMatchObject({ undelivered: 5_300, complete: true, state: "broken" });
  expect(await told()).toMatchObject([{ since: minutes(2).toISOString(), undelivered: 5_300 }]);
  const asked = () => t.sandbox.counts.byEndpoint.get("list events") ?? 0;
  const before = asked();
  await look(120);
  expect(asked() - before).toBeLessThan(12);
});

test("how long events take is measured in the company's own log", async () => {
  const { id } = endpoint();
  answers(id, "works");
  await happens(1);
  await happens(2);
  await t.local`CREATE TABLE hooks (event_id text, received_at timestamptz, processed_at timestamptz)`;
  await t.local`CREATE TABLE accounts (id int PRIMARY KEY, stripe_id text, status text)`;
  await t.grant();
  const [second, first] = world.events.newestFirst();
  await t.local`INSERT INTO hooks VALUES (${first?.id as string}, ${minutes(1)}, ${minutes(2)}), (${second?.id as string}, ${minutes(2)}, ${minutes(5)})`;
  await look(10);
  expect((await health()).lags).toEqual([
    expect.objectContaining({
      source: "log",
      type: "customer.created",
      events: 2,
      medianMs: 60_000,
      slowestMs: 180_000,
    }),
  ]);
});
