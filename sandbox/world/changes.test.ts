// What can happen in the account, seen as Stripe's own package sees it: the objects afterwards, and the events that tell.
import fc from "fast-check";
import type Stripe from "stripe";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Asked, openSandbox, now as start } from "../server/testing.ts";
import { anything } from "./changes/anything.ts";
import { changeEmail, createCustomer, deleteCustomer } from "./changes/customer.ts";
import { closeDispute, dispute, refund, settlePayout, settleRefund } from "./changes/money.ts";
import {
  cancel,
  changePlan,
  expire,
  failRenewal,
  giveUp,
  recover,
  renew,
  subscribe,
} from "./changes/subscription.ts";
import { passTime } from "./changes/time.ts";
import { makeDispute } from "./dispute.ts";
import { contradictions, readAccount } from "./testing.ts";
import { day, secondsOf } from "./times.ts";
import { generateWorld, type World } from "./world.ts";

let now = start;
let asked: Asked;
let world: World;
let stripe: Stripe;
beforeEach(async () => {
  now = start;
  asked = await openSandbox({ now: () => now, generate: { customers: 40 } });
  world = asked.sandbox.world;
  stripe = asked.stripe;
  // What happened in the second in which the account was made is no news.
  pass(60);
});
afterEach(() => asked.close());

const pass = (seconds: number) => {
  now = new Date(now.getTime() + seconds * 1_000);
};

/** What the API tells of since the last time, in the order in which it happened. */
async function news(): Promise<Stripe.Event[]> {
  const { data } = await stripe.events.list({ created: { gte: secondsOf(now) }, limit: 100 });
  pass(1);
  const order = [...world.events.keys()];
  return data.sort((a, b) => order.indexOf(a.id) - order.indexOf(b.id));
}
const types = (events: readonly Stripe.Event[]) => events.map(({ type }) => type);

function somebody(price = "price_pro_monthly_usd", more: { trialDays?: number; declined?: boolean } = {}) {
  const customer = createCustomer(world, now, { email: "new@example.com" });
  const subscription = subscribe(world, now, { customer: customer.id, price, ...more });
  return { customer: customer.id, subscription: subscription.id };
}
const periodEnd = (subscription: Stripe.Subscription) => subscription.items.data[0]?.current_period_end ?? 0;
const invoiceOf = async (subscription: Stripe.Subscription) =>
  stripe.invoices.retrieve(String(subscription.latest_invoice), {
    expand: ["payments.data.payment.payment_intent"],
  });

