// Each cause as a small story: what Stripe told, what the log of the company has, what the row says; and where nobody can know.
import { afterEach, describe, expect, test } from "vitest";
import { createExample } from "../../sandbox/example/create.ts";
import { openTestDesk, type TestDesk } from "../../sandbox/testing.ts";
import { run } from "../../sandbox/testing-runs.ts";
import { changePlan } from "../../sandbox/world/changes/subscription.ts";
import type { WireEvent } from "../../sandbox/world/event.ts";
import { generateWorld } from "../../sandbox/world/index.ts";
import type { ConfigDefinition } from "../config/define.ts";
import type { Cause } from "../db/schema.ts";
import { createStripeReader } from "../stripe/client.ts";
import { diagnose } from "./diagnose.ts";
import type { Evidence } from "./evidence.ts";

const start = new Date("2026-11-24T12:00:00Z");
const minute = 60_000;
const hour = 60 * minute;
const restricted = "rk_test_noevents0000000000000";
let now = start;
let t: TestDesk;

const mapping = {
  resources: {
    accounts: {
      stripe: "subscription",
      table: "customer_accounts",
      key: "id",
      stripeId: "stripe_subscription_id",
      updatedAt: "updated_at",
      where: "deleted_at IS NULL",
      fields: {
        seats: (s) => s.items.data[0]?.quantity,
        currency: { from: "currency", compare: "ignoreCase" },
      },
    },
  },
  pace: { requestsPerSecond: 2_000, perEndpoint: 2_000 },
} satisfies ConfigDefinition;
const webhookLog = {
  table: "stripe_events",
  eventId: "event_id",
  receivedAt: "received_at",
  processedAt: "processed_at",
};

/** A company in order, compared a first time; an hour later something happens. */
async function open(change: Partial<ConfigDefinition> = { webhookLog }): Promise<void> {
  now = start;
  const world = generateWorld({ seed: 11, customers: 80, now, invoicesPerSubscription: 1 });
  t = await openTestDesk({
    world,
    config: { ...mapping, ...change } as ConfigDefinition,
    now: () => now,
    sandbox: { restrictedKeys: { [restricted]: ["rak_subscription_read", "rak_accounts_kyc_basic_read"] } },
  });
  await createExample(t.local, world, { seed: 11, now, drift: 0 });
  await t.grant();
  await run(t.desk);
  pass(hour);
}
afterEach(() => t.close());

function pass(ms: number): void {
  now = new Date(now.getTime() + ms);
}

/** Subscriptions whose seats can be changed, each with a row. */
const subscriptionAt = (i: number) =>
  [...t.sandbox.world.subscriptions.values()].filter(({ status }) => status === "active")[i]?.id ?? "";

/** Changes the seats at Stripe, and answers the event that tells it. */
function seats(id: string, quantity: number): WireEvent {
  const { world } = t.sandbox;
  const price = world.subscriptions.get(id)?.items.data[0]?.price.id ?? "";
  changePlan(world, now, { subscription: id, price, quantity });
  return [...world.events.values()].at(-1) as WireEvent;
}

const deliver = ({ id }: WireEvent) => {
  const event = t.sandbox.world.events.get(id) as WireEvent;
  t.sandbox.world.events.put({ ...event, pending_webhooks: 0 });
};
/** The company's endpoint took it; `processed`: after so many seconds, or not at all. */
async function log(event: WireEvent, { processed }: { processed: number | null }): Promise<void> {
  deliver(event);
  const at = (seconds: number) => new Date((event.created + seconds) * 1000);
  await t.local`
    INSERT INTO stripe_events (event_id, type, received_at, processed_at)
    VALUES (${event.id}, ${event.type}, ${at(1)}, ${processed === null ? null : at(processed)})`;
}
const write = (id: string, quantity: number, at: Date) =>
  t.local`UPDATE customer_accounts SET seats = ${quantity}, updated_at = ${at} WHERE stripe_subscription_id = ${id}`;
const seatsOf = async (id: string): Promise<number> => {
  const [row] = await t.local<{ seats: number }[]>`
    SELECT seats FROM customer_accounts WHERE stripe_subscription_id = ${id} AND deleted_at IS NULL`;
  return row?.seats ?? 0;
};

interface Told {
  cause: Cause;
  evidence: Evidence;
  version: number;
}
const causeOf = async (id: string): Promise<Told | undefined> => {
  const [row] = await t.desk.sql<Told[]>`
    SELECT cause, cause_evidence AS evidence, version FROM driftdesk.discrepancies WHERE stripe_id = ${id}`;
  return row;
};
const steps = (told: Told | undefined) => told?.evidence.timeline.map(({ what }) => what);
const hourly = async () => {
  const ended = await run(t.desk, { mode: "incremental" });
  expect(ended).toMatchObject({ state: "succeeded", mode: "incremental" });
};

