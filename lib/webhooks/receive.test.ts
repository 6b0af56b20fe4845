import type { Sql } from "postgres";
import Stripe from "stripe";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openTestDesk, type TestDesk } from "../../sandbox/testing.ts";
import { openReceiver, type Receiver } from "../../sandbox/testing-webhooks.ts";
import { createCustomer } from "../../sandbox/world/changes/customer.ts";
import { renew } from "../../sandbox/world/changes/subscription.ts";
import { generateWorld } from "../../sandbox/world/world.ts";
import { parseConfig } from "../config/schema.ts";
import type { WebhookEvent, WebhookOutcome } from "../db/schema.ts";
import type { Desk, Desks } from "../desk.ts";
import { countedSince, flushWebhookCounts } from "./counts.ts";
import { receiveWebhook } from "./receive.ts";

const start = new Date("2026-11-24T12:00:00Z");
const secret = "whsec_ofTheDesk";
const subscriptions = {
  stripe: "subscription",
  table: "subscriptions",
  key: "id",
  stripeId: "stripe_id",
  fields: { status: "status" },
} as const;
const world = generateWorld({ seed: 4, customers: 20, now: start, invoicesPerSubscription: 1 });

let now = start;
let t: TestDesk;
let receiver: Receiver;
let desk: Desks;
beforeAll(async () => {
  t = await openTestDesk({
    world,
    config: { account: { id: world.account.id }, resources: { subscriptions } },
    now: () => now,
  });
  receiver = await openReceiver(() => desk);
});
afterAll(async () => {
  await receiver.close();
  await t.close();
});
beforeEach(() => {
  now = start;
  desk = withSecrets({ STRIPE_WEBHOOK_SECRET: [secret] });
});
afterEach(async () => {
  await flushWebhookCounts(t.desk);
  await t.owner`TRUNCATE driftdesk.webhook_events, driftdesk.webhook_checks, driftdesk.webhook_counts`;
});

const withSecrets = (webhookSecrets: Record<string, string[]>, change: Partial<Desk> = {}): Desk =>
  t.with({ environment: { ...t.desk.environment, webhookSecrets }, ...change });

const customer = { object: "customer", id: "cus_A", email: "somebody@example.com", name: "Somebody" };
const subscription = { object: "subscription", id: "sub_A", customer: "cus_A", status: "active" };
const event = (change: object = {}) => ({
  id: "evt_1",
  object: "event",
  type: "customer.subscription.updated",
  created: start.getTime() / 1000,
  livemode: world.livemode,
  api_version: "2026-10-28.endive",
  data: { object: subscription },
  ...change,
});

/** A request as Stripe would send it at that moment; or something else of it. */
function requestOf(
  payload: unknown,
  { key = secret, at = now, sent }: { key?: string; at?: Date; sent?: BodyInit } = {},
): Request {
  const body = typeof payload === "string" ? payload : JSON.stringify(payload);
  const timestamp = Math.floor(at.getTime() / 1000);
  const signature = Stripe.webhooks.generateTestHeaderString({ payload: body, secret: key, timestamp });
  return new Request("http://desk/api/webhooks/stripe", {
    method: "POST",
    headers: { "stripe-signature": signature },
    body: sent ?? body,
    duplex: "half",
  } as RequestInit);
}

const answerTo = async (request: Request, of: Desks = desk) => {
  const answer = await receiveWebhook(of, request);
  return {
    status: answer.status,
    ...((await answer.json()) as { outcome?: string; code?: string; message?: string }),
  };
};
const kept = () =>
  t.desk.sql<WebhookEvent[]>`
    SELECT account_id AS "accountId", event_id AS "eventId", type, object_id AS "objectId", object_type AS "objectType",
           customer_id AS "customerId", created, livemode, api_version AS "apiVersion", account,
           received_at AS "receivedAt"
    FROM driftdesk.webhook_events ORDER BY event_id`;
const queued = async () =>
  (
    await t.desk.sql<{ line: string }[]>`
    SELECT concat_ws(' ', resource, kind, id, events) AS line FROM driftdesk.webhook_checks ORDER BY 1`
  ).map((row) => row.line);