describe("a subscription", () => {
  test("begins with a paid invoice", async () => {
    const { subscription } = somebody();
    const made = await stripe.subscriptions.retrieve(subscription);
    expect(made.status).toBe("active");
    expect(await invoiceOf(made)).toMatchObject({ status: "paid", amount_paid: 4_900, attempt_count: 1 });
    expect(types(await news())).toEqual([
      "customer.created",
      "customer.updated",
      "invoice.created",
      "invoice.finalized",
      "charge.succeeded",
      "payment_intent.succeeded",
      "invoice.paid",
      "customer.subscription.created",
    ]);
  });

  test("begins with a trial that costs nothing", async () => {
    const { subscription } = somebody("price_team_monthly_usd", { trialDays: 14 });
    const made = await stripe.subscriptions.retrieve(subscription);
    expect(made).toMatchObject({ status: "trialing", trial_end: secondsOf(now) + 14 * day });
    expect(await invoiceOf(made)).toMatchObject({ status: "paid", amount_due: 0 });
  });

  test("begins incomplete when the card is declined, and expires when nobody pays", async () => {
    const { subscription } = somebody("price_pro_monthly_usd", { declined: true });
    expect((await stripe.subscriptions.retrieve(subscription)).status).toBe("incomplete");
    await news();
    expire(world, now, { subscription });
    const over = await stripe.subscriptions.retrieve(subscription);
    expect(over).toMatchObject({ status: "incomplete_expired", ended_at: secondsOf(now) });
    expect(await invoiceOf(over)).toMatchObject({
      status: "void",
      payments: { data: [{ payment: { payment_intent: { status: "canceled" } } }] },
    });
    expect(types(await news())).toEqual([
      "payment_intent.canceled",
      "invoice.voided",
      "customer.subscription.updated",
    ]);
  });

  test("renews: another period, another paid invoice, and what was before", async () => {
    const { subscription } = somebody();
    const before = await stripe.subscriptions.retrieve(subscription);
    // Three days late: the period goes on where the one before it ended.
    now = new Date((periodEnd(before) + 3 * day) * 1_000);
    renew(world, now, { subscription });
    const after = await stripe.subscriptions.retrieve(subscription);
    expect(periodEnd(after) - periodEnd(before)).toBeGreaterThan(27 * day);
    expect(after.items.data[0]?.current_period_start).toBe(periodEnd(before));
    expect(after.latest_invoice).not.toBe(before.latest_invoice);
    const told = (await news()).at(-1);
    expect(told).toMatchObject({
      type: "customer.subscription.updated",
      data: { object: { id: subscription }, previous_attributes: { latest_invoice: before.latest_invoice } },
    });
    expect(told?.data.previous_attributes).not.toHaveProperty("status");
  });

  test("fails to renew and recovers: past due and delinquent, then neither", async () => {
    const { subscription, customer } = somebody();
    await news();
    failRenewal(world, now, { subscription });
    const failed = await stripe.subscriptions.retrieve(subscription);
    expect(failed.status).toBe("past_due");
    expect(await invoiceOf(failed)).toMatchObject({ status: "open", amount_remaining: 4_900 });
    expect(await stripe.customers.retrieve(customer)).toMatchObject({ delinquent: true });
    const told = await news();
    expect(types(told)).toEqual([
      "invoice.created",
      "invoice.finalized",
      "charge.failed",
      "payment_intent.payment_failed",
      "invoice.payment_failed",
      "customer.subscription.updated",
      "customer.updated",
    ]);
    expect(told.at(-2)?.data.previous_attributes).toMatchObject({ status: "active" });

    recover(world, now, { subscription });
    const recovered = await stripe.subscriptions.retrieve(subscription);
    expect(recovered).toMatchObject({ status: "active", latest_invoice: failed.latest_invoice });
    expect(await invoiceOf(recovered)).toMatchObject({
      status: "paid",
      attempt_count: 2,
      amount_remaining: 0,
    });
    expect(await stripe.customers.retrieve(customer)).toMatchObject({ delinquent: false });
    expect(types(await news())).toEqual([
      "charge.succeeded",
      "payment_intent.succeeded",
      "invoice.paid",
      "customer.subscription.updated",
      "customer.updated",
    ]);
    const { data: charges } = await stripe.charges.list({ customer });
    expect(charges.map(({ status }) => status).sort()).toEqual(["failed", "succeeded", "succeeded"]);
  });

  test("is unpaid when no retry helped, and its invoice written off", async () => {
    const { subscription, customer } = somebody();
    failRenewal(world, now, { subscription });
    giveUp(world, now, { subscription });
    const unpaid = await stripe.subscriptions.retrieve(subscription);
    expect(unpaid.status).toBe("unpaid");
    expect(await invoiceOf(unpaid)).toMatchObject({ status: "uncollectible", next_payment_attempt: null });
    expect(await stripe.customers.retrieve(customer)).toMatchObject({ delinquent: true });
  });

  test("is canceled at once, or when its period is over", async () => {
    const { subscription } = somebody();
    cancel(world, now, { subscription, atPeriodEnd: true });
    const later = await stripe.subscriptions.retrieve(subscription);
    expect(later).toMatchObject({
      status: "active",
      cancel_at: periodEnd(later),
      cancel_at_period_end: true,
    });
    await news();
    cancel(world, now, { subscription });
    expect(await stripe.subscriptions.retrieve(subscription)).toMatchObject({
      status: "canceled",
      canceled_at: later.canceled_at,
      ended_at: secondsOf(now),
    });
    expect(types(await news())).toEqual(["customer.subscription.deleted"]);
    const { data } = await stripe.subscriptions.list({ customer: String(later.customer) });
    expect(data).toEqual([]);
  });

  test("that owes is canceled: nobody tries to collect any more", async () => {
    const { subscription, customer } = somebody();
    failRenewal(world, now, { subscription });
    cancel(world, now, { subscription });
    const over = await stripe.subscriptions.retrieve(subscription);
    expect(await invoiceOf(over)).toMatchObject({ status: "open", next_payment_attempt: null });
    expect(await stripe.customers.retrieve(customer)).toMatchObject({ delinquent: false });
  });

  test("moves to another plan and more seats", async () => {
    const { subscription } = somebody();
    await news();
    changePlan(world, now, { subscription, price: "price_team_yearly_usd", quantity: 7 });
    const { items } = await stripe.subscriptions.retrieve(subscription);
    const price = { id: "price_team_yearly_usd" };
    expect(items.data).toMatchObject([{ price, plan: price, quantity: 7 }]);
    expect(types(await news())).toEqual(["customer.subscription.updated"]);
  });
});

