import type Stripe from "stripe";
import { afterEach, describe, expect, test } from "vitest";
import type { Sandbox, SandboxOptions } from "../../sandbox/server/server.ts";
import { openTestDesk, type TestDesk } from "../../sandbox/testing.ts";
import { gated, request, run as runToEnd } from "../../sandbox/testing-runs.ts";
import { changeEmail, createCustomer, deleteCustomer } from "../../sandbox/world/changes/customer.ts";
import { cancel, changePlan, subscribe } from "../../sandbox/world/changes/subscription.ts";
import { generateWorld } from "../../sandbox/world/world.ts";
import { defineConfig, type ResourceDefinition } from "../config/define.ts";
import { parseConfig } from "../config/schema.ts";
import type { Desk } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";
import { createStripeReader } from "../stripe/client.ts";
import type { StripeReader } from "../stripe/reader.ts";
import { type ExecuteOptions, executeRun } from "./run.ts";
import { getRun, type RunRequest, type RunView } from "./runs.ts";

const start = new Date("2026-11-24T12:00:00Z");
const hour = 3_600_000;
const day = 24 * hour;
const pace = { requestsPerSecond: 10_000, perEndpoint: 10_000 };

/** More kinds of events than a list takes: the customer's are among them. */
const accounts = {
  stripe: "subscription",
  expand: ["customer"],
  table: "accounts",
  key: "id",
  stripeId: "subscription",
  updatedAt: "updated_at",
  fields: {
    status: "status",
    price: (s: Stripe.Subscription) => s.items.data[0]?.price.id,
    email: (s: Stripe.Subscription) => (s.customer as Stripe.Customer).email,
  },
  missingLocal: { insert: (s: Stripe.Subscription) => ({ subscription: s.id, status: s.status }) },
} as const satisfies ResourceDefinition;

const definition = defineConfig({
  resources: {
    accounts,
    members: {
      stripe: "subscription",
      table: "members",
      key: "id",
      match: { column: "customer", by: "customer" },
      fields: { status: "status" },
      missingInStripe: { set: { status: "none" } },
    },
    contacts: {
      stripe: "customer",
      table: "contacts",
      key: "id",
      match: { column: "email", by: "customerEmail" },
      fields: { name: "name" },
    },
  },
  pace,
});

let t: TestDesk;
let now = start;
afterEach(() => t.close());
const pass = (ms: number) => {
  now = new Date(now.getTime() + ms);
};

/** Faithful rows, and a run that has read everything. */
async function open(
  options: { customers?: number; config?: typeof definition } & Pick<SandboxOptions, "restrictedKeys"> = {},
) {
  now = start;
  const world = generateWorld({
    seed: 8,
    customers: options.customers ?? 60,
    now,
    invoicesPerSubscription: 0,
  });
  const { config = definition, restrictedKeys = {} } = options;
  t = await openTestDesk({ world, config, now: () => now, sandbox: { restrictedKeys } });
  const { local } = t;
  await local.unsafe(`
    CREATE TABLE accounts (id serial PRIMARY KEY, subscription text UNIQUE, status text, price text, email text,
                           updated_at timestamptz NOT NULL DEFAULT '2026-11-24 12:00:00Z');
    CREATE TABLE members (id serial PRIMARY KEY, customer text UNIQUE, status text);
    CREATE TABLE contacts (id serial PRIMARY KEY, email text, name text)`);
  await t.grant();
  const { customers, subscriptions } = world;
  const living = [...customers.values()].flatMap((one) => (one.deleted ? [] : [one]));
  const emailOf = (id: string) => {
    const customer = customers.get(id);
    return customer && !customer.deleted ? customer.email : null;
  };
  await local`INSERT INTO accounts ${local(
    [...subscriptions.values()].map((s) => ({
      subscription: s.id,
      status: s.status,
      price: s.items.data[0]?.price.id ?? null,
      email: emailOf(String(s.customer)),
    })),
  )}`;
  await local`INSERT INTO contacts ${local(living.map(({ email, name }) => ({ email, name: name ?? null })))}`;
  const current = Map.groupBy(subscriptions.values(), (s) => String(s.customer));
  await local`INSERT INTO members ${local(
    [...current].map(([customer, all]) => ({ customer, status: counting(all)?.status ?? "none" })),
  )}`;
  pass(hour);
  await run({ mode: "full" });
  expect(await differences()).toEqual([]);
  // Past the time that is listed twice.
  pass(hour);
}