async function counted(): Promise<Partial<Record<WebhookOutcome, number>>> {
  await flushWebhookCounts(t.desk);
  const counts = await countedSince(t.desk.sql, now);
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
}

test("what Stripe delivers is kept by its names, once, and is looked at later", async () => {
  const endpoint = t.sandbox.webhooks.add(receiver.url, { secret });
  const changed = [...world.subscriptions.values()].find(
    ({ status }) => status === "active",
  ) as Stripe.Subscription;
  renew(world, now, { subscription: changed.id });
  await t.sandbox.webhooks.deliver();
  const events = [...world.events.values()].filter((one) => one.created >= start.getTime() / 1000);
  expect(events.length).toBeGreaterThan(4);
  expect(t.sandbox.webhooks.attempts.map(({ status }) => status)).toEqual(events.map(() => 200));
  const about = events.find(({ type }) => type === "customer.subscription.updated") as Stripe.Event;
  expect((await kept()).length).toBe(events.length);
  expect((await kept()).find(({ eventId }) => eventId === about.id)).toEqual({
    accountId: world.account.id,
    eventId: about.id,
    type: "customer.subscription.updated",
    objectId: changed.id,
    objectType: "subscription",
    customerId: changed.customer,
    created: new Date(about.created * 1000),
    livemode: false,
    apiVersion: about.api_version,
    account: null,
    receivedAt: now,
  });
  // Only subscriptions are mapped, and invoices and payments say nothing about them.
  expect(await queued()).toEqual([`subscriptions object ${changed.id} 1`]);

  await t.sandbox.webhooks.resend(about.id);
  expect(t.sandbox.webhooks.attempts.at(-1)?.status).toBe(200);
  expect((await kept()).length).toBe(events.length);
  expect(await queued()).toEqual([`subscriptions object ${changed.id} 1`]);
  expect(await counted()).toEqual({ accepted: 1, not_mapped: events.length - 1, duplicate: 1 });
  world.webhookEndpoints.delete(endpoint.id);
});

test("nothing of what an event says is kept, be it about a person or a card", async () => {
  createCustomer(world, now, { email: "private@example.com" });
  await answerTo(requestOf(event({ type: "customer.updated", data: { object: customer } })));
  const [row] = await t.desk.sql`SELECT to_jsonb(e)::text AS text FROM driftdesk.webhook_events e`;
  expect(row?.text).toContain("cus_A");
  expect(row?.text).not.toMatch(/example\.com|Somebody/);
});