describe("a customer", () => {
  test("has another address, which is found by", async () => {
    const { customer } = somebody();
    await news();
    changeEmail(world, now, { customer, email: "Other@example.com" });
    const found = (await stripe.customers.list({ email: "Other@example.com" })).data;
    expect(found.map(({ id }) => id)).toEqual([customer]);
    expect((await stripe.customers.list({ email: "new@example.com" })).data).toEqual([]);
    expect(await news()).toMatchObject([
      { type: "customer.updated", data: { previous_attributes: { email: "new@example.com" } } },
    ]);
    changeEmail(world, now, { customer, email: "Other@example.com" });
    expect(await news()).toEqual([]);
  });

  test("is deleted, and the subscriptions end", async () => {
    const { customer, subscription } = somebody();
    await news();
    deleteCustomer(world, now, { customer });
    expect(await stripe.customers.retrieve(customer)).toMatchObject({ id: customer, deleted: true });
    expect((await stripe.customers.list({ email: "new@example.com" })).data).toEqual([]);
    expect((await stripe.subscriptions.retrieve(subscription)).status).toBe("canceled");
    expect(types(await news())).toEqual(["customer.subscription.deleted", "customer.deleted"]);
  });
});

describe("money", () => {
  const chargeOf = async (customer: string) =>
    (await stripe.charges.list({ customer })).data[0] as Stripe.Charge;

  test("goes back in parts, and never more than came", async () => {
    const { id } = await chargeOf(somebody().customer);
    await news();
    refund(world, now, { charge: id, amount: 900 });
    expect(await stripe.charges.retrieve(id)).toMatchObject({ amount_refunded: 900, refunded: false });
    expect(() => refund(world, now, { charge: id, amount: 4_001 })).toThrow("4000 left");
    refund(world, now, { charge: id });
    expect(await stripe.charges.retrieve(id)).toMatchObject({ amount_refunded: 4_900, refunded: true });
    expect((await stripe.refunds.list({ charge: id })).data.map(({ amount }) => amount).sort()).toEqual([
      4_000, 900,
    ]);
    expect(types(await news())).toEqual([
      "refund.created",
      "charge.refunded",
      "refund.created",
      "charge.refunded",
    ]);
  });

  test.each([
    ["won", 0, ["charge.dispute.closed", "charge.dispute.funds_reinstated"]],
    ["lost", -4_900, ["charge.dispute.closed"]],
  ] as const)("is disputed, and the dispute %s", async (outcome, moved, told) => {
    const { id } = await chargeOf(somebody().customer);
    await news();
    const made = dispute(world, now, { charge: id });
    expect(made).toMatchObject({ status: "needs_response", amount: 4_900 });
    expect((await stripe.charges.retrieve(id)).disputed).toBe(true);
    expect(types(await news())).toEqual([
      "charge.updated",
      "charge.dispute.created",
      "charge.dispute.funds_withdrawn",
    ]);
    closeDispute(world, now, { dispute: made.id, outcome });
    const closed = await stripe.disputes.retrieve(made.id);
    expect(closed.status).toBe(outcome);
    expect(closed.balance_transactions.reduce((sum, { amount }) => sum + amount, 0)).toBe(moved);
    expect(types(await news())).toEqual(told);
  });

  test("does not move in an inquiry, which is closed and neither won nor lost", async () => {
    const inquiry = makeDispute(world.random, await chargeOf(somebody().customer), {
      created: secondsOf(now),
      closed: null,
      status: "warning_needs_response",
      livemode: false,
    });
    world.disputes.put(inquiry);
    await news();
    closeDispute(world, now, { dispute: inquiry.id, outcome: "won" });
    expect(await stripe.disputes.retrieve(inquiry.id)).toMatchObject({
      status: "warning_closed",
      balance_transactions: [],
    });
    expect(types(await news())).toEqual(["charge.dispute.closed"]);
  });

  test("arrives: payouts at the company, refunds at the customer", async () => {
    const [payout] = world.payouts.newestFirst() as [Stripe.Payout];
    world.payouts.put({ ...payout, status: "in_transit" });
    settlePayout(world, now, { payout: payout.id });
    expect((await stripe.payouts.retrieve(payout.id)).status).toBe("paid");
    const [gone] = world.refunds.newestFirst() as [Stripe.Refund];
    world.refunds.put({ ...gone, status: "pending", balance_transaction: null });
    settleRefund(world, now, { refund: gone.id });
    expect((await stripe.refunds.retrieve(gone.id)).status).toBe("succeeded");
    expect(types(await news())).toEqual(["payout.paid", "refund.updated"]);
  });
});

