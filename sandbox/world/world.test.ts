// What a generated account is like, read over HTTP by the package that the product uses.
import type Stripe from "stripe";
import { describe, expect, test } from "vitest";
import { now, openSandbox } from "../server/testing.ts";
import { contradictions, readAccount } from "./testing.ts";
import { secondsOf } from "./times.ts";
import { generateWorld, type World, type WorldOptions } from "./world.ts";

async function generated(generate: Partial<WorldOptions>) {
  const asked = await openSandbox({ generate });
  const account = await readAccount(asked.stripe);
  await asked.close();
  return { account, world: asked.sandbox.world };
}

describe.each([1, 2, 3, 4, 5])("an account made from seed %i", (seed) => {
  test("contradicts itself nowhere", async () => {
    const { account } = await generated({ seed, customers: 150 });
    expect(account.invoices.length).toBeGreaterThan(400);
    expect(contradictions(account, secondsOf(now))).toEqual([]);
  });

  test("has customers with several subscriptions, with one, with none, and deleted ones", async () => {
    const { account, world } = await generated({ seed, customers: 150, invoicesPerSubscription: 1 });
    const counts = new Map(account.customers.map(({ id }) => [id, 0]));
    for (const { customer } of account.subscriptions)
      counts.set(String(customer), (counts.get(String(customer)) ?? 0) + 1);
    const living = account.customers.map(({ id }) => counts.get(id));
    for (const count of [0, 1, 2, 3]) expect(living).toContain(count);
    const deleted = [...world.customers.values()].filter((customer) => customer.deleted);
    expect(deleted.length).toBeGreaterThan(0);
    expect(account.customers.length + deleted.length).toBe(150);
  });
});

test("every status that can be generated is there, and money went back in every way", () => {
  const worlds = [17, 18].map((seed) => generateWorld({ seed, customers: 900, now }));
  const all = <T>(pick: (world: World) => ReadonlyMap<string, T>) =>
    worlds.flatMap((world) => [...pick(world).values()]);
  const statuses = (pick: (world: World) => ReadonlyMap<string, { status: string | null }>) =>
    new Set(all(pick).map(({ status }) => status));
  expect(statuses((world) => world.subscriptions)).toEqual(
    new Set([
      "active",
      "canceled",
      "incomplete",
      "incomplete_expired",
      "past_due",
      "paused",
      "trialing",
      "unpaid",
    ] satisfies Stripe.Subscription.Status[]),
  );
  expect(statuses((world) => world.invoices)).toEqual(
    new Set(["draft", "open", "paid", "uncollectible", "void"]),
  );
  expect(statuses((world) => world.charges)).toEqual(new Set(["failed", "succeeded"]));
  expect(statuses((world) => world.paymentIntents)).toEqual(
    new Set(["canceled", "requires_payment_method", "succeeded"]),
  );
  expect(statuses((world) => world.refunds)).toEqual(new Set(["failed", "pending", "succeeded"]));
  expect([...statuses((world) => world.disputes)]).toEqual(
    expect.arrayContaining(["needs_response", "under_review", "won", "lost", "warning_closed"]),
  );
  expect([...statuses((world) => world.payouts)]).toEqual(expect.arrayContaining(["paid", "failed"]));
  const charges = all((world) => world.charges);
  expect(charges.some((charge) => charge.amount_refunded > 0 && !charge.refunded)).toBe(true);
  expect(new Set(charges.map(({ currency }) => currency))).toEqual(new Set(["eur", "jpy", "usd"]));
});

test("no more is paid out than came in", async () => {
  const { account } = await generated({ seed: 7, customers: 200, invoicesPerSubscription: 24 });
  for (const currency of ["eur", "jpy", "usd"]) {
    const sum = (objects: readonly { amount: number; currency: string }[]) =>
      objects
        .filter((object) => object.currency === currency)
        .reduce((total, { amount }) => total + amount, 0);
    const paid = sum(account.charges.filter((charge) => charge.paid));
    expect(sum(account.payouts)).toBeGreaterThan(paid / 2);
    expect(sum(account.payouts)).toBeLessThan(paid);
  }
});

test("the same seed makes the same account, another seed another", async () => {
  const [one, again, other] = await Promise.all(
    [8, 8, 9].map(async (seed) => (await generated({ seed, customers: 30 })).account),
  );
  expect(again).toEqual(one);
  expect(other?.customers).not.toEqual(one?.customers);
});

test("a longer history and another time of joining are a matter of options", async () => {
  const day = 86_400;
  const { account } = await generated({ seed: 10, customers: 200, ageDays: 100, spread: "imported" });
  const ages = account.customers.map(({ created }) => (secondsOf(now) - created) / day);
  expect(Math.max(...ages)).toBeLessThanOrEqual(100);
  // Most of them within two days in the middle.
  expect(ages.filter((age) => age > 49 && age < 52.1).length).toBeGreaterThan(ages.length / 2);
  const { account: without } = await generated({ seed: 10, customers: 40, invoicesPerSubscription: 0 });
  expect(without.invoices).toEqual([]);
  expect(without.charges).toEqual([]);
  expect(without.subscriptions.length).toBeGreaterThan(20);
});

test("an event shows its object as it was then, whatever became of it", async () => {
  const { account } = await generated({ seed: 18, customers: 900, ageDays: 60 });
  const shown: Record<string, (object: Record<string, unknown>) => boolean> = {
    "customer.subscription.created": ({ status }) => /^(active|incomplete|trialing)$/.test(String(status)),
    "customer.subscription.deleted": ({ status }) => status === "canceled",
    "invoice.created": ({ status, number }) => status === "draft" && number === null,
    "invoice.finalized": ({ status, amount_paid: paid }) => status === "open" && paid === 0,
    "invoice.payment_failed": ({ status, attempted }) => status === "open" && attempted === true,
    "invoice.paid": ({ status, amount_remaining: left }) => status === "paid" && left === 0,
    "invoice.voided": ({ status }) => status === "void",
    "refund.created": ({ status }) => status !== "failed",
    "refund.failed": ({ status }) => status === "failed",
    "charge.dispute.created": ({ status, balance_transactions: moved }) =>
      /needs_response$/.test(String(status)) && (moved as unknown[]).length < 2,
    "charge.dispute.closed": ({ status }) => /^(won|lost|warning_closed)$/.test(String(status)),
    "payout.created": ({ status }) => status === "pending",
    "payout.paid": ({ status }) => status === "paid",
  };
  for (const [type, fits] of Object.entries(shown)) {
    const events = account.events.filter((event) => event.type === type);
    expect({ type, any: events.length > 0 }).toEqual({ type, any: true });
    expect(events.filter((event) => !fits(event.data.object as unknown as Record<string, unknown>))).toEqual(
      [],
    );
  }
});