describe("each request gets its answer, and is counted", () => {
  const old = (seconds: number) => new Date(start.getTime() - seconds * 1000);
  const unsigned = () => new Request("http://desk/", { method: "POST", body: JSON.stringify(event()) });
  test.each<[string, () => Request, number, WebhookOutcome]>([
    ["an event", () => requestOf(event()), 200, "accepted"],
    ["one of a type that nobody knows yet", () => requestOf(event({ type: "moon.full" })), 200, "not_mapped"],
    ["no signature", unsigned, 400, "forged"],
    ["another's signature", () => requestOf(event(), { key: "whsec_ofSomebodyElse" }), 400, "forged"],
    [
      "a signature of another body",
      () => requestOf(event(), { sent: JSON.stringify(event({ id: "evt_2" })) }),
      400,
      "forged",
    ],
    ["a signature of 5 minutes ago", () => requestOf(event(), { at: old(300) }), 200, "accepted"],
    ["an older one", () => requestOf(event(), { at: old(301) }), 400, "too_old"],
    [
      "an older one of somebody else",
      () => requestOf(event(), { at: old(301), key: "whsec_x" }),
      400,
      "forged",
    ],
    [
      "a signature from the future, by a clock that is behind",
      () => requestOf(event(), { at: old(-900) }),
      200,
      "accepted",
    ],
    ["a body that is cut off", () => requestOf('{"id":"evt_1","obj'), 400, "malformed"],
    ["no event", () => requestOf({ id: "evt_1", object: "event" }), 400, "malformed"],
    ["a thin event", () => requestOf({ ...event(), object: "v2.core.event" }), 400, "malformed"],
    ["the other mode", () => requestOf(event({ livemode: !world.livemode })), 200, "wrong_mode"],
    [
      "a connected account that is not mapped",
      () => requestOf(event({ account: "acct_x" })),
      200,
      "other_account",
    ],
    ["a giant body", () => requestOf(event({ filling: "x".repeat(1_048_576) })), 413, "too_large"],
  ])("%s", async (_, request, status, outcome) => {
    const answer = await answerTo(request());
    expect(answer.status).toBe(status);
    expect(answer.outcome ?? answer.code?.replace("webhook_", "")).toBe(outcome);
    expect(await counted()).toEqual({ [outcome]: 1 });
    const keeps = ["accepted", "not_mapped"].includes(outcome);
    expect((await kept()).length).toBe(keeps ? 1 : 0);
    expect((await queued()).length).toBe(outcome === "accepted" ? 1 : 0);
  });

  test("without a secret everything is refused, and the answer says what to set", async () => {
    const answer = await answerTo(requestOf(event()), withSecrets({ STRIPE_WEBHOOK_SECRET: [] }));
    expect(answer).toMatchObject({ status: 404, code: "webhook_no_secret" });
    expect(answer.message).toContain("Set STRIPE_WEBHOOK_SECRET");
    expect(await counted()).toEqual({ no_secret: 1 });
  });

  test("what cannot be kept is asked for again", async () => {
    const gone = Object.assign(() => Promise.reject(new Error("the database is gone")), t.desk.sql);
    const broken = withSecrets({ STRIPE_WEBHOOK_SECRET: [secret] }, { sql: gone as unknown as Sql });
    expect(await answerTo(requestOf(event()), broken)).toMatchObject({ status: 503, code: "webhook_failed" });
    expect(await kept()).toEqual([]);
    expect(await answerTo(requestOf(event()))).toMatchObject({ status: 200, outcome: "accepted" });
  });
});

test("while secrets are rotated, both are good; afterwards the old one is not", async () => {
  const next = "whsec_theNextOne";
  const both = withSecrets({ STRIPE_WEBHOOK_SECRET: [next, secret] });
  expect(await answerTo(requestOf(event()), both)).toMatchObject({ status: 200 });
  expect(await answerTo(requestOf(event({ id: "evt_2" }), { key: next }), both)).toMatchObject({
    status: 200,
  });
  // Stripe signs with both for a day.
  const twice = requestOf(event({ id: "evt_3" }));
  const other = requestOf(event({ id: "evt_3" }), { key: next }).headers.get("stripe-signature");
  const header = `${twice.headers.get("stripe-signature")},${other?.split(",")[1]}`;
  twice.headers.set("stripe-signature", header);
  expect(await answerTo(twice, withSecrets({ STRIPE_WEBHOOK_SECRET: [next] }))).toMatchObject({
    status: 200,
  });
  const after = withSecrets({ STRIPE_WEBHOOK_SECRET: [next] });
  expect(await answerTo(requestOf(event({ id: "evt_4" })), after)).toMatchObject({ status: 400 });
  expect((await kept()).map(({ eventId }) => eventId)).toEqual(["evt_1", "evt_2", "evt_3"]);
});