test("what Stripe would refuse changes nothing", async () => {
  const { customer, subscription } = somebody();
  const euro = { customer, price: "price_pro_monthly_eur" };
  expect(() => subscribe(world, now, euro)).toThrow("pays in usd");
  expect(() => changePlan(world, now, { subscription, ...euro })).toThrow("is in usd");
  expect(() => recover(world, now, { subscription })).toThrow("nothing to pay");
  expect(() => giveUp(world, now, { subscription })).toThrow("is active");
  expect(() => expire(world, now, { subscription })).toThrow("is active");
  const declined = somebody("price_pro_monthly_usd", { declined: true });
  expect(() => renew(world, now, declined)).toThrow("is incomplete");
  expect(() => giveUp(world, now, declined)).toThrow("is incomplete");
  const [charge] = world.charges.having("customer", customer) as [Stripe.Charge];
  const disputed = dispute(world, now, { charge: charge.id });
  expect(() => dispute(world, now, { charge: charge.id })).toThrow("disputed already");
  expect(() => refund(world, now, { charge: charge.id })).toThrow("disputed");
  closeDispute(world, now, { dispute: disputed.id, outcome: "lost" });
  expect(() => closeDispute(world, now, { dispute: disputed.id, outcome: "won" })).toThrow("lost already");
  deleteCustomer(world, now, { customer });
  await news();
  const events = world.events.size;
  expect(() => renew(world, now, { subscription })).toThrow("is canceled");
  expect(() => cancel(world, now, { subscription })).toThrow("is canceled");
  expect(() => changeEmail(world, now, { customer, email: "a@example.com" })).toThrow("deleted");
  expect(() => deleteCustomer(world, now, { customer })).toThrow("deleted");
  expect(() => refund(world, now, { charge: "ch_nobody" })).toThrow("no ch_nobody");
  expect(world.events.size).toBe(events);
});