const order = [
  "active",
  "trialing",
  "past_due",
  "unpaid",
  "paused",
  "incomplete",
  "canceled",
  "incomplete_expired",
];
const counting = (all: readonly Stripe.Subscription[]) =>
  all.toSorted(
    (a, b) =>
      order.indexOf(a.status) - order.indexOf(b.status) || b.created - a.created || (a.id < b.id ? 1 : -1),
  )[0];

/** One of what changed, unless it is said otherwise. */
const run = (
  asked: Partial<RunRequest> = {},
  desk: Desk = t.desk,
  options?: ExecuteOptions,
): Promise<RunView> => runToEnd(desk, { mode: "incremental", ...asked }, options);

/** What is open, a line each. */
const differences = async () =>
  (
    await t.desk.sql<{ line: string }[]>`
      SELECT concat_ws(' ', d.resource, d.kind, coalesce(d.stripe_id, d.match), nullif(d.change, '')) AS line
      FROM driftdesk.discrepancies d WHERE d.state = 'open' ORDER BY 1`
  ).map((row) => row.line);

const cursors = async () =>
  new Map(
    (
      await t.desk.sql<{ resource: string; stripeAt: Date; localAt: Date; runId: number }[]>`
        SELECT resource, stripe_at AS "stripeAt", local_at AS "localAt", run_id AS "runId" FROM driftdesk.cursors`
    ).map((row) => [row.resource, row]),
  );

/** Requests to Stripe while something is done, without the one that says whose the key is. */
async function requests(sandbox: Sandbox, work: () => Promise<unknown>): Promise<Record<string, number>> {
  const before = new Map(sandbox.counts.byEndpoint);
  await work();
  const made = [...sandbox.counts.byEndpoint].map(([name, count]): [string, number] => [
    name,
    count - (before.get(name) ?? 0),
  ]);
  return Object.fromEntries(made.filter(([name, count]) => count > 0 && name !== "retrieve account"));
}

/** Subscriptions that are their customer's only one, of customers who have their address for themselves. */
function active(count: number): Stripe.Subscription[] {
  const { subscriptions, customers } = t.sandbox.world;
  const emailOf = (id: unknown) => (customers.get(String(id)) as Stripe.Customer).email?.toLowerCase();
  const addresses = Map.groupBy(customers.values(), ({ id }) => emailOf(id));
  const found = [...subscriptions.values()].filter(
    ({ status, customer }) =>
      status === "active" &&
      subscriptions.having("customer", customer).length === 1 &&
      addresses.get(emailOf(customer))?.length === 1,
  );
  expect(found.length).toBeGreaterThanOrEqual(count);
  return found.slice(0, count);
}

test("the first one reads everything and says so, the next one only what changed", async () => {
  await open();
  await t.desk.sql`DELETE FROM driftdesk.cursors`;
  const first = await run();
  expect(first).toMatchObject({
    state: "succeeded",
    mode: "full",
    message: "accounts, contacts, members: Everything was read: no run had read it to its end before.",
  });
  pass(hour);
  const [changed] = active(1) as [Stripe.Subscription];
  cancel(t.sandbox.world, now, { subscription: changed.id });
  const next = await run();
  expect(next).toMatchObject({ state: "succeeded", mode: "incremental", message: null });
  expect(Object.fromEntries(next.resources.map((one) => [one.resource, [one.scope, one.compared]]))).toEqual({
    accounts: ["changes", 1],
    contacts: ["changes", 0],
    members: ["changes", 1],
  });
  expect(await differences()).toEqual([
    `accounts mismatch ${changed.id} status`,
    `members mismatch ${changed.id} status`,
  ]);
});

