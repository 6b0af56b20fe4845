import { afterEach, expect, test } from "vitest";
import { openTestDesk, type TestDesk } from "../../sandbox/testing.ts";
import { run } from "../../sandbox/testing-runs.ts";
import { generateWorld } from "../../sandbox/world/world.ts";
import { defineConfig } from "../config/define.ts";
import { systemActor } from "../desk.ts";
import { executeRun } from "./run.ts";
import { requestRun } from "./runs.ts";

const now = new Date("2026-11-24T12:00:00Z");
const config = defineConfig({
  resources: {
    subscriptions: {
      stripe: "subscription",
      table: "Customer Accounts",
      key: "id",
      stripeId: "stripe id",
      label: "label",
      fields: { status: "status", amount: { from: (s) => s.items.data[0]?.price.unit_amount, money: true } },
      access: { field: "status", granted: ["active", "trialing"] },
    },
  },
  pace: { requestsPerSecond: 10_000, perEndpoint: 10_000 },
});

let opened: TestDesk | undefined;
afterEach(async () => {
  await opened?.close();
  opened = undefined;
});

/** A faithful copy of every subscription. */
async function openMirror(customers = 300): Promise<TestDesk> {
  const world = generateWorld({ seed: 5, customers, now, invoicesPerSubscription: 0 });
  opened = await openTestDesk({ world, config, now: () => now });
  await opened.local`CREATE TABLE "Customer Accounts" (
    id serial PRIMARY KEY, "stripe id" varchar(255), label text, status text, amount bigint)`;
  await opened.grant();
  const rows = [...world.subscriptions.values()].map((s) => ({
    "stripe id": s.id,
    label: `${s.customer}`,
    status: s.status,
    amount: s.items.data[0]?.price.unit_amount ?? 0,
  }));
  await opened.local`INSERT INTO "Customer Accounts" ${opened.local(rows)}`;
  return opened;
}

const found = (t: TestDesk) => t.desk.sql`
  SELECT kind, stripe_id, local_key, fields, change, impact, amount_minor, state, version, label
  FROM driftdesk.discrepancies ORDER BY id`;

test("a faithful copy has no differences, and every record was compared", async () => {
  const t = await openMirror();
  const ended = await run(t.desk);
  expect(ended).toMatchObject({ state: "succeeded", message: null });
  expect(ended.resources[0]).toMatchObject({
    compared: t.sandbox.world.subscriptions.size,
    mismatch: 0,
    state: "done",
  });
  expect(await found(t)).toEqual([]);
});

test("each kind of drift is found, with what it does to people and money, and nothing else", async () => {
  const t = await openMirror();
  const active = [...t.sandbox.world.subscriptions.values()].filter((s) => s.status === "active");
  const [lockedOut, wrongAmount, missing, twice] = active.map((s) => s.id) as [
    string,
    string,
    string,
    string,
  ];
  const table = t.local`"Customer Accounts"`;
  await t.local`UPDATE ${table} SET status = 'past_due' WHERE "stripe id" = ${lockedOut}`;
  await t.local`UPDATE ${table} SET amount = amount + 250 WHERE "stripe id" = ${wrongAmount}`;
  await t.local`DELETE FROM ${table} WHERE "stripe id" = ${missing}`;
  await t.local`INSERT INTO ${table} ("stripe id", label, status, amount) SELECT "stripe id", 'again', status, amount FROM ${table} WHERE "stripe id" = ${twice}`;
  await t.local`INSERT INTO ${table} ("stripe id", label, status, amount) VALUES ('sub_gone', 'gone', 'active', 1), (NULL, 'free', 'active', 0), ('', 'free', 'active', 0)`;
  const ended = await run(t.desk);
  expect(ended.resources[0]).toMatchObject({
    mismatch: 2,
    missingLocal: 1,
    missingInStripe: 1,
    duplicate: 2,
  });
  const rows = await found(t);
  expect(rows.map((row) => [row.kind, row.stripe_id, row.impact]).sort()).toEqual(
    [
      ["mismatch", lockedOut, "paid_no_access"],
      ["mismatch", wrongAmount, "money"],
      ["missing_local", missing, "paid_no_access"],
      ["duplicate", twice, "other"],
      ["duplicate", twice, "other"],
      ["missing_in_stripe", "sub_gone", "access_no_pay"],
    ].sort(),
  );
  expect(rows.find((row) => row.stripe_id === lockedOut)).toMatchObject({
    change: "past_due → active",
    fields: [{ name: "status", local: "past_due", stripe: "active" }],
  });
  expect(rows.find((row) => row.stripe_id === wrongAmount)).toMatchObject({ amount_minor: 250 });
});