describe("as time passes", () => {
  test("what is due happens, each at its own time", async () => {
    const { subscription } = somebody();
    const { subscription: trial } = somebody("price_pro_monthly_usd", { trialDays: 14 });
    const { subscription: leaving } = somebody();
    cancel(world, now, { subscription: leaving, atPeriodEnd: true });
    const { subscription: declined } = somebody("price_pro_monthly_usd", { declined: true });
    const began = secondsOf(now);
    pass(100 * day);
    passTime(world, now, { failedRenewals: 0, recovered: 1 });
    const renewed = await stripe.subscriptions.retrieve(subscription);
    const { data: invoices } = await stripe.invoices.list({ subscription });
    expect(invoices).toHaveLength(4);
    expect(invoices.every(({ status }) => status === "paid")).toBe(true);
    expect(invoices[0]?.created).toBe(renewed.items.data[0]?.current_period_start);
    expect(await stripe.subscriptions.retrieve(trial)).toMatchObject({ status: "active" });
    const first = (await stripe.invoices.list({ subscription: trial })).data.map(({ created }) => created);
    expect(first).toContain(began + 14 * day);
    const left = await stripe.subscriptions.retrieve(leaving);
    expect(left).toMatchObject({ status: "canceled", ended_at: periodEnd(left) });
    expect(await stripe.subscriptions.retrieve(declined)).toMatchObject({
      status: "incomplete_expired",
      ended_at: began + 23 * 3_600,
    });
  });

  test.each([
    ["recovers", 1, "active"],
    ["is given up", 0, "unpaid"],
  ])("what fails is tried again, and %s", async (_, recovered, status) => {
    const { subscription } = somebody();
    pass(32 * day);
    passTime(world, now, { failedRenewals: 1, recovered });
    expect((await stripe.subscriptions.retrieve(subscription)).status).toBe("past_due");
    pass(6 * day);
    passTime(world, now, { failedRenewals: 1, recovered });
    expect((await stripe.subscriptions.retrieve(subscription)).status).toBe(status);
  });

  test("nothing happens before something that was told earlier, and nothing stays on its way", () => {
    const larger = generateWorld({ seed: 12, customers: 400, now });
    const [gone] = larger.refunds.newestFirst() as [Stripe.Refund];
    larger.refunds.put({ ...gone, status: "pending" });
    const [payout] = larger.payouts.newestFirst() as [Stripe.Payout];
    larger.payouts.put({ ...payout, status: "in_transit" });
    // A retry that comes after the next period has begun: the renewal follows it.
    const [late] = [...larger.subscriptions.values()].filter(({ status }) => status === "past_due") as [
      Stripe.Subscription,
    ];
    const unpaid = larger.invoices.get(String(late.latest_invoice)) as Stripe.Invoice;
    const retryAt = periodEnd(late) + 2 * day;
    larger.invoices.put({ ...unpaid, next_payment_attempt: retryAt });
    const before = larger.events.size;
    pass(80 * day);
    passTime(larger, now, { failedRenewals: 0.1, recovered: 1 });
    const times = [...larger.events.values()].slice(before).map(({ created }) => created);
    expect(times.length).toBeGreaterThan(1_000);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(larger.refunds.get(gone.id)?.status).toBe("succeeded");
    expect(larger.payouts.get(payout.id)?.status).toBe("paid");
  });

  test("the same account has the same fate", async () => {
    const fate = async () => {
      const other = await openSandbox({ now: () => now, generate: { customers: 40 } });
      passTime(other.sandbox.world, now);
      const account = await readAccount(other.stripe);
      await other.close();
      return account;
    };
    pass(70 * day);
    const one = await fate();
    expect(one.invoices.some(({ created }) => created > secondsOf(now) - 30 * day)).toBe(true);
    expect(await fate()).toEqual(one);
  });
});

test("whatever happens in whatever order, the account contradicts itself nowhere", async () => {
  const things = [...anything, () => pass(20 * day)];
  const step = fc.record({
    thing: fc.nat(things.length - 1),
    at: fc.double({ min: 0, max: 0.999, noNaN: true }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 30, maxLength: 60 }), fc.nat(1_000), async (steps, seed) => {
      now = start;
      const other = await openSandbox({ now: () => now, generate: { seed, customers: 15 } });
      world = other.sandbox.world;
      let happened = 0;
      for (const { thing, at } of steps) {
        pass(60);
        passTime(world, now);
        try {
          things[thing]?.(world, now, at);
          happened++;
        } catch {
          // Refused: nothing may have changed.
        }
      }
      passTime(world, now);
      expect(happened).toBeGreaterThan(5);
      expect(contradictions(await readAccount(other.stripe), secondsOf(now))).toEqual([]);
      await other.close();
    }),
    { numRuns: 25 },
  );
});
