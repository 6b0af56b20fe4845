import type Stripe from "stripe";
import { afterEach, expect, test } from "vitest";
import { type Sandbox, startSandbox } from "../../sandbox/server/server.ts";
import { changeEmail, deleteCustomer } from "../../sandbox/world/changes/customer.ts";
import { refund } from "../../sandbox/world/changes/money.ts";
import { generateWorld } from "../../sandbox/world/world.ts";
import { createStripeReader } from "./client.ts";
import { type EventType, eventTypesFor, followsCustomers, subjectOf, unfollowed } from "./events.ts";
import type { StripeReader } from "./reader.ts";

const now = new Date("2026-11-24T12:00:00Z");
const day = 86_400;
const since = (days: number) => now.getTime() / 1000 - days * day;

let sandbox: Sandbox | undefined;
afterEach(async () => {
  await sandbox?.close();
  sandbox = undefined;
});

async function open() {
  const world = generateWorld({ seed: 4, customers: 200, now });
  sandbox = await startSandbox({ world, now: () => now });
  const stripe = createStripeReader({
    secretKey: sandbox.secretKey,
    apiBase: sandbox.url,
    pace: { requestsPerSecond: 5_000, perEndpoint: 5_000 },
  });
  return { world, stripe, sandbox };
}

async function all(stripe: StripeReader, types: readonly EventType[], createdFrom: number) {
  const events: Stripe.Event[] = [];
  for (let more = true; more; ) {
    const page = await stripe.events({ types, createdFrom, startingAfter: events.at(-1)?.id });
    events.push(...page.data);
    more = page.hasMore;
  }
  return events;
}

const mapped = (stripe: Parameters<typeof subjectOf>[1], expand: string[] = []) => ({
  stripe,
  expand,
  match: { column: "c", by: "id" as const },
});

test("events of some types and from some time on arrive, each once, with Stripe's own time beside them", async () => {
  const { world, stripe } = await open();
  expect(stripe.time()).toBeNull();
  const types = eventTypesFor(mapped("invoice"));
  const events = await all(stripe, types.slice(0, 20), since(20));
  const expected = [...world.events.values()].filter(
    (event) => types.slice(0, 20).includes(event.type) && event.created >= since(20),
  );
  expect(expected.length).toBeGreaterThan(100);
  expect(events.map((event) => event.id).sort()).toEqual(expected.map((event) => event.id).sort());
  // In whole seconds, and not this machine's.
  expect(stripe.time()).toEqual(now);
});

test("an expanded customer is heard of too, and what cannot be heard of is named", () => {
  expect(followsCustomers(mapped("subscription"))).toBe(false);
  expect(eventTypesFor(mapped("subscription"))).not.toContain("customer.updated");
  const withCustomer = mapped("subscription", ["customer"]);
  expect(followsCustomers(withCustomer)).toBe(true);
  expect(eventTypesFor(withCustomer)).toEqual(
    expect.arrayContaining(["customer.updated", "customer.deleted", "customer.subscription.updated"]),
  );
  expect(unfollowed(withCustomer)).toEqual([]);
  expect(unfollowed(mapped("subscription", ["customer", "latest_invoice"]))).toEqual(["latest_invoice"]);
  // A list of Stripe's takes twenty.
  expect(eventTypesFor(withCustomer).length).toBeGreaterThan(20);
});

test("an event names the object, what hangs on it, and whose it is now and was before", async () => {
  const { world, stripe } = await open();
  const paid = [...world.charges.values()].find((c) => c.paid && !c.disputed && c.amount_refunded === 0);
  const charge = paid?.id as string;
  const made = refund(world, now, { charge, amount: 1 });
  const living = [...world.customers.values()].filter((customer) => !customer.deleted);
  const [moved, gone] = living.map((customer) => customer.id) as [string, string];
  changeEmail(world, now, { customer: moved, email: "elsewhere@example.com" });
  deleteCustomer(world, now, { customer: gone });
  const events = await all(
    stripe,
    ["refund.created", "charge.refunded", "customer.updated", "customer.deleted"],
    since(0),
  );
  const of = (type: EventType) => events.find((event) => event.type === type) as Stripe.Event;
  const customers = [String(paid?.customer)];
  expect(subjectOf(of("refund.created"), "refund")).toEqual({ objects: [made.id], customers });
  expect(subjectOf(of("refund.created"), "charge").objects).toEqual([charge]);
  expect(subjectOf(of("charge.refunded"), "charge")).toEqual({ objects: [charge], customers });
  expect(subjectOf(of("customer.updated"), "customer")).toEqual({ objects: [moved], customers: [moved] });
  expect(subjectOf(of("customer.deleted"), "subscription")).toEqual({ objects: [], customers: [gone] });
  const handed = {
    data: {
      object: { object: "payment_intent", id: "pi_1", customer: "cus_new" },
      previous_attributes: { customer: "cus_old" },
    },
  } as unknown as Stripe.Event;
  expect(subjectOf(handed, "payment_intent")).toEqual({
    objects: ["pi_1"],
    customers: ["cus_new", "cus_old"],
  });
});

test("what one endpoint has not taken is listed apart from what all have", async () => {
  const { world, stripe } = await open();
  const [stuck] = world.events.newestFirst();
  if (!stuck) throw new Error("the world has no events");
  world.events.put({ ...stuck, pending_webhooks: 1 });
  const listed = async (delivered: boolean) =>
    (await stripe.events({ createdFrom: since(30), delivered })).data.map((event) => event.id);
  expect(await listed(false)).toEqual([stuck.id]);
  expect(await listed(true)).not.toContain(stuck.id);
});