test("what Stripe made while our clock was behind is read by the full run, since no later one hears of it", async () => {
  await open();
  const made = createCustomer(t.sandbox.world, now, { email: "ahead@example.com" });
  pass(60_000);
  const behind = t.with({ now: () => new Date(now.getTime() - hour) });
  await run({ mode: "full" }, behind);
  const rows = await t.desk.sql`
    SELECT kind FROM driftdesk.discrepancies WHERE resource = 'contacts' AND label = ${String(made.email)} AND state = 'open'`;
  expect([...rows]).toEqual([{ kind: "missing_local" }]);
});

test("it costs the pages of events and one request for each object that changed", async () => {
  await open({ customers: 400 });
  const { world } = t.sandbox;
  for (const [i, { id, items }] of active(180).entries()) {
    // Some change more than once, and some are new.
    const plan = items.data[0]?.price.id.startsWith("price_team") ? "pro" : "team";
    const price = `price_${plan}_monthly_${items.data[0]?.price.currency}`;
    changePlan(world, now, { subscription: id, price });
    if (i % 3 === 0) cancel(world, now, { subscription: id });
  }
  for (let i = 0; i < 20; i++) {
    const { id } = createCustomer(world, now, {});
    subscribe(world, now, { customer: id, price: "price_pro_monthly_usd", trialDays: 7 });
  }
  const made = await requests(t.sandbox, () => run({ only: ["accounts"] }));
  // The new ones come with all that their customers have, who are new as well.
  expect(made["retrieve subscriptions"]).toBe(180);
  expect(made["list subscriptions"]).toBe(20);
  const types = ["customer.subscription.", "customer."];
  const told = [...world.events.values()].filter(
    (event) =>
      event.created * 1000 >= now.getTime() - 2 * hour && types.some((one) => event.type.startsWith(one)),
  );
  // Once for what changed, and once for why what is new differs.
  expect(made["list events"]).toBeLessThanOrEqual(2 * (Math.ceil(told.length / 100) + 2));
  // A row that has to be inserted is made of what was read anyway.
  const [added] = await t.desk.sql`
    SELECT count(*)::int AS count FROM driftdesk.discrepancies
    WHERE kind = 'missing_local' AND expected ->> 'subscription' = stripe_id AND expected ->> 'status' = 'trialing'`;
  expect(added?.count).toBe(20);
  // What is listed twice is not asked twice. Its webhooks may still arrive, so its causes are looked for again.
  pass(60_000);
  expect(await requests(t.sandbox, () => run({ only: ["accounts"] }))).toEqual({
    "list events": made["list events"],
    "list webhook_endpoints": 1,
  });
});

test("cursors move when nothing has happened, and each run begins where the last one did", async () => {
  await open();
  const before = await cursors();
  await run();
  pass(hour);
  const idle = await run();
  const after = await cursors();
  expect([...after.keys()].sort()).toEqual(["accounts", "contacts", "members"]);
  for (const [resource, cursor] of after) {
    // By Stripe's clock, which is an hour further than at the run before.
    expect(cursor.stripeAt).toEqual(now);
    expect(cursor.localAt.getTime()).toBeGreaterThan(before.get(resource)?.localAt.getTime() ?? 0);
    expect(cursor.runId).toBe(idle.id);
  }
});

/** As long as a run waits for Stripe, in no time. */
function longWait(): ExecuteOptions {
  let passed = 0;
  return { clock: { now: () => passed, sleep: async (ms) => (passed += ms) } };
}

/** Does not wait between attempts. */
const impatient = () =>
  t.with({
    stripe: createStripeReader({
      secretKey: t.sandbox.secretKey,
      apiBase: t.sandbox.url,
      pace,
      clock: { now: () => performance.now(), sleep: async () => {} },
      maxAttempts: 2,
    }),
  });

