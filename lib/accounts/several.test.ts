// Three Stripe accounts on one desk, whose objects have the same ids: nothing of one may become another's.
import type Stripe from "stripe";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Sandbox } from "../../sandbox/server/server.ts";
import config from "../../sandbox/several-accounts.config.ts";
import {
  createSeveralTables,
  secondKey,
  serveSeveral,
  severalWorlds,
  type Worlds,
} from "../../sandbox/several-accounts.ts";
import { listAudit } from "../audit/list.ts";
import { checkConfig } from "../config/check.ts";
import type { SeveralAccountsDefinition } from "../config/define.ts";
import { readEnvironment } from "../config/environment.ts";
import { parseConfig } from "../config/schema.ts";
import { type FreshDatabase, freshDatabase } from "../db/testing.ts";
import { type Actor, type OpenDesk, openDesk, systemActor } from "../desk.ts";
import { countOpen, countStates } from "../discrepancies/facets.ts";
import { driftByDay, summarise } from "../discrepancies/summary.ts";
import { requestBulk } from "../fixes/bulk.ts";
import { executeBulk } from "../fixes/execute.ts";
import { previewFixes } from "../fixes/preview.ts";
import { startWorker } from "../jobs/worker.ts";
import { createLog } from "../log.ts";
import { recentRuns } from "../reconcile/recent.ts";
import { executeRun } from "../reconcile/run.ts";
import { getRun, listRuns, type OneOfSeveral, type RunView, requestRuns } from "../reconcile/runs.ts";

import { listAccounts } from "./list.ts";

const start = new Date("2026-11-24T12:00:00Z");
const flo: Actor = { email: "flo@example.com", name: "Flo", role: "finance" };

let now = start;
let worlds: Worlds;
let sandbox: Sandbox;
let variables: Record<string, string>;
let database: FreshDatabase;
let desk: OpenDesk;
const opened: OpenDesk[] = [];

beforeEach(async () => {
  now = start;
  worlds = severalWorlds(start);
  ({ sandbox, variables } = await serveSeveral(worlds, () => now));
  database = await freshDatabase({ migrated: true });
  await createSeveralTables(database.sql, worlds);
  desk = await open();
});
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
  await sandbox.close();
  await database.drop();
});

async function open(
  definition: SeveralAccountsDefinition = config,
  keys: Record<string, string> = {},
): Promise<OpenDesk> {
  const parsed = parseConfig(definition);
  if (!parsed.config) throw new Error(JSON.stringify(parsed.issues));
  const named = parsed.config.accounts.map(({ account }) => [account.key, null] as const);
  await database.grant(parsed.config);
  const given = { DATABASE_URL: database.appUrl, ...variables, ...keys };
  const one = await openDesk({
    environment: readEnvironment(given, new Map(named)),
    config: parsed.config,
    now: () => now,
    log: createLog("silent"),
  });
  opened.push(one);
  return one;
}

const ids = (of: keyof typeof worlds) => [...worlds[of].subscriptions.keys()];

/** A run of each account, or of one, all at the same time as a worker would. */
async function reconcile(account?: string, on: OpenDesk = desk): Promise<RunView[]> {
  const requested = await requestRuns(on, { mode: "full", trigger: "command", actor: systemActor, account });
  return Promise.all(requested.map(({ run }) => executeRun(on, run.id)));
}

interface Found {
  id: number;
  version: number;
  accountId: string;
  kind: string;
  stripeId: string | null;
  state: string;
}
const found = async () => [
  ...(await desk.sql<Found[]>`
    SELECT id, version, account_id AS "accountId", kind, stripe_id AS "stripeId", state
    FROM driftdesk.discrepancies ORDER BY account_id, kind, stripe_id COLLATE "C"`),
];
const inShort = async () =>
  (await found()).map(({ accountId, kind, stripeId, state }) => `${accountId} ${kind} ${stripeId} ${state}`);

/** Drift of each kind in each account; about the very same ids in eu and us, where there are namesakes. */
async function plant(): Promise<string[]> {
  const [a, b, c, d] = ids("eu") as [string, string, string, string];
  const [e] = ids("shop") as [string];
  const { sql } = database;
  await sql`UPDATE subscriptions SET status = 'nonsense' WHERE region = 'eu' AND stripe_id = ANY(${[a, b]})`;
  await sql`UPDATE subscriptions SET status = 'nonsense' WHERE region = 'us' AND stripe_id = ANY(${[b, c]})`;
  await sql`DELETE FROM subscriptions WHERE region = 'eu' AND stripe_id = ${d}`;
  // What the one account still has, the other has lost.
  worlds.us.subscriptions.delete(d);
  await sql`UPDATE shop_subscriptions SET status = 'nonsense' WHERE stripe_id = ${e}`;
  return [
    ...[a, b].sort().map((id) => `acct_eu mismatch ${id} open`),
    `acct_eu missing_local ${d} open`,
    `acct_shop mismatch ${e} open`,
    ...[b, c].sort().map((id) => `acct_us mismatch ${id} open`),
    `acct_us missing_in_stripe ${d} open`,
  ];
}

