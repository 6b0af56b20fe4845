import { randomUUID } from "node:crypto";
import { afterEach, expect, test } from "vitest";
import { openTestDesk, type TestDesk } from "../../sandbox/testing.ts";
import { request } from "../../sandbox/testing-runs.ts";
import { generateWorld } from "../../sandbox/world/world.ts";
import { defineConfig } from "../config/define.ts";
import { connect } from "../db/connect.ts";
import { createStripeReader } from "../stripe/client.ts";
import type { StripeReader } from "../stripe/reader.ts";
import { joinRun } from "./lease.ts";
import { planResource } from "./plan.ts";
import { executeRun } from "./run.ts";
import { getRun } from "./runs.ts";
import { createStagingTables } from "./staging.ts";
import { addWindows, claimWindows, passPage, planWindows } from "./windows.ts";

const now = new Date("2026-11-24T12:00:00Z");
const config = defineConfig({
  resources: {
    people: {
      stripe: "customer",
      table: "people",
      key: "id",
      stripeId: "stripe_id",
      fields: { email: "email" },
    },
  },
  pace: { requestsPerSecond: 10_000, perEndpoint: 10_000 },
});

let opened: TestDesk | undefined;
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  await opened?.close();
  opened = undefined;
});

/** So many customers, created as `at` says of their place in the order, and a faithful copy of them. */
async function open(count: number, at: (place: number, created: number) => number): Promise<TestDesk> {
  const world = generateWorld({
    seed: 4,
    customers: Math.ceil(count * 1.1) + 5,
    now,
    invoicesPerSubscription: 0,
  });
  const { customers } = world;
  const living = customers
    .newestFirst()
    .flatMap((c) => (c.deleted ? [] : [c]))
    .slice(0, count);
  customers.clear();
  customers.delete("");
  for (const [i, one] of living.entries()) customers.put({ ...one, created: at(i, one.created) });
  opened = await openTestDesk({ world, config, now: () => now });
  const { local } = opened;
  await local`CREATE TABLE people (id serial PRIMARY KEY, stripe_id text UNIQUE, email text)`;
  await opened.grant();
  if (count > 0)
    await local`INSERT INTO people ${local(living.map((c) => ({ stripe_id: c.id, email: c.email })))}`;
  return opened;
}

const listed = (t: TestDesk) => t.sandbox.counts.byEndpoint.get("list customers") ?? 0;
const discrepancies = async (t: TestDesk) => [
  ...(await t.desk.sql`SELECT kind, stripe_id FROM driftdesk.discrepancies`),
];
const day = 86_400;

test.each([
  ["none", 0, (_: number, created: number) => created, 1],
  ["three", 3, (_: number, created: number) => created, 1],
  ["some pages", 250, (_: number, created: number) => created, 4],
  ["all within one second", 950, () => 1_790_000_000, 24],
  ["most within one second", 1_000, (i: number, c: number) => (i % 10 < 8 ? 1_790_000_000 : c), 26],
  ["all on one day, long ago", 950, (i: number) => 1_600_000_000 + ((i * 7_919) % day), 26],
])("of %s each is read once, in few requests more than there are pages", async (_, count, at, most) => {
  const t = await open(count, at);
  const ended = await executeRun(t.desk, await request(t.desk));
  expect(ended).toMatchObject({ state: "succeeded", message: null });
  expect(ended.resources[0]).toMatchObject({ objects: count, compared: count });
  expect(await discrepancies(t)).toEqual([]);
  expect(listed(t)).toBeLessThanOrEqual(most);
  // What was made for cutting is what was asked for.
  expect(ended.resources[0]?.pages).toBe(listed(t));
});

