import type Stripe from "stripe";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createExample } from "../../sandbox/example/create.ts";
import everyType from "../../sandbox/example/every-type.config.ts";
import { openTestDesk, type TestDesk } from "../../sandbox/testing.ts";
import { ada, sue } from "../../sandbox/testing-accounts.ts";
import { run as runToEnd } from "../../sandbox/testing-runs.ts";
import { deleteCustomer } from "../../sandbox/world/changes/customer.ts";
import { dispute, refund } from "../../sandbox/world/changes/money.ts";
import { cancel } from "../../sandbox/world/changes/subscription.ts";
import { generateWorld, type World } from "../../sandbox/world/world.ts";
import type { Targets } from "../db/schema.ts";
import { type Desk, systemActor } from "../desk.ts";
import type { StripeReader } from "../stripe/reader.ts";
import { checkAgain } from "./check-again.ts";
import { executeRun } from "./run.ts";
import { cancelRun, type RunRequest, type RunView, requestRun } from "./runs.ts";

const now = new Date("2026-11-24T12:00:00Z");
const seed = 31;

let t: TestDesk;
let world: World;
/** Somebody with a subscription of their own, with money that came back, and with rows everywhere. */
let someone: { customer: Stripe.Customer; subscription: Stripe.Subscription };

beforeEach(async () => {
  world = generateWorld({ seed, customers: 80, now, invoicesPerSubscription: 3 });
  const config = {
    ...everyType,
    resources: {
      ...everyType.resources,
      contacts: {
        stripe: "customer",
        table: "contacts",
        key: "id",
        match: { column: "address", by: "customerEmail" },
        fields: { name: "name" },
      },
    },
    pace: { requestsPerSecond: 10_000, perEndpoint: 10_000 },
  } as const;
  someone = pick();
  for (const [i, charge] of chargesOf(someone.customer.id).entries())
    if (i === 0) refund(world, now, { charge: charge.id, amount: 100 });
    else if (i === 1) dispute(world, now, { charge: charge.id });
  t = await openTestDesk({ world, config, now: () => now });
  await createExample(t.local, world, { seed, now, drift: 0 });
  await t.local`CREATE TABLE contacts (id serial PRIMARY KEY, address text, name text)`;
  await t.grant();
  await t.local`INSERT INTO contacts (address, name) SELECT upper(email::text), name FROM billing_profiles`;
  await run({ mode: "full" });
  // Prices that the mapping does not know are in the example whether anything is planted or not.
  await t.desk.sql`DELETE FROM driftdesk.discrepancies`;
});
afterEach(() => t.close());

const chargesOf = (customer: string) =>
  [...world.charges.values()].filter((charge) => charge.customer === customer && charge.paid);

function pick(): typeof someone {
  for (const subscription of world.subscriptions.values()) {
    const customer = world.customers.get(String(subscription.customer)) as Stripe.Customer;
    const alone = world.subscriptions.having("customer", customer.id).length === 1;
    if (subscription.status === "active" && alone && customer.email && chargesOf(customer.id).length > 2)
      return { subscription, customer };
  }
  throw new Error("nobody is like that");
}

/** A check, unless it is said otherwise. */
const run = (asked: Partial<RunRequest>, desk: Desk = t.desk): Promise<RunView> =>
  runToEnd(desk, { mode: "targeted", ...asked });

const differences = async () =>
  (
    await t.desk.sql<{ line: string }[]>`
      SELECT concat_ws(' ', resource, kind, coalesce(stripe_id, match)) AS line
      FROM driftdesk.discrepancies WHERE state = 'open' ORDER BY 1`
  ).map((row) => row.line);