test("a second run changes nothing; one that vanished is resolved; one that returns is open again", async () => {
  const t = await openMirror();
  const id = [...t.sandbox.world.subscriptions.values()].find((s) => s.status === "active")?.id as string;
  const setStatus = (status: string) =>
    t.local`UPDATE "Customer Accounts" SET status = ${status} WHERE "stripe id" = ${id}`;
  const actions = async () =>
    (
      await t.desk
        .sql`SELECT action FROM driftdesk.audit_entries WHERE discrepancy_id IS NOT NULL ORDER BY seq`
    ).map((row) => row.action);
  await setStatus("canceled");
  await run(t.desk);
  const first = await found(t);
  await run(t.desk);
  expect(await found(t)).toEqual(first);
  expect(await actions()).toEqual(["discrepancy.found"]);
  await t.desk.sql`UPDATE driftdesk.discrepancies SET state = 'rejected'`;
  await setStatus("past_due");
  await run(t.desk);
  expect(await found(t)).toMatchObject([{ state: "open", version: 2, change: "past_due → active" }]);
  await setStatus("active");
  await run(t.desk);
  expect(await found(t)).toMatchObject([{ state: "resolved" }]);
  await setStatus("unpaid");
  await run(t.desk);
  expect(await found(t)).toMatchObject([{ state: "open", version: 3 }]);
  expect(await actions()).toEqual([
    "discrepancy.found",
    "discrepancy.changed",
    "discrepancy.resolved",
    "discrepancy.reopened",
  ]);
});