test("what Stripe could not deliver is named with its endpoint and since when, and corrected when it came late", async () => {
  await open();
  const [one, two] = [subscriptionAt(0), subscriptionAt(1)];
  const first = seats(one, 40);
  pass(20 * minute);
  seats(two, 41);
  pass(20 * minute);
  await hourly();
  const told = await causeOf(two);
  expect(told).toMatchObject({
    cause: "webhook_undelivered",
    evidence: {
      why: "undelivered",
      endpoint: { url: "https://api.acme.example/webhooks/stripe" },
      since: { at: new Date(first.created * 1000).toISOString(), open: false },
    },
  });
  expect(steps(told)).toEqual(["row_changed", "told", "undelivered", "found"]);
  expect(told?.evidence.timeline[1]).toMatchObject({
    type: "customer.subscription.updated",
    changes: [{ name: "seats", from: String(await seatsOf(two)), to: "41" }],
  });
  const totals = await t.desk.sql`
    SELECT sum(rows)::int AS rows FROM driftdesk.discrepancy_totals WHERE cause = 'webhook_undelivered'`;
  expect(totals[0]?.rows).toBe(2);

  // Stripe's retry got through, and the handler fell over it.
  pass(hour);
  await log(first, { processed: null });
  await hourly();
  expect(await causeOf(one)).toMatchObject({
    cause: "handler_failed",
    evidence: { why: "failed" },
    version: 1,
  });
  expect(await causeOf(two)).toMatchObject({ cause: "webhook_undelivered", version: 1 });
  const entries = await t.desk.sql`
    SELECT data FROM driftdesk.audit_entries WHERE action = 'causes.found' ORDER BY seq`;
  expect(entries.map(({ data }) => data)).toEqual([
    { causes: { webhook_undelivered: 2 } },
    { causes: { handler_failed: 1 } },
  ]);
});