/** Spoils a row of everything that is mapped and belongs to somebody. */
async function spoil({ customer, subscription }: typeof someone): Promise<string[]> {
  const invoice = [...world.invoices.values()].find((one) => one.customer === customer.id)?.id as string;
  const [charge] = chargesOf(customer.id) as [Stripe.Charge];
  const intent = String(charge.payment_intent);
  const given = [...world.refunds.values()].find((one) => one.charge === charge.id)?.id as string;
  const disputed = [...world.disputes.values()].find((one) => one.charge === chargesOf(customer.id)[1]?.id)
    ?.id as string;
  const { local } = t;
  await local`UPDATE customer_accounts SET seats = 99 WHERE stripe_subscription_id = ${subscription.id}`;
  await local`UPDATE users SET plan = 'none' WHERE stripe_customer_id = ${customer.id}`;
  await local`UPDATE invoices SET amount_due = 1 WHERE stripe_invoice_id = ${invoice}`;
  await local`UPDATE payments SET status = 'lost' WHERE stripe_charge_id = ${charge.id}`;
  await local`UPDATE checkouts SET state = 'lost' WHERE payment_intent = ${intent}`;
  await local`DELETE FROM refunds WHERE stripe_refund_id = ${given}`;
  await local`DELETE FROM disputes WHERE stripe_dispute_id = ${disputed}`;
  await local`UPDATE billing_profiles SET name = 'Nobody' WHERE stripe_customer_id = ${customer.id}`;
  await local`UPDATE contacts SET name = 'Nobody' WHERE address = ${customer.email?.toUpperCase() ?? ""}`;
  return [
    `checkouts mismatch ${intent}`,
    `contacts mismatch ${customer.id}`,
    `customers mismatch ${customer.id}`,
    `disputes missing_local ${disputed}`,
    `invoices mismatch ${invoice}`,
    `payments mismatch ${charge.id}`,
    `refunds missing_local ${given}`,
    `subscriptions mismatch ${subscription.id}`,
    `users mismatch ${subscription.id}`,
  ];
}

test("everything that is mapped and belongs to a customer is looked at, and nothing else, in few requests", async () => {
  const expected = await spoil(someone);
  await t.local`UPDATE payments SET status = 'lost' WHERE id <> ALL (
    SELECT id FROM payments WHERE stripe_charge_id = ANY(${chargesOf(someone.customer.id).map(({ id }) => id)}))`;
  const before = t.sandbox.counts.total;
  const ended = await run({ targets: { customer: someone.customer.id } });
  expect(ended).toMatchObject({ state: "succeeded", mode: "targeted", message: null });
  expect(ended.resources.map((one) => one.resource)).not.toContain("payouts");
  expect(await differences()).toEqual(expected);
  // A list per resource, the charges of refunds and disputes, one for each of those, and one more for each difference
  // whose row was not known before.
  expect(t.sandbox.counts.total - before).toBeLessThan(30);
  // An object that is gone is in no list any more; that something was wrong with it is known.
  const invoice = expected
    .find((line) => line.startsWith("invoices"))
    ?.split(" ")
    .at(-1) as string;
  world.invoices.delete(invoice);
  await t.local`DELETE FROM billing_profiles WHERE stripe_customer_id = ${someone.customer.id}`;
  await t.local`UPDATE users SET plan = ${"x"} WHERE stripe_customer_id = ${someone.customer.id}`;
  const again = await run({ targets: { email: ` ${someone.customer.email?.toUpperCase()} ` } });
  // By the address as somebody writes it: whatever has it in the same letters, or in small ones, is found.
  expect(again.state).toBe("succeeded");
  expect(await differences()).toEqual(
    expect.arrayContaining([
      `customers missing_local ${someone.customer.id}`,
      `invoices missing_in_stripe ${invoice}`,
    ]),
  );
});

test.each<[string, () => Targets, string[]]>([
  ["an object", () => ({ ids: [someone.subscription.id] }), ["subscriptions", "users"]],
  ["several kinds of objects", () => ({ ids: [someone.subscription.id, someone.customer.id] }), []],
  ["a row", () => ({ resource: "contacts", keys: [contact] }), ["contacts"]],
])("%s can be asked for by itself", async (_, targets, only) => {
  const expected = await spoil(someone);
  const [row] = await t.local<{ key: string }[]>`
    SELECT id::text AS key FROM contacts WHERE address = ${someone.customer.email?.toUpperCase() ?? ""}`;
  contact = row?.key ?? "";
  const ended = await run({ targets: targets() });
  expect(ended.state).toBe("succeeded");
  const about = expected.filter(
    (line) => only.length === 0 || only.some((name) => line.startsWith(`${name} `)),
  );
  expect(await differences()).toEqual(about);
  if (only.length > 0) expect(ended.resources.map((one) => one.resource)).toEqual(only);
});
let contact = "";

test("a target that nothing mapped has to do with is refused", async () => {
  await expect(run({ targets: { ids: ["prod_123"] } })).rejects.toMatchObject({ code: "target_unknown" });
  await expect(run({ targets: { discrepancy: 4711 } })).rejects.toMatchObject({
    code: "discrepancy_unknown",
  });
  // Nobody knows it, here or there: there is nothing to say.
  expect(await run({ targets: { ids: ["sub_nobody"] } })).toMatchObject({ state: "succeeded" });
  expect(await differences()).toEqual([]);
});