describe("of several accounts", () => {
  const own = { webhookSecret: "STRIPE_WEBHOOK_SECRET_US" };
  const of = (us: object, secrets: Record<string, string[]>): Desks => {
    const { config } = parseConfig({
      accounts: {
        eu: { key: "STRIPE_KEY_EU", id: "acct_eu", where: { subscriptions: "true" } },
        us: { key: "STRIPE_KEY_US", id: "acct_us", where: { subscriptions: "false" }, ...us },
        shop: {
          key: "STRIPE_KEY_EU",
          stripeAccount: "acct_shop",
          resources: { subscriptions: { ...subscriptions, table: "shop" } },
        },
      },
      resources: { subscriptions },
    });
    if (!config) throw new Error("the config is wrong");
    const [first, ...others] = config.accounts.map((one) => ({ config: one, stripe: t.desk.stripe }));
    return { ...withSecrets(secrets), config, accounts: [first as NonNullable<typeof first>, ...others] };
  };

  test("each is told by its own secret, and a connected one by its name", async () => {
    const several = of(own, { STRIPE_WEBHOOK_SECRET: [secret], STRIPE_WEBHOOK_SECRET_US: ["whsec_us"] });
    await answerTo(requestOf(event({ id: "evt_1" })), several);
    await answerTo(requestOf(event({ id: "evt_2" }), { key: "whsec_us" }), several);
    await answerTo(requestOf(event({ id: "evt_3", account: "acct_shop" })), several);
    expect((await kept()).map(({ accountId, account }) => [accountId, account])).toEqual([
      ["acct_eu", null],
      ["acct_us", null],
      ["acct_shop", "acct_shop"],
    ]);
    // The secret of one account says nothing about another.
    const foreign = requestOf(event({ id: "evt_4", account: "acct_shop" }), { key: "whsec_us" });
    expect(await answerTo(foreign, several)).toMatchObject({ status: 200, outcome: "other_account" });
  });

  test("one secret for two of them leaves open which one is meant, and the answer says what to do", async () => {
    const answer = await answerTo(requestOf(event()), of({}, { STRIPE_WEBHOOK_SECRET: [secret] }));
    expect(answer).toMatchObject({ status: 503, code: "webhook_unclear_account" });
    expect(answer.message).toContain("webhookSecret");
    expect(await kept()).toEqual([]);
  });
});

test("of a body without an end no more is read than an event can have", async () => {
  let pulled = 0;
  const endless = new ReadableStream({
    pull(stream) {
      pulled++;
      stream.enqueue(new Uint8Array(65_536));
    },
  });
  expect(await answerTo(requestOf(event(), { sent: endless }))).toMatchObject({ status: 413 });
  expect(pulled).toBeLessThan(20);
  // And of one that nobody signed, or that says itself that it is too long, nothing at all.
  pulled = 0;
  const untouched = () =>
    new ReadableStream({ pull: () => void pulled++ }, { highWaterMark: 0 }) as unknown as BodyInit;
  const long = requestOf(event(), { sent: untouched() });
  long.headers.set("content-length", "2000000");
  expect(await answerTo(long)).toMatchObject({ status: 413 });
  const unsigned = requestOf(event(), { sent: untouched() });
  unsigned.headers.delete("stripe-signature");
  expect(await answerTo(unsigned)).toMatchObject({ status: 400 });
  expect(pulled).toBe(0);
});

test("ten thousand forged requests write one line", async () => {
  let statements = 0;
  const sql = new Proxy(t.desk.sql, {
    apply: (target, self, given) => {
      statements++;
      return Reflect.apply(target, self, given);
    },
  });
  const watched = withSecrets({ STRIPE_WEBHOOK_SECRET: [secret] }, { sql });
  for (let i = 0; i < 10_000; i++)
    await receiveWebhook(watched, requestOf(event({ id: `evt_${i}` }), { key: "whsec_guessed" }));
  expect(statements).toBe(0);
  await flushWebhookCounts(watched);
  expect(statements).toBe(1);
  const rows = await t.desk.sql`SELECT hour, outcome, count::int AS count FROM driftdesk.webhook_counts`;
  expect(rows).toEqual([{ hour: start, outcome: "forged", count: 10_000 }]);
});

test("what could not be counted in the table yet is counted later, each in its hour", async () => {
  let broken = true;
  const sql = new Proxy(t.desk.sql, {
    apply: (target, self, given) =>
      broken ? Promise.reject(new Error("the database is gone")) : Reflect.apply(target, self, given),
  });
  const counting = withSecrets({ STRIPE_WEBHOOK_SECRET: [secret] }, { sql });
  await receiveWebhook(counting, requestOf(event(), { key: "whsec_guessed" }));
  await flushWebhookCounts(counting);
  now = new Date(start.getTime() + 3_600_000);
  await receiveWebhook(counting, requestOf(event(), { key: "whsec_guessed" }));
  broken = false;
  await flushWebhookCounts(counting);
  const rows = await t.desk.sql`SELECT hour, count::int AS count FROM driftdesk.webhook_counts ORDER BY hour`;
  expect(rows).toEqual([
    { hour: start, count: 1 },
    { hour: now, count: 1 },
  ]);
});