const row = async (region: string, id: string) =>
  (
    await database.sql`SELECT status, customer FROM subscriptions WHERE region = ${region} AND stripe_id = ${id}`
  )[0];

const apply = async (rows: readonly Found[]) => {
  const selection = { ids: rows.map(({ id, version }) => ({ id, version })) };
  const bulk = await requestBulk(
    desk,
    { kind: "apply", selection, requestKey: `apply ${rows.map((one) => `${one.id}.${one.version}`)}` },
    flo,
  );
  return executeBulk(desk, bulk.id);
};

test("what drifted in each account is found exactly, under its own account, whoever has the same ids", async () => {
  const planted = await plant();
  const runs = await reconcile();
  expect(runs.map(({ accountName, accountId, state }) => [accountName, accountId, state])).toEqual([
    ["eu", "acct_eu", "succeeded"],
    ["us", "acct_us", "succeeded"],
    ["shop", "acct_shop", "succeeded"],
  ]);
  expect(await inShort()).toEqual(planted);
  // Again: nothing is another account's to resolve.
  await reconcile("us");
  expect(await inShort()).toEqual(planted);
});

test("a correction is asked of and written for its own account only", async () => {
  await plant();
  await reconcile();
  now = new Date(start.getTime() + 16 * 60_000);
  const all = await found();
  const [b, c, d] = ids("eu").slice(1, 4) as [string, string, string];
  // Stripe says something else by now, but only the account that is not asked.
  worlds.eu.subscriptions.put({
    ...(worlds.eu.subscriptions.get(b) as Stripe.Subscription),
    status: "unpaid",
  });
  sandbox.counts.byAccount.clear();
  const before = await row("eu", b);
  const us = await apply(all.filter((one) => one.accountId === "acct_us"));
  expect(us).toMatchObject({ state: "done", applied: 3, stale: 0 });
  expect([...sandbox.counts.byAccount.keys()]).toEqual(["acct_us"]);
  for (const id of [b, c])
    expect(await row("us", id)).toMatchObject({ status: worlds.us.subscriptions.get(id)?.status });
  expect(await row("us", d)).toMatchObject({ status: "canceled" });
  expect(await row("eu", b)).toEqual(before);

  const rest = await apply(all.filter((one) => one.accountId !== "acct_us"));
  // The one that Stripe says something else about by now is not written.
  expect(rest).toMatchObject({ state: "done", applied: 3, stale: 1 });
  expect(await row("eu", d)).toMatchObject({ status: worlds.eu.subscriptions.get(d)?.status });
  await reconcile();
  expect((await inShort()).filter((line) => line.endsWith("open"))).toEqual([`acct_eu mismatch ${b} open`]);
});

test("a preview names each account's table, and its statement says which rows are meant", async () => {
  await plant();
  await database.sql`INSERT INTO shop_subscriptions (stripe_id, status) VALUES ('sub_unknown', 'active')`;
  await reconcile();
  const preview = await previewFixes(desk, { filter: { state: "open" }, seenUntil: now });
  expect(preview.touched.map(({ accountId, table, count }) => [accountId, table, count])).toEqual([
    ["acct_eu", "public.subscriptions", 3],
    ["acct_shop", "public.shop_subscriptions", 1],
    ["acct_us", "public.subscriptions", 3],
  ]);
  // The other accounts' mapping says what to set, this one's does not.
  expect([...preview.skipped]).toEqual([
    { reason: expect.stringContaining("With missingInStripe.set it could correct them"), count: 1 },
  ]);
  const statements = preview.samples.filter((one) => one.accountId === "acct_us").map((one) => one.statement);
  for (const statement of statements) expect(statement).toContain("region = 'us'");
  const inserted = preview.samples.find((one) => one.kind === "missing_local")?.statement;
  expect(inserted).toContain("region = 'eu'");
  await database.sql.unsafe(inserted as string);
  expect(await row("eu", ids("eu")[3] as string)).toBeDefined();
});

test("a new row that would be another account's is not written", async () => {
  const { accounts, resources } = config;
  const insert = (s: Stripe.Subscription) => ({ region: "us", stripe_id: s.id, status: s.status });
  const subscriptions = { ...resources?.subscriptions, missingLocal: { insert } };
  desk = await open({ ...config, accounts, resources: { subscriptions } } as SeveralAccountsDefinition);
  await database.sql`DELETE FROM subscriptions WHERE stripe_id = ${ids("eu")[0] as string}`;
  await reconcile("eu");
  const bulk = await apply(await found());
  expect(bulk).toMatchObject({ applied: 0, failed: 1 });
  const [item] = await desk.sql`SELECT message FROM driftdesk.bulk_items WHERE bulk_id = ${bulk.id}`;
  expect(item?.message).toContain("region = 'eu'");
  expect(await row("us", ids("eu")[0] as string)).toBeUndefined();
});