test("a customer who was deleted is missing at once", async () => {
  deleteCustomer(world, now, { customer: someone.customer.id });
  await run({ targets: { customer: someone.customer.id } });
  expect(await differences()).toEqual(
    expect.arrayContaining([
      `contacts missing_in_stripe ${someone.customer.email?.toLowerCase()}`,
      `customers missing_in_stripe ${someone.customer.id}`,
      `subscriptions mismatch ${someone.subscription.id}`,
    ]),
  );
});

describe("while another run is under way", () => {
  /** A reader that stops before a request until it is let go on. */
  function gated(stripe: StripeReader, stops: (call: string, id: string) => boolean) {
    const reached = Promise.withResolvers<void>();
    const opened = Promise.withResolvers<void>();
    const pass = async (call: string, id: string) => {
      if (!stops(call, id)) return;
      reached.resolve();
      await opened.promise;
    };
    const reader: StripeReader = {
      ...stripe,
      counts: stripe.counts,
      list: async (...args) => {
        const page = await stripe.list(...args);
        await pass("list", args[0]);
        return page;
      },
      retrieve: async (...args) => {
        const object = await stripe.retrieve(...args);
        await pass("retrieve", args[1]);
        return object;
      },
    };
    return { stripe: reader, reached: reached.promise, open: opened.resolve };
  }

  /** Begins a run, and stops it when it has read everything twice and records it next. */
  async function begun(mode: "full" | "incremental") {
    const sql = t.owner;
    const request = { mode, only: ["subscriptions"], trigger: "command", actor: systemActor } as const;
    const { run: asked } = await requestRun(t.desk, request);
    await sql.unsafe(`
      CREATE FUNCTION public.hold() RETURNS event_trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF current_query() LIKE '%"r${asked.id}\\_%\\_confirmed"%' THEN PERFORM pg_advisory_xact_lock_shared(42); END IF;
      END $$;
      CREATE EVENT TRIGGER hold ON ddl_command_start WHEN TAG IN ('CREATE TABLE AS') EXECUTE FUNCTION public.hold()`);
    const session = await sql.reserve();
    await session`SELECT pg_advisory_lock(42)`;
    const ended = executeRun(t.desk, asked.id);
    const waiting = async () =>
      (
        await sql`
          SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 42 AND NOT granted
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`
      ).length;
    await expect.poll(waiting, { timeout: 20_000, interval: 10 }).toBe(1);
    const open = async () => {
      await session`SELECT pg_advisory_unlock(42)`;
      session.release();
    };
    return { ended, open, id: asked.id };
  }

  test.each(["full", "incremental"] as const)(
    "it is not held up by a run of the mode %s, and what it finds is not overwritten by what that one read before",
    async (mode) => {
      const { subscription } = someone;
      cancel(world, now, { subscription: subscription.id });
      const canceledAt = new Date((world.subscriptions.get(subscription.id)?.canceled_at ?? 0) * 1000);
      const [known] = [...world.subscriptions.values()].filter(
        (one) => one.status === "canceled" && one.id !== subscription.id,
      ) as [Stripe.Subscription];
      const set = (id: string, status: string) => t.local`
        UPDATE customer_accounts
        SET subscription_status = ${status}, canceled_at = ${id === subscription.id ? canceledAt : t.local`canceled_at`},
            updated_at = clock_timestamp()
        WHERE stripe_subscription_id = ${id}`;
      const check = (id: string) => run({ targets: { ids: [id] }, only: ["subscriptions"] });
      const found = () =>
        t.desk.sql`
          SELECT stripe_id, state, version, change FROM driftdesk.discrepancies
          WHERE resource = 'subscriptions' AND row_error IS NULL ORDER BY id`;
      await set(known.id, "paused");
      await check(known.id);
      const other = await begun(mode);
      // The other run has read one as active in the table, and the other as paused. Now both change.
      await set(subscription.id, "canceled");
      await set(known.id, "canceled");
      for (const id of [subscription.id, known.id])
        expect(await check(id)).toMatchObject({ state: "succeeded" });
      expect(await found()).toMatchObject([{ stripe_id: known.id, state: "resolved" }]);
      await set(subscription.id, "unpaid");
      await check(subscription.id);
      const seen = await found();
      expect(seen).toMatchObject([
        { stripe_id: known.id, state: "resolved" },
        { stripe_id: subscription.id, state: "open", version: 1, change: "unpaid → canceled" },
      ]);
      await other.open();
      expect(await other.ended).toMatchObject({ state: "succeeded" });
      expect(await found()).toEqual(seen);
      // The next run has the last word again.
      await set(subscription.id, "canceled");
      await run({ mode: "full" });
      expect((await found()).map((one) => one.state)).toEqual(["resolved", "resolved"]);
      expect(await t.desk.sql`SELECT FROM driftdesk.looks`).toHaveLength(0);
    },
  );

  test("it looks again when that one has recorded something newer meanwhile", async () => {
    const { subscription } = someone;
    const gate = gated(t.desk.stripe, (_, id) => id === subscription.id);
    const slow = t.with({ stripe: gate.stripe });
    const waiting = run({ targets: { ids: [subscription.id] }, only: ["subscriptions"] }, slow);
    await gate.reached;
    // It has read both sides as they were. Then it changes, and a full run sees that.
    cancel(world, now, { subscription: subscription.id });
    await run({ mode: "full" });
    const line = `subscriptions mismatch ${subscription.id}`;
    expect(await differences()).toContain(line);
    gate.open();
    expect(await waiting).toMatchObject({ state: "succeeded" });
    expect(await differences()).toContain(line);
  });

  test("somebody may still stop the other one, and two checks do not wait for each other", async () => {
    const other = await begun("full");
    const both = await Promise.all([
      run({ targets: { customer: someone.customer.id } }),
      run({ targets: { customer: someone.customer.id } }),
    ]);
    expect(both.map((one) => one.state)).toEqual(["succeeded", "succeeded"]);
    await cancelRun(t.desk, other.id, ada);
    await other.open();
    expect(await other.ended).toMatchObject({ state: "cancelled" });
  });
});

