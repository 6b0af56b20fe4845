import type Stripe from "stripe";
import { afterEach, describe, expect, test } from "vitest";
import { accounts, type Changes, definition, openChanges, pace } from "../../sandbox/testing-changes.ts";
import { gated, request } from "../../sandbox/testing-runs.ts";
import { cancel } from "../../sandbox/world/changes/subscription.ts";
import { parseConfig } from "../config/schema.ts";
import type { Desk } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";
import { createStripeReader } from "../stripe/client.ts";
import type { StripeReader } from "../stripe/reader.ts";
import { type ExecuteOptions, executeRun } from "./run.ts";
import { getRun } from "./runs.ts";

const hour = 3_600_000;
const day = 24 * hour;

let t: Changes;
afterEach(() => t.close());

/** As long as a run waits for Stripe, in no time. */
function longWait(): ExecuteOptions {
  let passed = 0;
  return { clock: { now: () => passed, sleep: async (ms) => (passed += ms) } };
}

test.each(["list events", "retrieve subscriptions"])(
  "while Stripe does not answer to %s, nothing is concluded and the next run begins there again",
  async (broken) => {
    t = await openChanges();
    const [changed, healed] = t.active(2) as [Stripe.Subscription, Stripe.Subscription];
    await t.local`UPDATE accounts SET status = 'unpaid', updated_at = clock_timestamp() WHERE subscription = ${healed.id}`;
    await t.run();
    await t.local`UPDATE accounts SET status = 'active', updated_at = clock_timestamp() WHERE subscription = ${healed.id}`;
    t.pass(hour);
    cancel(t.sandbox.world, t.now(), { subscription: changed.id });
    const before = await t.cursors();
    const found = await t.differences();
    Object.assign(t.sandbox.faults, { outage: true, only: broken });
    const stopped = await t.run({}, t.impatient(), longWait());
    const accounts = stopped.resources.find((one) => one.resource === "accounts");
    expect(accounts).toMatchObject({ state: "incomplete", missingLocal: 0, missingInStripe: 0 });
    expect(accounts?.message).toContain("could not be read");
    expect((await t.cursors()).get("accounts")).toEqual(before.get("accounts"));
    expect((await t.differences()).filter((line) => line.startsWith("accounts"))).toEqual(found);
    t.sandbox.faults.outage = false;
    t.pass(day);
    expect(await t.run()).toMatchObject({ state: "succeeded", mode: "incremental" });
    expect(await t.differences()).toEqual([
      `accounts mismatch ${changed.id} status`,
      `members mismatch ${changed.id} status`,
    ]);
    expect((await t.cursors()).get("accounts")?.stripeAt).toEqual(t.now());
  },
);

/** Begins a run, and stops it when one of the edited rows' objects has been read and the other is about to be. */
async function stopBetweenAnswers(desk: Desk): Promise<number> {
  const id = await request(desk, { mode: "incremental", only: ["accounts"] });
  const gate = gated(desk.stripe, (call, count) => call === "retrieve" && count > 1);
  const stop = new AbortController();
  const options = { ...longWait(), signal: stop.signal, parallel: 1 };
  const stopped = executeRun({ ...desk, stripe: gate.stripe }, id, options);
  await gate.reached;
  const staged = async () => (await getRun(desk.sql, id))?.resources[0]?.objects;
  await expect.poll(staged).toBe(1);
  stop.abort(new DriftdeskError("run_superseded", "This process stops."));
  gate.open();
  await expect(stopped).rejects.toMatchObject({ code: "run_superseded" });
  return id;
}

test("what happened after an interrupted run had asked about it is not taken as seen when its list is read at last", async () => {
  t = await openChanges();
  const edited = t.active(2) as [Stripe.Subscription, Stripe.Subscription];
  await t.local`
    UPDATE accounts SET updated_at = clock_timestamp() WHERE subscription = ANY(${edited.map((one) => one.id)})`;
  Object.assign(t.sandbox.faults, { outage: true, only: "list events" });
  const id = await stopBetweenAnswers(t.impatient());
  t.sandbox.faults.outage = false;
  t.pass(60_000);
  for (const { id: subscription } of edited) cancel(t.sandbox.world, t.now(), { subscription });
  t.pass(60_000);
  expect(await executeRun(t.desk, id)).toMatchObject({ state: "succeeded", mode: "incremental" });
  t.pass(60_000);
  await t.run({ only: ["accounts"] });
  expect(await t.differences()).toEqual(edited.map((one) => `accounts mismatch ${one.id} status`).sort());
});