test("when the object that a cursor names was deleted, hardly anything is read again, and nothing twice", async () => {
  // One reader: nothing is cut, and the window is read from its newest object to its oldest.
  const t = await open(950, (i) => 1_790_000_000 - Math.floor(i / 40));
  const deleted: string[] = [];
  const stripe: StripeReader = {
    ...t.desk.stripe,
    list: async (type, filter) => {
      if (filter.startingAfter && listed(t) === 6) {
        deleted.push(filter.startingAfter);
        t.sandbox.world.customers.delete(filter.startingAfter);
      }
      return t.desk.stripe.list(type, filter);
    },
  };
  const ended = await executeRun(t.with({ stripe }), await request(t.desk), { parallel: 1 });
  expect(deleted).toHaveLength(1);
  expect(ended).toMatchObject({ state: "succeeded" });
  expect(ended.resources[0]).toMatchObject({ objects: 949 });
  expect(await discrepancies(t)).toEqual([{ kind: "missing_in_stripe", stripe_id: deleted[0] }]);
  // Ten pages, the refused request, and the second in which it was created.
  expect(listed(t)).toBeLessThanOrEqual(12);
});

test("processes share the windows of one resource, and each object is staged once", async () => {
  const t = await open(1_200, (_, created) => created);
  t.sandbox.setLatency(250);
  const id = await request(t.desk);
  const pages = { first: 0, second: 0 };
  const counted = (who: keyof typeof pages): StripeReader => {
    const { secretKey, url: apiBase } = t.sandbox;
    const stripe = createStripeReader({ secretKey, apiBase, pace: t.desk.config.pace });
    return {
      ...stripe,
      list: (type, filter) => {
        pages[who]++;
        return stripe.list(type, filter);
      },
    };
  };
  const sql = connect(t.variables.DATABASE_URL as string);
  cleanups.push(() => sql.end());
  const first = executeRun(t.with({ stripe: counted("first") }), id, { parallel: 1 });
  await expect.poll(() => pages.first, { timeout: 10_000 }).toBeGreaterThan(1);
  const second = executeRun(t.with({ sql, local: sql, stripe: counted("second") }), id, {
    parallel: 3,
    onlyHelp: true,
  });
  await second;
  expect(await first).toMatchObject({ state: "succeeded", attempts: 1 });
  const run = await getRun(t.desk.sql, id);
  expect(run?.resources[0]).toMatchObject({
    objects: 1_200,
    compared: 1_200,
    pages: pages.first + pages.second,
  });
  expect(pages.second).toBeGreaterThan(2);
  expect(run?.requests).toBe(t.sandbox.counts.total);
  expect(await discrepancies(t)).toEqual([]);
});

test("a window belongs to one process as long as that lives, and to the next one afterwards", async () => {
  const t = await open(3, (_, created) => created);
  const { sql } = t.desk;
  const run = await getRun(sql, await request(t.desk));
  const [resource] = t.desk.config.resources;
  if (!run || !resource) throw new Error("nothing to read");
  const stage = await planResource(t.local, run, "acct_1", resource);
  await sql.begin(async (tx) => {
    await createStagingTables(tx, stage);
    await planWindows(tx, stage, now);
    const holder = randomUUID();
    await addWindows(
      tx,
      { stage, holder },
      {
        ranges: [{ createdFrom: 5, createdTo: 9 }],
        mine: 0,
        status: null,
      },
    );
  });
  const join = async () => {
    const joining = { runId: run.id, accountId: "acct_1", holder: randomUUID(), leaseMs: 60_000 };
    const presence = await joinRun(sql, joining);
    cleanups.push(() => presence.leave());
    return { stage, holder: presence.holder };
  };
  const [one, two] = [await join(), await join()];
  const both = await Promise.all([claimWindows(sql, one, 1), claimWindows(sql, two, 2)]);
  expect(both.map(({ windows, open }) => [windows.length, open])).toEqual([
    [1, 2],
    [1, 2],
  ]);
  const [window] = both[0].windows;
  if (!window) throw new Error("no window");
  await sql`
    UPDATE driftdesk.run_processes SET expires_at = clock_timestamp() - interval '1 second'
    WHERE holder = ${one.holder}`;
  expect((await claimWindows(sql, two, 2)).windows).toEqual([window]);
  // The one that slept wakes.
  const page = { objects: 0, last: undefined, hasMore: false, createdFrom: window.createdFrom };
  const pass = (claimant: typeof one) => sql.begin((tx) => passPage(tx, claimant, window, page));
  await expect(pass(one)).rejects.toMatchObject({ code: "run_superseded" });
  await pass(two);
  expect((await claimWindows(sql, two, 2)).open).toBe(1);
});
