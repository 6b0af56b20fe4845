import type Stripe from "stripe";
import { afterEach, expect, test } from "vitest";
import { type Changes, openChanges } from "../../sandbox/testing-changes.ts";
import { changeEmail, createCustomer, deleteCustomer } from "../../sandbox/world/changes/customer.ts";
import { cancel, changePlan, subscribe } from "../../sandbox/world/changes/subscription.ts";

const hour = 3_600_000;

let t: Changes;
afterEach(() => t.close());

test("the first one reads everything and says so, the next one only what changed", async () => {
  t = await openChanges();
  await t.desk.sql`DELETE FROM driftdesk.cursors`;
  const first = await t.run();
  expect(first).toMatchObject({
    state: "succeeded",
    mode: "full",
    message: "accounts, contacts, members: Everything was read: no run had read it to its end before.",
  });
  t.pass(hour);
  const [changed] = t.active(1) as [Stripe.Subscription];
  cancel(t.sandbox.world, t.now(), { subscription: changed.id });
  const next = await t.run();
  expect(next).toMatchObject({ state: "succeeded", mode: "incremental", message: null });
  expect(Object.fromEntries(next.resources.map((one) => [one.resource, [one.scope, one.compared]]))).toEqual({
    accounts: ["changes", 1],
    contacts: ["changes", 0],
    members: ["changes", 1],
  });
  expect(await t.differences()).toEqual([
    `accounts mismatch ${changed.id} status`,
    `members mismatch ${changed.id} status`,
  ]);
});

test("what Stripe made while our clock was behind is read by the full run, since no later one hears of it", async () => {
  t = await openChanges();
  const made = createCustomer(t.sandbox.world, t.now(), { email: "ahead@example.com" });
  t.pass(60_000);
  const behind = t.with({ now: () => new Date(t.now().getTime() - hour) });
  await t.run({ mode: "full" }, behind);
  const rows = await t.desk.sql`
    SELECT kind FROM driftdesk.discrepancies WHERE resource = 'contacts' AND label = ${String(made.email)} AND state = 'open'`;
  expect([...rows]).toEqual([{ kind: "missing_local" }]);
});

test("it costs the pages of events and one request for each object that changed", async () => {
  t = await openChanges({ customers: 400 });
  const { world } = t.sandbox;
  for (const [i, { id, items }] of t.active(180).entries()) {
    // Some change more than once, and some are new.
    const plan = items.data[0]?.price.id.startsWith("price_team") ? "pro" : "team";
    const price = `price_${plan}_monthly_${items.data[0]?.price.currency}`;
    changePlan(world, t.now(), { subscription: id, price });
    if (i % 3 === 0) cancel(world, t.now(), { subscription: id });
  }
  for (let i = 0; i < 20; i++) {
    const { id } = createCustomer(world, t.now(), {});
    subscribe(world, t.now(), { customer: id, price: "price_pro_monthly_usd", trialDays: 7 });
  }
  const made = await t.requests(() => t.run({ only: ["accounts"] }));
  // The new ones come with all that their customers have, who are new as well.
  expect(made["retrieve subscriptions"]).toBe(180);
  expect(made["list subscriptions"]).toBe(20);
  const types = ["customer.subscription.", "customer."];
  const told = [...world.events.values()].filter(
    (event) =>
      event.created * 1000 >= t.now().getTime() - 2 * hour && types.some((one) => event.type.startsWith(one)),
  );
  // Once for what changed, and once for why what is new differs.
  expect(made["list events"]).toBeLessThanOrEqual(2 * (Math.ceil(told.length / 100) + 2));
  // A row that has to be inserted is made of what was read anyway.
  const [added] = await t.desk.sql`
    SELECT count(*)::int AS count FROM driftdesk.discrepancies
    WHERE kind = 'missing_local' AND expected ->> 'subscription' = stripe_id AND expected ->> 'status' = 'trialing'`;
  expect(added?.count).toBe(20);
  // What is listed twice is not asked twice. Its webhooks may still arrive, so its causes are looked for again.
  t.pass(60_000);
  expect(await t.requests(() => t.run({ only: ["accounts"] }))).toEqual({
    "list events": made["list events"],
    "list webhook_endpoints": 1,
  });
});