test.each(["list events", "retrieve subscriptions"])(
  "while Stripe does not answer to %s, nothing is concluded and the next run begins there again",
  async (broken) => {
    await open();
    const [changed, healed] = active(2) as [Stripe.Subscription, Stripe.Subscription];
    await t.local`UPDATE accounts SET status = 'unpaid', updated_at = clock_timestamp() WHERE subscription = ${healed.id}`;
    await run();
    await t.local`UPDATE accounts SET status = 'active', updated_at = clock_timestamp() WHERE subscription = ${healed.id}`;
    pass(hour);
    cancel(t.sandbox.world, now, { subscription: changed.id });
    const before = await cursors();
    const found = await differences();
    Object.assign(t.sandbox.faults, { outage: true, only: broken });
    const stopped = await run({}, impatient(), longWait());
    const accounts = stopped.resources.find((one) => one.resource === "accounts");
    expect(accounts).toMatchObject({ state: "incomplete", missingLocal: 0, missingInStripe: 0 });
    expect(accounts?.message).toContain("could not be read");
    expect((await cursors()).get("accounts")).toEqual(before.get("accounts"));
    expect((await differences()).filter((line) => line.startsWith("accounts"))).toEqual(found);
    t.sandbox.faults.outage = false;
    pass(day);
    expect(await run()).toMatchObject({ state: "succeeded", mode: "incremental" });
    expect(await differences()).toEqual([
      `accounts mismatch ${changed.id} status`,
      `members mismatch ${changed.id} status`,
    ]);
    expect((await cursors()).get("accounts")?.stripeAt).toEqual(now);
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
  await open();
  const edited = active(2) as [Stripe.Subscription, Stripe.Subscription];
  await t.local`
    UPDATE accounts SET updated_at = clock_timestamp() WHERE subscription = ANY(${edited.map((one) => one.id)})`;
  Object.assign(t.sandbox.faults, { outage: true, only: "list events" });
  const id = await stopBetweenAnswers(impatient());
  t.sandbox.faults.outage = false;
  pass(60_000);
  for (const { id: subscription } of edited) cancel(t.sandbox.world, now, { subscription });
  pass(60_000);
  expect(await executeRun(t.desk, id)).toMatchObject({ state: "succeeded", mode: "incremental" });
  pass(60_000);
  await run({ only: ["accounts"] });
  expect(await differences()).toEqual(edited.map((one) => `accounts mismatch ${one.id} status`).sort());
});