test("lost, failed, in the wrong order, edited here: each by what its sources say", async () => {
  await open();
  const [lost, failed, order, edited, fresh, unapplied] = [0, 1, 2, 3, 4, 5].map(subscriptionAt) as [
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  deliver(seats(lost, 40));
  const unprocessed = seats(failed, 41);
  const earlier = seats(order, 42);
  pass(20_000);
  const later = seats(order, 43);
  const done = seats(unapplied, 44);
  await log(unprocessed, { processed: null });
  await log(later, { processed: 2 });
  await log(earlier, { processed: 90 });
  await log(done, { processed: 2 });
  await write(order, 42, new Date((earlier.created + 90) * 1000));
  // By the database's clock, which is the one that changes of rows are told by.
  await write(edited, 45, new Date());
  pass(30 * minute);
  // Something else went well after all that: the log is kept.
  await log(seats(subscriptionAt(6), (await seatsOf(subscriptionAt(6))) + 1), { processed: 2 });
  await write(subscriptionAt(6), (await seatsOf(subscriptionAt(6))) + 1, now);
  pass(8 * minute);
  seats(fresh, 46);
  pass(minute);
  await hourly();

  expect(await causeOf(lost)).toMatchObject({ cause: "webhook_lost", evidence: { why: "lost" } });
  expect(steps(await causeOf(lost))).toEqual(["row_changed", "told", "unlogged", "found"]);
  expect(await causeOf(failed)).toMatchObject({ cause: "handler_failed", evidence: { why: "failed" } });
  expect(steps(await causeOf(failed))).toEqual(["row_changed", "told", "arrived", "unprocessed", "found"]);
  expect(await causeOf(order)).toMatchObject({ cause: "handler_failed", evidence: { why: "order" } });
  expect((await causeOf(order))?.evidence.timeline).toMatchObject([
    { what: "told", event: earlier.id },
    { what: "arrived" },
    { what: "told", event: later.id },
    { what: "arrived" },
    { what: "processed" },
    { what: "processed", overwrote: true },
    { what: "found" },
  ]);
  expect(await causeOf(edited)).toMatchObject({ cause: "local_edit", evidence: { why: "edited_since" } });
  expect(steps(await causeOf(edited))?.toSorted()).toEqual(["equal", "found", "row_changed"]);
  expect(await causeOf(fresh)).toMatchObject({ cause: "unknown", evidence: { why: "on_its_way" } });
  expect(await causeOf(unapplied)).toMatchObject({ cause: "unknown", evidence: { why: "unapplied" } });
  // What was on its way is looked at again when it should have come.
  pass(hour);
  await hourly();
  expect(await causeOf(fresh)).toMatchObject({ cause: "webhook_undelivered", version: 1 });
});

test("an old event that comes late, after both sides were equal, is no edit", async () => {
  await open();
  const id = subscriptionAt(0);
  const stale = seats(id, 40);
  pass(10 * minute);
  await log(seats(id, 41), { processed: 2 });
  await write(id, 41, now);
  pass(hour);
  await hourly();
  expect(await causeOf(id)).toBeUndefined();
  // By the database's clock, which is the one that changes of rows are told by.
  const late = new Date();
  deliver(stale);
  await t.local`
    INSERT INTO stripe_events (event_id, type, received_at, processed_at) VALUES (${stale.id}, ${stale.type}, ${late}, ${late})`;
  await write(id, 40, late);
  pass(hour);
  await hourly();
  expect(await causeOf(id)).toMatchObject({ cause: "handler_failed", evidence: { why: "order" } });
});

test("without a log only deliveries that failed are known, and edits of what was equal before", async () => {
  await open({});
  const [undelivered, delivered, edited] = [0, 1, 2].map(subscriptionAt) as [string, string, string];
  seats(undelivered, 40);
  deliver(seats(delivered, 41));
  await write(edited, 42, new Date());
  pass(hour);
  await hourly();
  expect((await causeOf(undelivered))?.cause).toBe("webhook_undelivered");
  expect(await causeOf(delivered)).toMatchObject({ cause: "unknown", evidence: { why: "no_log" } });
  expect(await causeOf(edited)).toMatchObject({ cause: "local_edit", evidence: { why: "edited_since" } });
});

test("of several endpoints one that does not answer says nothing about the others, unless we know that it is ours", async () => {
  await open({});
  t.sandbox.webhooks.add("http://127.0.0.1:9/other");
  const [both, either, ours] = [0, 1, 2].map(subscriptionAt) as [string, string, string];
  const one = (event: WireEvent) => t.sandbox.world.events.put({ ...event, pending_webhooks: 1 });
  seats(both, 40);
  one(seats(either, 41));
  const received = one(seats(ours, 42));
  await t.desk.sql`
    INSERT INTO driftdesk.webhook_events (account_id, event_id, type, object_type, created, livemode, received_at)
    VALUES (${t.sandbox.world.account.id}, ${received.id}, ${received.type}, 'subscription', ${now}, false, ${now})`;
  pass(hour);
  await hourly();
  expect(await causeOf(both)).toMatchObject({
    cause: "webhook_undelivered",
    evidence: { endpoint: { of: 2 } },
  });
  expect(await causeOf(either)).toMatchObject({ cause: "unknown", evidence: { why: "unclear" } });
  expect((await causeOf(ours))?.cause).toBe("webhook_undelivered");
  expect(steps(await causeOf(ours))).toContain("received");
});

describe("is unknown, and the run goes on,", () => {
  test("when the key may not read events", async () => {
    await open();
    const id = subscriptionAt(0);
    seats(id, 40);
    pass(hour);
    const stripe = createStripeReader({
      secretKey: restricted,
      apiBase: t.sandbox.url,
      pace: t.desk.config.pace,
    });
    expect((await run(t.with({ stripe }))).state).toBe("succeeded");
    expect(await causeOf(id)).toMatchObject({ cause: "unknown", evidence: { why: "unreadable" } });
  });

  test("when a source is broken", async () => {
    await open();
    const id = subscriptionAt(0);
    seats(id, 40);
    pass(hour);
    await t.local`DROP TABLE stripe_events`;
    await hourly();
    expect(await causeOf(id)).toMatchObject({ cause: "unknown", evidence: null });
  });

  test("when Stripe has forgotten the event, and a row that was written since then proves nothing", async () => {
    await open();
    const [told, silent] = [subscriptionAt(0), subscriptionAt(1)];
    const { world } = t.sandbox;
    for (const event of [...world.events.values()])
      if (event.data.object.id === silent) world.events.delete(event.id);
    seats(told, 40);
    await write(silent, 41, now);
    await t.desk.sql`DELETE FROM driftdesk.cursors`;
    await t.desk.sql`UPDATE driftdesk.run_resources SET state = 'failed'`;
    pass(31 * 24 * hour);
    await write(told, 1, now);
    await run(t.desk);
    for (const id of [told, silent])
      expect(await causeOf(id)).toMatchObject({ cause: "unknown", evidence: { why: "too_old" } });
  });

  test("when there are more events than a run may ask for, and says how far it has looked", async () => {
    await open();
    const id = subscriptionAt(0);
    deliver(seats(id, 40));
    const { world } = t.sandbox;
    pass(minute);
    for (let i = 0; i < 150; i++) {
      deliver(seats(subscriptionAt(1 + (i % 5)), 50 + i));
      pass(1_000);
    }
    pass(hour);
    const ended = await run(t.desk);
    await t.desk
      .sql`UPDATE driftdesk.discrepancies SET cause = 'unknown', cause_version = NULL, cause_evidence = NULL`;
    const [asked] = await t.desk.sql`SELECT * FROM driftdesk.runs WHERE id = ${ended.id}`;
    const whose = { run: asked as never, accountId: world.account.id };
    await diagnose(t.desk, whose, { signal: new AbortController().signal, requests: 2 });
    const told = await causeOf(id);
    expect(told).toMatchObject({ cause: "unknown", evidence: { why: "not_looked" } });
    expect(Date.parse(told?.evidence.from ?? "")).toBeGreaterThan(start.getTime() + hour);
    expect(steps(told)).toEqual(["row_changed", "found"]);
  });
});
