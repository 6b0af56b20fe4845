import type Stripe from "stripe";
import { afterEach, describe, expect, test } from "vitest";
import { accounts, type Changes, definition, openChanges } from "../../sandbox/testing-changes.ts";
import { cancel } from "../../sandbox/world/changes/subscription.ts";
import { parseConfig } from "../config/schema.ts";

const hour = 3_600_000;

let t: Changes;
afterEach(() => t.close());

describe("on the local side", () => {
  test("an edit is found by the row's own time, however long its transaction was open", async () => {
    t = await openChanges();
    const [quick, slow] = t.active(2) as [Stripe.Subscription, Stripe.Subscription];
    const writing = await t.local.reserve();
    // As an application writes it: the time at which the transaction began, three hours ago.
    await writing`BEGIN`;
    await writing`UPDATE accounts SET status = 'paused', updated_at = now() - interval '3 hours' WHERE subscription = ${slow.id}`;
    await t.local`UPDATE accounts SET status = 'unpaid', updated_at = clock_timestamp() WHERE subscription = ${quick.id}`;
    await t.run();
    expect(await t.differences()).toEqual([`accounts mismatch ${quick.id} status`]);
    await writing`COMMIT`;
    writing.release();
    await t.run();
    expect(await t.differences()).toEqual(
      [`accounts mismatch ${quick.id} status`, `accounts mismatch ${slow.id} status`].sort(),
    );
    // What was looked at once is not looked at again.
    expect(await t.requests(() => t.run({ only: ["accounts"] }))).toEqual({ "list events": 2 });
  });

  test("an edit within a savepoint is found when its transaction ends after the run", async () => {
    t = await openChanges();
    const [edited] = t.active(1) as [Stripe.Subscription];
    const writing = await t.local.reserve();
    await writing`BEGIN`;
    await writing`UPDATE accounts SET price = price WHERE id = 1`;
    await writing`SAVEPOINT nested`;
    await writing`UPDATE accounts SET status = 'unpaid', updated_at = now() WHERE subscription = ${edited.id}`;
    await writing`RELEASE nested`;
    // Somebody else's number is above the savepoint's by then.
    await t.local`UPDATE contacts SET name = name WHERE id = 1`;
    await t.run();
    await writing`COMMIT`;
    writing.release();
    await t.run();
    expect(await t.differences()).toEqual([`accounts mismatch ${edited.id} status`]);
  });

  test("a row whose transaction does not show is looked at again for some minutes", async () => {
    t = await openChanges();
    await t.local`CREATE VIEW visible AS SELECT * FROM accounts`;
    const { config } = parseConfig({
      ...definition,
      resources: { accounts: { ...accounts, table: "visible" } },
    });
    if (!config) throw new Error("the mapping is right");
    await t.grant({ config });
    const desk = t.with({ config: config.accounts[0] });
    await t.local`UPDATE accounts SET updated_at = now() - interval '1 hour'`;
    await t.run({}, desk);
    const [edited] = t.active(1) as [Stripe.Subscription];
    await t.local`UPDATE accounts SET status = 'unpaid', updated_at = clock_timestamp() WHERE subscription = ${edited.id}`;
    for (let i = 0; i < 2; i++) {
      const made = await t.requests(() => t.run({}, desk));
      // The first of them has found something new, and looks for its cause: since the run before, and for what came late.
      expect(made).toEqual({ "list events": i === 0 ? 6 : 2, "retrieve subscriptions": 1 });
      expect(await t.differences()).toEqual([`accounts mismatch ${edited.id} status`]);
    }
  });

  test("a row that was put right, taken away or added by hand settles its difference without saying when", async () => {
    t = await openChanges();
    const world = t.sandbox.world;
    const [wrong, extra] = t.active(3) as [Stripe.Subscription, Stripe.Subscription];
    const customers = [wrong, extra].map((s) => String(s.customer));
    await t.local`UPDATE members SET status = 'unpaid' WHERE customer = ${customers[0] as string}`;
    await t.local`INSERT INTO members (customer, status) VALUES ('cus_nobody', 'active')`;
    await t.local`DELETE FROM members WHERE customer = ${customers[1] as string}`;
    await t.run({ mode: "full" });
    expect(await t.differences()).toHaveLength(3);
    const idle = await t.requests(() => t.run());
    expect(Object.keys(idle)).toEqual(["list events"]);
    expect(await t.differences()).toHaveLength(3);
    await t.local`UPDATE members SET status = 'active' WHERE customer = ${customers[0] as string}`;
    await t.local`DELETE FROM members WHERE customer = 'cus_nobody'`;
    await t.local`INSERT INTO members (customer, status) VALUES (${customers[1] as string}, 'active')`;
    await t.run();
    expect(await t.differences()).toEqual([]);
    expect(world.events.size).toBeGreaterThan(0);
  });

  test("what a row was changed to stand for is looked at, and so is what it stood for", async () => {
    t = await openChanges();
    const [one, two] = t.active(2) as [Stripe.Subscription, Stripe.Subscription];
    await t.local`UPDATE accounts SET status = 'unpaid', updated_at = clock_timestamp() WHERE subscription = ${one.id}`;
    await t.run();
    await t.local`ALTER TABLE accounts DROP CONSTRAINT accounts_subscription_key`;
    await t.local`UPDATE accounts SET subscription = ${two.id} WHERE subscription = ${one.id}`;
    await t.run();
    expect((await t.differences()).filter((line) => line.startsWith("accounts"))).toEqual([
      `accounts duplicate ${two.id} several local records`,
      `accounts duplicate ${two.id} several local records`,
      `accounts missing_local ${one.id} no local record`,
    ]);
  });

  test("what a run did not look at stays as it is", async () => {
    t = await openChanges();
    const [known, other] = t.active(2) as [Stripe.Subscription, Stripe.Subscription];
    await t.local`UPDATE accounts SET status = 'unpaid', updated_at = clock_timestamp() WHERE subscription = ${known.id}`;
    await t.run();
    t.pass(hour);
    cancel(t.sandbox.world, t.now(), { subscription: other.id });
    await t.run();
    expect(await t.differences()).toEqual(
      [
        `accounts mismatch ${known.id} status`,
        `accounts mismatch ${other.id} status`,
        `members mismatch ${other.id} status`,
      ].sort(),
    );
  });
});
