// What can happen in the account, seen as Stripe's own package sees it: the objects afterwards, and the events that tell.
import Stripe from "stripe";
import { afterEach, expect, test } from "vitest";
import { type Sandbox, startSandbox } from "../server/server.ts";
import { changeEmail, createCustomer, deleteCustomer } from "./changes/customer.ts";
import { closeDispute, dispute, refund, settlePayout } from "./changes/money.ts";
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
import { generateWorld, type World } from "./world.ts";

const now = new Date("2026-11-24T12:00:00Z");
let sandbox: Sandbox | undefined;
afterEach(() => sandbox?.close());

async function open(): Promise<{ world: World; stripe: Stripe; told: () => Promise<string[]> }> {
  const world = generateWorld({ seed: 11, customers: 40, now: new Date(now.getTime() - 60_000) });
  sandbox = await startSandbox({ world, now: () => now });
  const { port } = new URL(sandbox.url);
  const stripe = new Stripe(sandbox.secretKey, {
    host: "127.0.0.1",
    port: Number(port),
    protocol: "http",
    telemetry: false,
  });
  const since = Math.floor(now.getTime() / 1000);
  const told = async () =>
    (await stripe.events.list({ created: { gte: since }, limit: 100 })).data
      .map(({ type }) => type)
      .reverse();
  return { world, stripe, told };
}

const priceOf = (world: World) => [...world.prices.keys()][0] as string;

test("somebody subscribes, renews, fails to pay, pays after all, changes the plan and cancels", async () => {
  const { world, stripe, told } = await open();
  const customer = createCustomer(world, now, { email: "new@example.com" });
  const [first, second] = [...world.prices.keys()];
  const made = subscribe(world, now, { customer: customer.id, price: first as string });
  const asked = { subscription: made.id };
  const status = async () => (await stripe.subscriptions.retrieve(made.id)).status;
  expect(await status()).toBe("active");
  const before = (await stripe.subscriptions.retrieve(made.id)).items.data[0]?.current_period_end ?? 0;
  renew(world, new Date(before * 1000), asked);
  expect((await stripe.subscriptions.retrieve(made.id)).items.data[0]?.current_period_end).toBeGreaterThan(
    before,
  );
  failRenewal(world, now, asked);
  expect(await status()).toBe("past_due");
  recover(world, now, asked);
  expect(await status()).toBe("active");
  changePlan(world, now, { ...asked, price: second as string });
  expect((await stripe.subscriptions.retrieve(made.id)).items.data[0]?.price.id).toBe(second);
  cancel(world, now, asked);
  expect(await status()).toBe("canceled");
  const invoices = await stripe.invoices.list({ customer: customer.id });
  for (const invoice of invoices.data) {
    expect(invoice.status).toBe("paid");
    expect(invoice.amount_paid + invoice.amount_remaining).toBe(invoice.amount_due);
  }
  expect(await told()).toEqual(
    expect.arrayContaining([
      "customer.created",
      "customer.subscription.created",
      "invoice.payment_failed",
      "invoice.paid",
      "customer.subscription.updated",
      "customer.subscription.deleted",
    ]),
  );
});

test("who never pays is unpaid, and a first payment that never came expires", async () => {
  const { world, stripe } = await open();
  const customer = createCustomer(world, now, {});
  const made = subscribe(world, now, { customer: customer.id, price: priceOf(world) });
  failRenewal(world, now, { subscription: made.id });
  giveUp(world, now, { subscription: made.id });
  expect((await stripe.subscriptions.retrieve(made.id)).status).toBe("unpaid");
  const incomplete = [...world.subscriptions.values()].find(({ status }) => status === "incomplete");
  if (incomplete) {
    expire(world, now, { subscription: incomplete.id });
    expect((await stripe.subscriptions.retrieve(incomplete.id)).status).toBe("incomplete_expired");
  }
});

test("a deleted customer is gone, with the subscriptions; another address is told", async () => {
  const { world, stripe, told } = await open();
  const customer = createCustomer(world, now, { email: "old@example.com" });
  const made = subscribe(world, now, { customer: customer.id, price: priceOf(world) });
  changeEmail(world, now, { customer: customer.id, email: "other@example.com" });
  expect((await stripe.customers.list({ email: "other@example.com" })).data.map(({ id }) => id)).toEqual([
    customer.id,
  ]);
  deleteCustomer(world, now, { customer: customer.id });
  expect(await stripe.customers.retrieve(customer.id)).toMatchObject({ id: customer.id, deleted: true });
  expect((await stripe.subscriptions.retrieve(made.id)).status).toBe("canceled");
  expect(await told()).toEqual(expect.arrayContaining(["customer.updated", "customer.deleted"]));
});

test("money goes back, is disputed and arrives", async () => {
  const { world, stripe, told } = await open();
  const charge = [...world.charges.values()].find(
    (one) => one.status === "succeeded" && !one.refunded && one.amount_refunded === 0 && !one.disputed,
  );
  const made = refund(world, now, { charge: charge?.id ?? "" });
  expect(await stripe.charges.retrieve(charge?.id ?? "")).toMatchObject({
    refunded: true,
    amount_refunded: made.amount,
  });
  const other = [...world.charges.values()].find(
    (one) => one.status === "succeeded" && !one.refunded && !one.disputed,
  );
  const disputed = dispute(world, now, { charge: other?.id ?? "" });
  closeDispute(world, now, { dispute: disputed.id, outcome: "lost" });
  expect((await stripe.disputes.retrieve(disputed.id)).status).toBe("lost");
  const payout = [...world.payouts.values()][0];
  settlePayout(world, now, { payout: payout?.id ?? "" });
  expect((await stripe.payouts.retrieve(payout?.id ?? "")).status).toBe("paid");
  expect(await told()).toEqual(
    expect.arrayContaining([
      "charge.refunded",
      "charge.dispute.created",
      "charge.dispute.closed",
      "payout.paid",
    ]),
  );
});

test("as time passes, what is due happens", async () => {
  const { world } = await open();
  const before = [...world.subscriptions.values()].filter(({ status }) => status === "active").length;
  const events = world.events.size;
  passTime(world, new Date(now.getTime() + 40 * 86_400_000));
  expect(before).toBeGreaterThan(0);
  expect(world.events.size).toBeGreaterThan(events);
});