describe("everything is read, and the run says why,", () => {
  const whole = (why: string) => ({
    state: "succeeded",
    mode: "full",
    message: expect.stringContaining(why),
  });

  test("when the last run is longer ago than Stripe keeps events", async () => {
    await open();
    pass(29 * day);
    expect(await run()).toMatchObject({ mode: "incremental", message: null });
    const [gone] = active(1) as [Stripe.Subscription];
    cancel(t.sandbox.world, now, { subscription: gone.id });
    pass(31 * day);
    expect(await run()).toMatchObject(whole("Stripe keeps events for 30 days"));
    expect(await differences()).toContain(`accounts mismatch ${gone.id} status`);
    expect(await run()).toMatchObject({ mode: "incremental" });
    expect(await run({ since: new Date(now.getTime() - 40 * day) })).toMatchObject(whole("30 days"));
  });

  test.each([
    ["was interrupted", true],
    ["waited", false],
  ])("when it %s for so long that Stripe forgot what it was to read", async (_, stops) => {
    await open();
    const [gone] = active(1) as [Stripe.Subscription];
    cancel(t.sandbox.world, now, { subscription: gone.id });
    pass(29 * day);
    const id = await request(t.desk, { mode: "incremental" });
    const stop = new AbortController();
    let waited = false;
    const stripe: StripeReader = {
      ...t.desk.stripe,
      events: async (filter) => {
        if (!waited) pass(2 * day);
        waited = true;
        if (stops) stop.abort(new DriftdeskError("run_superseded", "This process stops."));
        return t.desk.stripe.events(filter);
      },
    };
    const running = executeRun(t.with({ stripe }), id, { signal: stop.signal });
    if (stops) await expect(running).rejects.toMatchObject({ code: "run_superseded" });
    const ended = stops ? await executeRun(t.desk, id) : await running;
    expect(ended).toMatchObject(whole("Stripe keeps events for 30 days"));
    expect(await differences()).toEqual([
      `accounts mismatch ${gone.id} status`,
      `members mismatch ${gone.id} status`,
    ]);
    // What was read anew is where the next one begins.
    expect((await cursors()).get("accounts")?.stripeAt).toEqual(
      new Date(now.getTime() - (stops ? 0 : 2 * day)),
    );
    expect(await run()).toMatchObject({ mode: "incremental", message: null });
  });

  test("when the mapping has changed", async () => {
    await open();
    const { accounts: _, ...others } = definition.resources;
    const changed = {
      ...accounts,
      fields: { ...accounts.fields, status: (s: Stripe.Subscription) => s.status },
    };
    const { config } = parseConfig({ ...definition, resources: { ...others, accounts: changed } });
    const desk = t.with({ config: config?.accounts[0] });
    const ended = await run({}, desk);
    expect(ended.message).toBe("accounts: Everything was read: the mapping has changed since the last run.");
    // The others were not.
    expect(ended.mode).toBe("incremental");
    expect(await run({}, desk)).toMatchObject({ mode: "incremental", message: null });
  });

  test("when the mapping expands what no event tells of", async () => {
    const config = {
      ...definition,
      resources: { accounts: { ...accounts, expand: ["customer", "latest_invoice"] } },
    };
    await open({ config: config as typeof definition });
    expect(await run()).toMatchObject(whole("expands latest_invoice"));
  });

  test("when the table was emptied, which is more likely a mistake than drift", async () => {
    await open({ customers: 150 });
    await t.local`TRUNCATE accounts`;
    const ended = await run({ only: ["accounts"] });
    expect(ended).toMatchObject({ ...whole("emptied, written anew or set back"), state: "suspicious" });
    expect(await differences()).toEqual([]);
  });

  test("when the key may not read events", async () => {
    const secretKey = "rk_test_withoutevents0000000000";
    const rights = ["rak_accounts_kyc_basic_read", "rak_subscription_read", "rak_customer_read"];
    await open({ restrictedKeys: { [secretKey]: rights } });
    const stripe = createStripeReader({ secretKey, apiBase: t.sandbox.url, pace });
    expect(await run({}, t.with({ stripe }))).toMatchObject(whole("may not list event"));
  });

  test("when so much has changed that a list of everything is shorter", async () => {
    await open({ customers: 700 });
    await t.local`UPDATE accounts SET updated_at = clock_timestamp()`;
    const made = await requests(t.sandbox, async () => {
      expect(await run({ only: ["accounts"] })).toMatchObject(whole("would have taken longer"));
    });
    expect(made["retrieve subscriptions"]).toBeUndefined();
    expect(await run({ only: ["accounts"] })).toMatchObject({ mode: "incremental", message: null });
  });
});

test("a customer who was deleted is missing, by id, by customer and by address", async () => {
  await open();
  const { world } = t.sandbox;
  const [one] = active(1) as [Stripe.Subscription];
  const customer = String(one.customer);
  const { email } = world.customers.get(customer) as Stripe.Customer;
  // Of others with the same address one would be left.
  expect([...world.customers.values()].filter((each) => !each.deleted && each.email === email)).toHaveLength(
    1,
  );
  deleteCustomer(world, now, { customer });
  await run();
  expect(await differences()).toEqual(
    expect.arrayContaining([
      `accounts mismatch ${one.id} status, email`,
      `contacts missing_in_stripe ${email?.toLowerCase()} not in Stripe`,
      `members mismatch ${one.id} status`,
    ]),
  );
});

test("a new address concerns whoever had it, whoever has it now, and everything that shows the customer", async () => {
  await open();
  const { world } = t.sandbox;
  const found = active(2).map((s) => s.customer as string);
  const [moved, other] = found.map((id) => world.customers.get(id)) as [Stripe.Customer, Stripe.Customer];
  const count = [...world.subscriptions.values()].filter((s) => s.customer === moved.id).length;
  changeEmail(world, now, { customer: moved.id, email: "passing.by@example.com" });
  pass(60_000);
  // As other people write it: for Stripe that is another address.
  changeEmail(world, now, { customer: moved.id, email: (other.email ?? "").toUpperCase() });
  const made = await requests(t.sandbox, () => run());
  const lines = await differences();
  expect(lines.filter((line) => line.startsWith("accounts"))).toHaveLength(count);
  expect(lines).toContain(`contacts missing_in_stripe ${moved.email?.toLowerCase()} not in Stripe`);
  // The other address has two customers by now, and the older one does not count any more.
  const newest = [moved, other].sort((a, b) => b.created - a.created)[0];
  expect(lines.filter((line) => line.startsWith("contacts mismatch"))).toEqual(
    newest?.name === other.name ? [] : [`contacts mismatch ${newest?.id} name`],
  );
  // Both of the address, and both again, as its row was read after the first of them.
  expect(made["retrieve customers"]).toBe(4);
});