test("what is recorded is locked in the order in which people's decisions lock it", async () => {
  const t = await openMirror(100);
  const set = (status: string, rows: string) =>
    t.local.unsafe(`UPDATE "Customer Accounts" SET status = '${status}' WHERE id IN (${rows})`);
  await set("nonsense", "1, 2");
  await run(t.desk);
  const [first, second] = await t.desk.sql<{ id: number; key: string; stripe: string }[]>`
    SELECT id, local_key AS key, stripe_id AS stripe FROM driftdesk.discrepancies ORDER BY id`;
  if (!first || !second) throw new Error("too few");
  // The first vanishes, which is found out after the second was seen again.
  await set(t.sandbox.world.subscriptions.get(first.stripe)?.status as string, first.key);
  const decision = await t.desk.sql.reserve();
  await decision`BEGIN`;
  await decision`SELECT FROM driftdesk.discrepancies WHERE id = ${first.id} FOR UPDATE`;
  const running = run(t.desk);
  const waiting = () => t.desk.sql`
    SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
  await expect.poll(async () => (await waiting()).length, { timeout: 10_000 }).toBe(1);
  await decision`SELECT FROM driftdesk.discrepancies WHERE id = ${second.id} FOR UPDATE NOWAIT`;
  await decision`COMMIT`;
  decision.release();
  expect((await running).state).toBe("succeeded");
  expect((await found(t)).map((row) => row.state)).toEqual(["resolved", "open"]);
});

test("rows that change while the run goes on are not reported as drift", async () => {
  const t = await openMirror();
  const [first, second] = [...t.sandbox.world.subscriptions.values()].filter((s) => s.status === "active");
  await t.local`UPDATE "Customer Accounts" SET status = 'past_due' WHERE "stripe id" = ${first?.id as string}`;
  await t.local`DELETE FROM "Customer Accounts" WHERE "stripe id" = ${second?.id as string}`;
  // The webhooks arrive after the local rows were copied, before they are read again.
  let healed = false;
  const stripe = {
    ...t.desk.stripe,
    counts: t.desk.stripe.counts,
    retrieve: (async (...args: Parameters<typeof t.desk.stripe.retrieve>) =>
      t.desk.stripe.retrieve(...args)) as typeof t.desk.stripe.retrieve,
    list: (async (...args: Parameters<typeof t.desk.stripe.list>) => {
      const page = await t.desk.stripe.list(...args);
      const [copied] = await t.desk.sql`SELECT FROM driftdesk.local_copies`;
      if (copied && !healed) {
        healed = true;
        await t.local`UPDATE "Customer Accounts" SET status = 'active' WHERE "stripe id" = ${first?.id as string}`;
        await t.local`INSERT INTO "Customer Accounts" ("stripe id", status, amount) VALUES (${second?.id as string}, 'active', ${second?.items.data[0]?.price.unit_amount ?? 0})`;
      }
      return page;
    }) as typeof t.desk.stripe.list,
  };
  t.sandbox.setLatency(60);
  const ended = await run(t.with({ stripe }));
  expect(healed).toBe(true);
  expect(ended.state).toBe("succeeded");
  expect(await found(t)).toEqual([]);
});

test("a row that comes to stand for an object younger than the run is not missing in Stripe", async () => {
  const t = await openMirror();
  const { subscriptions } = t.sandbox.world;
  const [first] = [...subscriptions.values()].filter((s) => s.status === "active");
  if (!first) throw new Error("no active subscription");
  await t.local`UPDATE "Customer Accounts" SET status = 'past_due' WHERE "stripe id" = ${first.id}`;
  // Somebody subscribes anew after the local rows were copied, and the webhook arrives.
  let renewed = false;
  const list = (async (...args: Parameters<typeof t.desk.stripe.list>) => {
    const page = await t.desk.stripe.list(...args);
    const [copied] = await t.desk.sql`SELECT FROM driftdesk.local_copies`;
    if (copied && !renewed) {
      renewed = true;
      subscriptions.put({ ...first, id: "sub_new", created: now.getTime() / 1000 + 60 });
      await t.local`UPDATE "Customer Accounts" SET "stripe id" = 'sub_new', status = 'active' WHERE "stripe id" = ${first.id}`;
    }
    return page;
  }) as typeof t.desk.stripe.list;
  t.sandbox.setLatency(60);
  await run(t.with({ stripe: { ...t.desk.stripe, counts: t.desk.stripe.counts, list } }));
  expect(renewed).toBe(true);
  expect((await found(t)).map(({ kind, stripe_id }) => [kind, stripe_id])).toEqual([
    ["missing_local", first.id],
  ]);
});

test("an empty table is suspicious and reports nothing missing", async () => {
  const t = await openMirror();
  await t.local`DELETE FROM "Customer Accounts"`;
  const ended = await run(t.desk);
  expect(ended.state).toBe("suspicious");
  expect(ended.message).toContain("objects have no row");
  expect(await found(t)).toEqual([]);
});

test("a projection that throws and a value that does not fit are errors of their rows", async () => {
  const t = await openMirror();
  const subscriptions = [...t.sandbox.world.subscriptions.values()];
  const [throwing, other] = subscriptions;
  if (!throwing || !other) throw new Error("too few");
  const resource = t.desk.config.resources[0];
  if (!resource) throw new Error("no resource");
  const desk = t.with({
    config: {
      ...t.desk.config,
      resources: [
        {
          ...resource,
          fields: resource.fields.map((field) =>
            field.column === "amount"
              ? {
                  ...field,
                  from: (s: { id: string; items: { data: { price: { unit_amount: number } }[] } }) => {
                    if (s.id === throwing.id) throw new Error("no such thing");
                    return s.id === other.id ? "9".repeat(30) : s.items.data[0]?.price.unit_amount;
                  },
                }
              : field,
          ),
        },
      ],
    },
  });
  const ended = await run(desk);
  expect(ended.state).toBe("succeeded");
  const rows = await t.desk
    .sql`SELECT stripe_id, kind, fields, row_error FROM driftdesk.discrepancies ORDER BY row_error`;
  expect(rows.map((row) => row.stripe_id).sort()).toEqual([throwing.id, other.id].sort());
  expect(rows.find((row) => row.stripe_id === throwing.id)).toMatchObject({
    kind: "mismatch",
    fields: [],
    row_error: "amount: no such thing",
  });
  expect(rows.find((row) => row.stripe_id === other.id)?.row_error).toContain("out of range");
});

test("a key of another account stops the run before anything is compared", async () => {
  const t = await openMirror(50);
  const ended = await run(
    t.with({ config: { ...t.desk.config, account: { ...t.desk.config.account, id: "acct_other" } } }),
  );
  expect(ended).toMatchObject({ state: "failed", errorCode: "account_mismatch" });
  expect(t.sandbox.counts.byEndpoint.get("list subscriptions")).toBeUndefined();
});

test("two processes that execute one run share it, and each page is read once", async () => {
  const t = await openMirror();
  t.sandbox.setLatency(30);
  const request = () => requestRun(t.desk, { mode: "full", trigger: "command", actor: systemActor });
  const { run: requested } = await request();
  expect(await request()).toMatchObject({ alreadyRunning: true, run: { id: requested.id } });
  const both = await Promise.all([executeRun(t.desk, requested.id), executeRun(t.desk, requested.id)]);
  for (const ended of both) expect(ended).toMatchObject({ state: "succeeded", attempts: 1 });
  expect(both[0]?.resources[0]).toMatchObject({
    compared: t.sandbox.world.subscriptions.size,
    objects: t.sandbox.world.subscriptions.size,
  });
});

test("nothing is ever written to Stripe; after the run the staging tables are gone and the totals folded", async () => {
  const t = await openMirror(100);
  await t.desk.sql`
    INSERT INTO driftdesk.discrepancy_totals
      (account_id, resource, kind, state, impact, cause, change, rows, amount_minor)
    SELECT 'acct_1', 'charges', 'mismatch', 'open', 'other', 'unknown', '', 1 - n % 2 * 2, 0
    FROM generate_series(1, 600) AS n`;
  await run(t.desk);
  expect(t.sandbox.counts.writes).toBe(0);
  const tables = await t.desk.sql`SELECT tablename FROM pg_tables WHERE schemaname = 'driftdesk_staging'`;
  expect(tables).toEqual([]);
  expect([
    ...(await t.desk.sql`SELECT FROM driftdesk.discrepancy_totals WHERE resource = 'charges'`),
  ]).toEqual([]);
});