test("what comes due is run for every account", async () => {
  const schedule = [{ cron: "0 3 * * *", mode: "full" as const }];
  const worker = await startWorker(await open({ ...config, schedule }), {
    sweepMs: 60_000,
    schedulesMs: 100,
  });
  try {
    now = new Date("2026-11-25T03:00:00Z");
    await expect
      .poll(async () => (await listRuns(desk.sql, { limit: 9 })).map((run) => run.state), { timeout: 30_000 })
      .toEqual(["succeeded", "succeeded", "succeeded"]);
    const runs = await listRuns(desk.sql, { limit: 9 });
    expect(runs.map((run) => run.accountName).sort()).toEqual(["eu", "shop", "us"]);
  } finally {
    await worker.stop();
  }
});

test("numbers and runs of one account leave the others out", async () => {
  await plant();
  await reconcile();
  await reconcile("us");
  const { sql } = desk;
  expect(await listAccounts(desk)).toEqual([
    { name: "eu", id: "acct_eu", livemode: false },
    { name: "us", id: "acct_us", livemode: false },
    { name: "shop", id: "acct_shop", livemode: false },
  ]);
  expect(Object.fromEntries(await countOpen(sql))).toEqual({ acct_eu: 3, acct_us: 3, acct_shop: 1 });
  expect(await countStates(sql, "acct_shop")).toMatchObject({ open: 1 });
  expect(await countStates(sql)).toMatchObject({ open: 7 });
  expect((await summarise(sql, now, "acct_us")).rows).toBe(3);
  expect((await driftByDay(sql, now, 1, "acct_us"))[0]?.found.unknown).toBe(3);
  const runsOf = async (of?: OneOfSeveral) =>
    (await listRuns(sql, { limit: 9, of })).map((run) => run.accountName);
  expect(await runsOf({ name: "us", id: "acct_us" })).toEqual(["us", "us"]);
  expect(await runsOf()).toHaveLength(4);
  const eu = { name: "eu", id: "acct_eu" };
  expect((await recentRuns(sql, eu)).lastAnswer).toMatchObject({ accountName: "eu" });
  await requestRuns(desk, { mode: "full", trigger: "command", actor: systemActor, account: "us" });
  expect((await recentRuns(sql, eu)).underWay).toBeNull();
  expect((await recentRuns(sql, { name: "us", id: null })).underWay).toMatchObject({ state: "queued" });
  const { entries: told } = await listAudit(sql, { account: "acct_us" }, { limit: 100 });
  expect(told.filter((entry) => entry.action === "discrepancy.found")).toHaveLength(3);
  expect(new Set(told.map((entry) => entry.accountId))).toEqual(new Set(["acct_us"]));
});

test("each account has one run at a time, and none waits for another's", async () => {
  const request = (account?: string) =>
    requestRuns(desk, { mode: "full", trigger: "command", actor: systemActor, account });
  const [eu] = await request("eu");
  expect(eu).toMatchObject({ alreadyRunning: false, run: { accountName: "eu" } });
  expect(await request("eu")).toMatchObject([{ alreadyRunning: true, run: { id: eu?.run.id } }]);
  expect(await request()).toMatchObject([
    { alreadyRunning: true, run: { accountName: "eu" } },
    { alreadyRunning: false, run: { accountName: "us" } },
    { alreadyRunning: false, run: { accountName: "shop" } },
  ]);
  await expect(request("asia")).rejects.toMatchObject({
    code: "account_unknown",
    message: 'The config has no account named "asia". It has eu, us, shop.',
  });
});

test("a run of an account that the config no longer has ends, and says why", async () => {
  const [requested] = await requestRuns(desk, {
    mode: "full",
    trigger: "command",
    actor: systemActor,
    account: "us",
  });
  const { us: _, ...accounts } = config.accounts;
  await executeRun(await open({ ...config, accounts }), requested?.run.id as number);
  expect(await getRun(desk.sql, requested?.run.id as number)).toMatchObject({
    state: "failed",
    errorCode: "account_unknown",
    message: expect.stringContaining('the account "us"'),
  });
});

test("what was found in an account that the config no longer has can be seen, and not applied", async () => {
  await plant();
  await reconcile();
  const us = (await found()).filter((one) => one.accountId === "acct_us");
  const { us: _, ...accounts } = config.accounts;
  desk = await open({ ...config, accounts });
  const preview = await previewFixes(desk, { ids: us });
  expect(preview.skipped).toEqual([{ reason: "The config no longer has this Stripe account.", count: 3 }]);
  expect(await apply(us)).toMatchObject({ applied: 0, skipped: 3 });
});