test("cursors move when nothing has happened, and each run begins where the last one did", async () => {
  t = await openChanges();
  const before = await t.cursors();
  await t.run();
  t.pass(hour);
  const idle = await t.run();
  const after = await t.cursors();
  expect([...after.keys()].sort()).toEqual(["accounts", "contacts", "members"]);
  for (const [resource, cursor] of after) {
    // By Stripe's clock, which is an hour further than at the run before.
    expect(cursor.stripeAt).toEqual(t.now());
    expect(cursor.localAt.getTime()).toBeGreaterThan(before.get(resource)?.localAt.getTime() ?? 0);
    expect(cursor.runId).toBe(idle.id);
  }
});

test("a customer who was deleted is missing, by id, by customer and by address", async () => {
  t = await openChanges();
  const { world } = t.sandbox;
  const [one] = t.active(1) as [Stripe.Subscription];
  const customer = String(one.customer);
  const { email } = world.customers.get(customer) as Stripe.Customer;
  // Of others with the same address one would be left.
  expect([...world.customers.values()].filter((each) => !each.deleted && each.email === email)).toHaveLength(
    1,
  );
  deleteCustomer(world, t.now(), { customer });
  await t.run();
  expect(await t.differences()).toEqual(
    expect.arrayContaining([
      `accounts mismatch ${one.id} status, email`,
      `contacts missing_in_stripe ${email?.toLowerCase()} not in Stripe`,
      `members mismatch ${one.id} status`,
    ]),
  );
});

test("a new address concerns whoever had it, whoever has it now, and everything that shows the customer", async () => {
  t = await openChanges();
  const { world } = t.sandbox;
  const found = t.active(2).map((s) => s.customer as string);
  const [moved, other] = found.map((id) => world.customers.get(id)) as [Stripe.Customer, Stripe.Customer];
  const count = [...world.subscriptions.values()].filter((s) => s.customer === moved.id).length;
  changeEmail(world, t.now(), { customer: moved.id, email: "passing.by@example.com" });
  t.pass(60_000);
  // As other people write it: for Stripe that is another address.
  changeEmail(world, t.now(), { customer: moved.id, email: (other.email ?? "").toUpperCase() });
  const made = await t.requests(() => t.run());
  const lines = await t.differences();
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

test("from a time on, everything that changed is looked at again, and what lies between stays for the next run", async () => {
  t = await openChanges();
  const { world } = t.sandbox;
  const [early, late] = t.active(2) as [Stripe.Subscription, Stripe.Subscription];
  const before = await t.cursors();
  t.pass(2 * hour);
  cancel(world, t.now(), { subscription: early.id });
  t.pass(5 * hour);
  cancel(world, t.now(), { subscription: late.id });
  t.pass(hour);
  await t.run({ since: new Date(t.now().getTime() - 3 * hour), only: ["accounts"] });
  expect(await t.differences()).toEqual([`accounts mismatch ${late.id} status`]);
  expect(await t.cursors()).toEqual(before);
  await t.run({ only: ["accounts"] });
  expect(await t.differences()).toHaveLength(2);
  t.pass(60_000);
  const again = await t.requests(() =>
    t.run({ since: new Date(t.now().getTime() - 10 * hour), only: ["accounts"] }),
  );
  expect(again["retrieve subscriptions"]).toBe(2);
  expect((await t.cursors()).get("accounts")?.stripeAt).toEqual(t.now());
});

test("a run that begins at a time of its own sees what the last one could not, before the cursor moves", async () => {
  t = await openChanges();
  const [slow, late] = t.active(2) as [Stripe.Subscription, Stripe.Subscription];
  const writing = await t.local.reserve();
  await writing`BEGIN`;
  await writing`UPDATE accounts SET status = 'paused', updated_at = now() - interval '3 hours' WHERE subscription = ${slow.id}`;
  await t.run();
  await writing`COMMIT`;
  writing.release();
  // Listed late: it was no event yet when the last run asked.
  cancel(t.sandbox.world, new Date(t.now().getTime() - 120_000), { subscription: late.id });
  const since = new Date(t.now().getTime() - 1_000);
  t.pass(hour);
  await t.run({ since, only: ["accounts"] });
  expect((await t.cursors()).get("accounts")?.stripeAt).toEqual(t.now());
  expect(await t.differences()).toEqual(
    [`accounts mismatch ${late.id} status`, `accounts mismatch ${slow.id} status`].sort(),
  );
});