describe("checking a difference again", () => {
  const idOf = async (resource: string) => {
    const [row] = await t.desk.sql<{ id: number }[]>`
      SELECT id FROM driftdesk.discrepancies WHERE resource = ${resource} ORDER BY id LIMIT 1`;
    return row?.id as number;
  };

  test("says whether it is gone, the same or another, and who asked stands in the history", async () => {
    await spoil(someone);
    await run({ mode: "full" });
    const id = await idOf("users");
    expect(await checkAgain(t.desk, id, sue)).toEqual({ outcome: "same", others: 0, reason: null });
    await t.local`UPDATE users SET plan = 'starter', subscription_status = 'paused' WHERE stripe_customer_id = ${someone.customer.id}`;
    await t.local`UPDATE billing_profiles SET name = 'Somebody' WHERE stripe_customer_id = ${someone.customer.id}`;
    expect(await checkAgain(t.desk, id, sue)).toEqual({ outcome: "changed", others: 1, reason: null });
    await t.local`DELETE FROM users WHERE stripe_customer_id = ${someone.customer.id}`;
    // The row is gone, and with it this difference: that there is none is another.
    expect(await checkAgain(t.desk, id, sue)).toEqual({ outcome: "gone", others: 1, reason: null });
    expect(await differences()).toContain(`users missing_local ${someone.subscription.id}`);
    const asked = await t.desk.sql`
      SELECT count(*)::int AS count FROM driftdesk.audit_entries WHERE action = 'run.requested' AND actor = ${sue.email}`;
    expect(asked[0]?.count).toBe(3);
    await expect(checkAgain(t.desk, 4711, sue)).rejects.toMatchObject({ code: "discrepancy_unknown" });
  });

  test("says so when Stripe does not answer, and leaves it as it was", async () => {
    await spoil(someone);
    await run({ mode: "full" });
    const id = await idOf("subscriptions");
    const retrieve: StripeReader["retrieve"] = async () => {
      const { DriftdeskError } = await import("../errors.ts");
      throw new DriftdeskError("stripe_unreachable", "Stripe could not be asked.");
    };
    const stripe = { ...t.desk.stripe, counts: t.desk.stripe.counts, retrieve, list: retrieve as never };
    const before = await differences();
    const checked = await checkAgain(t.with({ stripe }), id, sue);
    expect(checked).toMatchObject({
      outcome: "unknown",
      others: 0,
      reason: expect.stringContaining("could not be read"),
    });
    expect(await differences()).toEqual(before);
  });
});