describe("on the local side", () => {
  test("an edit is found by the row's own time, however long its transaction was open", async () => {
    await open();
    const [quick, slow] = active(2) as [Stripe.Subscription, Stripe.Subscription];
    const writing = await t.local.reserve();
    // As an application writes it: the time at which the transaction began, three hours ago.
    await writing`BEGIN`;
    await writing`UPDATE accounts SET status = 'paused', updated_at = now() - interval '3 hours' WHERE subscription = ${slow.id}`;
    await t.local`UPDATE accounts SET status = 'unpaid', updated_at = clock_timestamp() WHERE subscription = ${quick.id}`;
    await run();
    expect(await differences()).toEqual([`accounts mismatch ${quick.id} status`]);
    await writing`COMMIT`;
    writing.release();
    await run();
    expect(await differences()).toEqual(
      [`accounts mismatch ${quick.id} status`, `accounts mismatch ${slow.id} status`].sort(),
    );
    // What was looked at once is not looked at again.
    expect(await requests(t.sandbox, () => run({ only: ["accounts"] }))).toEqual({ "list events": 2 });
  });

  test("an edit within a savepoint is found when its transaction ends after the run", async () => {
    await open();
    const [edited] = active(1) as [Stripe.Subscription];
    const writing = await t.local.reserve();
    await writing`BEGIN`;
    await writing`UPDATE accounts SET price = price WHERE id = 1`;
    await writing`SAVEPOINT nested`;
    await writing`UPDATE accounts SET status = 'unpaid', updated_at = now() WHERE subscription = ${edited.id}`;
    await writing`RELEASE nested`;
    // Somebody else's number is above the savepoint's by then.
    await t.local`UPDATE contacts SET name = name WHERE id = 1`;
    await run();
    await writing`COMMIT`;
    writing.release();
    await run();
    expect(await differences()).toEqual([`accounts mismatch ${edited.id} status`]);
  });

  test("a row whose transaction does not show is looked at again for some minutes", async () => {
    await open();
    await t.local`CREATE VIEW visible AS SELECT * FROM accounts`;
    const { config } = parseConfig({
      ...definition,
      resources: { accounts: { ...accounts, table: "visible" } },
    });
    if (!config) throw new Error("the mapping is right");
    await t.grant({ config });
    const desk = t.with({ config: config.accounts[0] });
    await t.local`UPDATE accounts SET updated_at = now() - interval '1 hour'`;
    await run({}, desk);
    const [edited] = active(1) as [Stripe.Subscription];
    await t.local`UPDATE accounts SET status = 'unpaid', updated_at = clock_timestamp() WHERE subscription = ${edited.id}`;
    for (let i = 0; i < 2; i++) {
      const made = await requests(t.sandbox, () => run({}, desk));
      // The first of them has found something new, and looks for its cause.
      expect(made).toEqual({ "list events": i === 0 ? 4 : 2, "retrieve subscriptions": 1 });
      expect(await differences()).toEqual([`accounts mismatch ${edited.id} status`]);
    }
  });

  test("a row that was put right, taken away or added by hand settles its difference without saying when", async () => {
    await open();
    const world = t.sandbox.world;
    const [wrong, extra] = active(3) as [Stripe.Subscription, Stripe.Subscription];
    const customers = [wrong, extra].map((s) => String(s.customer));
    await t.local`UPDATE members SET status = 'unpaid' WHERE customer = ${customers[0] as string}`;
    await t.local`INSERT INTO members (customer, status) VALUES ('cus_nobody', 'active')`;
    await t.local`DELETE FROM members WHERE customer = ${customers[1] as string}`;
    await run({ mode: "full" });
    expect(await differences()).toHaveLength(3);
    const idle = await requests(t.sandbox, () => run());
    expect(Object.keys(idle)).toEqual(["list events"]);
    expect(await differences()).toHaveLength(3);
    await t.local`UPDATE members SET status = 'active' WHERE customer = ${customers[0] as string}`;
    await t.local`DELETE FROM members WHERE customer = 'cus_nobody'`;
    await t.local`INSERT INTO members (customer, status) VALUES (${customers[1] as string}, 'active')`;
    await run();
    expect(await differences()).toEqual([]);
    expect(world.events.size).toBeGreaterThan(0);
  });

  test("what a row was changed to stand for is looked at, and so is what it stood for", async () => {
    await open();
    const [one, two] = active(2) as [Stripe.Subscription, Stripe.Subscription];
    await t.local`UPDATE accounts SET status = 'unpaid', updated_at = clock_timestamp() WHERE subscription = ${one.id}`;
    await run();
    await t.local`ALTER TABLE accounts DROP CONSTRAINT accounts_subscription_key`;
    await t.local`UPDATE accounts SET subscription = ${two.id} WHERE subscription = ${one.id}`;
    await run();
    expect((await differences()).filter((line) => line.startsWith("accounts"))).toEqual([
      `accounts duplicate ${two.id} several local records`,
      `accounts duplicate ${two.id} several local records`,
      `accounts missing_local ${one.id} no local record`,
    ]);
  });

  test("what a run did not look at stays as it is", async () => {
    await open();
    const [known, other] = active(2) as [Stripe.Subscription, Stripe.Subscription];
    await t.local`UPDATE accounts SET status = 'unpaid', updated_at = clock_timestamp() WHERE subscription = ${known.id}`;
    await run();
    pass(hour);
    cancel(t.sandbox.world, now, { subscription: other.id });
    await run();
    expect(await differences()).toEqual(
      [
        `accounts mismatch ${known.id} status`,
        `accounts mismatch ${other.id} status`,
        `members mismatch ${other.id} status`,
      ].sort(),
    );
  });
});