describe("everything is read, and the run says why,", () => {
  const whole = (why: string) => ({
    state: "succeeded",
    mode: "full",
    message: expect.stringContaining(why),
  });

  test("when the last run is longer ago than Stripe keeps events", async () => {
    t = await openChanges();
    t.pass(29 * day);
    expect(await t.run()).toMatchObject({ mode: "incremental", message: null });
    const [gone] = t.active(1) as [Stripe.Subscription];
    cancel(t.sandbox.world, t.now(), { subscription: gone.id });
    t.pass(31 * day);
    expect(await t.run()).toMatchObject(whole("Stripe keeps events for 30 days"));
    expect(await t.differences()).toContain(`accounts mismatch ${gone.id} status`);
    expect(await t.run()).toMatchObject({ mode: "incremental" });
    expect(await t.run({ since: new Date(t.now().getTime() - 40 * day) })).toMatchObject(whole("30 days"));
  });

  test.each([
    ["was interrupted", true],
    ["waited", false],
  ])("when it %s for so long that Stripe forgot what it was to read", async (_, stops) => {
    t = await openChanges();
    const [gone] = t.active(1) as [Stripe.Subscription];
    cancel(t.sandbox.world, t.now(), { subscription: gone.id });
    t.pass(29 * day);
    const id = await request(t.desk, { mode: "incremental" });
    const stop = new AbortController();
    let waited = false;
    const stripe: StripeReader = {
      ...t.desk.stripe,
      events: async (filter) => {
        if (!waited) t.pass(2 * day);
        waited = true;
        if (stops) stop.abort(new DriftdeskError("run_superseded", "This process stops."));
        return t.desk.stripe.events(filter);
      },
    };
    const running = executeRun(t.with({ stripe }), id, { signal: stop.signal });
    if (stops) await expect(running).rejects.toMatchObject({ code: "run_superseded" });
    const ended = stops ? await executeRun(t.desk, id) : await running;
    expect(ended).toMatchObject(whole("Stripe keeps events for 30 days"));
    expect(await t.differences()).toEqual([
      `accounts mismatch ${gone.id} status`,
      `members mismatch ${gone.id} status`,
    ]);
    // What was read anew is where the next one begins.
    expect((await t.cursors()).get("accounts")?.stripeAt).toEqual(
      new Date(t.now().getTime() - (stops ? 0 : 2 * day)),
    );
    expect(await t.run()).toMatchObject({ mode: "incremental", message: null });
  });

  test("when the mapping has changed", async () => {
    t = await openChanges();
    const { accounts: _, ...others } = definition.resources;
    const changed = {
      ...accounts,
      fields: { ...accounts.fields, status: (s: Stripe.Subscription) => s.status },
    };
    const { config } = parseConfig({ ...definition, resources: { ...others, accounts: changed } });
    const desk = t.with({ config: config?.accounts[0] });
    const ended = await t.run({}, desk);
    expect(ended.message).toBe("accounts: Everything was read: the mapping has changed since the last run.");
    // The others were not.
    expect(ended.mode).toBe("incremental");
    expect(await t.run({}, desk)).toMatchObject({ mode: "incremental", message: null });
  });

  test("when the mapping expands what no event tells of", async () => {
    const config = {
      ...definition,
      resources: { accounts: { ...accounts, expand: ["customer", "latest_invoice"] } },
    };
    t = await openChanges({ config: config as typeof definition });
    expect(await t.run()).toMatchObject(whole("expands latest_invoice"));
  });

  test("when the table was emptied, which is more likely a mistake than drift", async () => {
    t = await openChanges({ customers: 150 });
    await t.local`TRUNCATE accounts`;
    const ended = await t.run({ only: ["accounts"] });
    expect(ended).toMatchObject({ ...whole("emptied, written anew or set back"), state: "suspicious" });
    expect(await t.differences()).toEqual([]);
  });

  test("when the key may not read events", async () => {
    const secretKey = "rk_test_withoutevents0000000000";
    const rights = ["rak_accounts_kyc_basic_read", "rak_subscription_read", "rak_customer_read"];
    t = await openChanges({ restrictedKeys: { [secretKey]: rights } });
    const stripe = createStripeReader({ secretKey, apiBase: t.sandbox.url, pace });
    expect(await t.run({}, t.with({ stripe }))).toMatchObject(whole("may not list event"));
  });

  test("when so much has changed that a list of everything is shorter", async () => {
    t = await openChanges({ customers: 700 });
    await t.local`UPDATE accounts SET updated_at = clock_timestamp()`;
    const made = await t.requests(async () => {
      expect(await t.run({ only: ["accounts"] })).toMatchObject(whole("would have taken longer"));
    });
    expect(made["retrieve subscriptions"]).toBeUndefined();
    expect(await t.run({ only: ["accounts"] })).toMatchObject({ mode: "incremental", message: null });
  });
});