describe("a wrong key", () => {
  const changed = (us: object, eu: object = {}) => ({
    ...config,
    accounts: {
      ...config.accounts,
      eu: { ...config.accounts.eu, ...eu },
      us: { ...config.accounts.us, ...us },
    } as SeveralAccountsDefinition["accounts"],
  });
  const problems = async (on: OpenDesk) =>
    (await checkConfig(on))
      .filter((one) => one.level === "error")
      .map(({ account, where, code }) => [account, where, code]);
  const failed = async (on: OpenDesk, account: string) =>
    (await reconcile(account, on)).map(({ state, errorCode, message }) => ({ state, errorCode, message }));

  test("that belongs to another account than the pinned one", async () => {
    const pinned = await open(changed({ id: "acct_other" }));
    expect(await problems(pinned)).toEqual([["us", "accounts.us.id", "account_mismatch"]]);
    expect(await failed(pinned, "us")).toEqual([
      {
        state: "failed",
        errorCode: "account_mismatch",
        message: expect.stringMatching(
          /^STRIPE_KEY_US belongs to acct_us, .* or correct accounts\.us\.id\.$/,
        ),
      },
    ]);
  });

  test("that is another account's, in other letters", async () => {
    await reconcile("eu");
    const twice = await open(config, { STRIPE_KEY_US: secondKey });
    expect(await problems(twice)).toContainEqual([undefined, "accounts.us.key", "account_twice"]);
    const [run] = await failed(twice, "us");
    expect(run).toMatchObject({ state: "failed", errorCode: "account_twice" });
    expect(run?.message).toContain('STRIPE_KEY_US belongs to acct_eu, which is "eu" in the config');
    expect(run?.message).not.toContain("another0");
  });

  test("that two variables hold, which is told before anything is asked, and without the key", async () => {
    const error = await open(config, { STRIPE_KEY_US: sandbox.secretKey }).catch((reason) => reason);
    expect(error).toMatchObject({ code: "account_twice", message: expect.stringContaining('"eu" and "us"') });
    expect(error.message).not.toContain(sandbox.secretKey);
    expect(sandbox.counts.total).toBe(0);
  });

  test("that was another account's when the differences were found: nothing is concluded from what it says", async () => {
    await plant();
    await reconcile();
    await reconcile("us");
    const us = (await found()).filter((one) => one.accountId === "acct_us");
    now = new Date(start.getTime() + 16 * 60_000);
    desk = await open(changed({}, { key: "STRIPE_KEY_OTHER" }), {
      STRIPE_KEY_US: secondKey,
      STRIPE_KEY_OTHER: variables.STRIPE_KEY_US as string,
    });
    const bulk = await apply(us);
    expect(bulk).toMatchObject({ applied: 0, failed: 3 });
    const items =
      await desk.sql`SELECT DISTINCT message FROM driftdesk.bulk_items WHERE bulk_id = ${bulk.id}`;
    expect(items.map((item) => item.message)).toEqual([
      expect.stringContaining("STRIPE_KEY_US belongs to acct_eu by now, and not to acct_us"),
    ]);
  });

  test("that has no access to the connected account", async () => {
    const shop = { ...config.accounts.shop, stripeAccount: "acct_nobody" };
    const strange = await open({ ...config, accounts: { ...config.accounts, shop } } as typeof config);
    expect(await problems(strange)).toEqual([["shop", "account", "stripe_account_unknown"]]);
    const [run] = await failed(strange, "shop");
    expect(run).toMatchObject({ state: "failed", errorCode: "stripe_account_unknown" });
    expect(run?.message).toContain("The key in STRIPE_KEY_EU has no access to acct_nobody");
    expect(run?.message).not.toMatch(/sk_test/);
  });
});

test("a check looks at every account, and at rows that two of them would claim", async () => {
  const findings = await checkConfig(desk);
  expect(findings.filter((one) => one.level === "ok").map(({ account, where }) => [account, where])).toEqual([
    ["eu", "account"],
    ["eu", "resources.subscriptions"],
    ["us", "account"],
    ["us", "resources.subscriptions"],
    ["shop", "account"],
    ["shop", "resources.subscriptions"],
  ]);
  const wide = { key: "STRIPE_KEY_US", where: { subscriptions: "region <> 'asia'" } };
  const overlapping = await open({ ...config, accounts: { ...config.accounts, us: wide } });
  expect((await checkConfig(overlapping)).filter((one) => one.code === "claimed_twice")).toMatchObject([
    {
      where: "accounts.us.where.subscriptions",
      message: expect.stringMatching(
        new RegExp(`^${ids("eu").length} rows of public\\.subscriptions are those of "eu"`),
      ),
    },
  ]);
});