test("from a time on, everything that changed is looked at again, and what lies between stays for the next run", async () => {
  await open();
  const { world } = t.sandbox;
  const [early, late] = active(2) as [Stripe.Subscription, Stripe.Subscription];
  const before = await cursors();
  pass(2 * hour);
  cancel(world, now, { subscription: early.id });
  pass(5 * hour);
  cancel(world, now, { subscription: late.id });
  pass(hour);
  await run({ since: new Date(now.getTime() - 3 * hour), only: ["accounts"] });
  expect(await differences()).toEqual([`accounts mismatch ${late.id} status`]);
  expect(await cursors()).toEqual(before);
  await run({ only: ["accounts"] });
  expect(await differences()).toHaveLength(2);
  pass(60_000);
  const again = await requests(t.sandbox, () =>
    run({ since: new Date(now.getTime() - 10 * hour), only: ["accounts"] }),
  );
  expect(again["retrieve subscriptions"]).toBe(2);
  expect((await cursors()).get("accounts")?.stripeAt).toEqual(now);
});

test("a run that begins at a time of its own sees what the last one could not, before the cursor moves", async () => {
  await open();
  const [slow, late] = active(2) as [Stripe.Subscription, Stripe.Subscription];
  const writing = await t.local.reserve();
  await writing`BEGIN`;
  await writing`UPDATE accounts SET status = 'paused', updated_at = now() - interval '3 hours' WHERE subscription = ${slow.id}`;
  await run();
  await writing`COMMIT`;
  writing.release();
  // Listed late: it was no event yet when the last run asked.
  cancel(t.sandbox.world, new Date(now.getTime() - 120_000), { subscription: late.id });
  const since = new Date(now.getTime() - 1_000);
  pass(hour);
  await run({ since, only: ["accounts"] });
  expect((await cursors()).get("accounts")?.stripeAt).toEqual(now);
  expect(await differences()).toEqual(
    [`accounts mismatch ${late.id} status`, `accounts mismatch ${slow.id} status`].sort(),
  );
});
