import type Stripe from "stripe";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Asked, openSandbox } from "./testing.ts";

let asked: Asked;
let stripe: Stripe;
beforeAll(async () => {
  asked = await openSandbox();
  stripe = asked.stripe;
});
afterAll(() => asked.close());

test("ids become the objects that they name, in lists and in single objects", async () => {
  const { world } = asked.sandbox;
  const { data } = await stripe.subscriptions.list({ expand: ["data.customer", "data.latest_invoice"] });
  expect(data).toHaveLength(10);
  for (const { customer, latest_invoice: invoice } of data) {
    expect(customer).toEqual(world.customers.get((customer as Stripe.Customer).id));
    if (invoice !== null)
      expect(invoice).toMatchObject({ object: "invoice", id: expect.stringMatching(/^in_/) });
  }
  const charge = world.charges.newestFirst()[0] as Stripe.Charge;
  const retrieved = await stripe.charges.retrieve(charge.id, { expand: ["payment_intent.customer"] });
  expect(retrieved.payment_intent).toMatchObject({
    id: charge.payment_intent,
    customer: { id: charge.customer },
  });
});

test("expanding one answer changes no other", async () => {
  const [{ id, customer }] = asked.sandbox.world.subscriptions.newestFirst() as [Stripe.Subscription];
  await stripe.subscriptions.retrieve(id, { expand: ["customer", "items.data.price.product"] });
  const plain = await stripe.subscriptions.retrieve(id);
  expect(plain.customer).toBe(customer);
  expect(plain.items.data[0]?.price.product).toMatch(/^prod_/);
});

test("a deleted customer is expanded to what is left of it", async () => {
  const { world } = asked.sandbox;
  const orphan = world.subscriptions
    .newestFirst()
    .find(
      (subscription) => world.customers.get(String(subscription.customer))?.deleted,
    ) as Stripe.Subscription;
  const { customer } = await stripe.subscriptions.retrieve(orphan.id, { expand: ["customer"] });
  expect(customer).toEqual({ id: orphan.customer, object: "customer", deleted: true });
});

test("an invoice's payments, a charge's refunds and a customer's subscriptions are there when they are asked for", async () => {
  const { world } = asked.sandbox;
  const paid = world.invoices.newestFirst().find((invoice) => invoice.amount_paid > 0) as Stripe.Invoice;
  expect(await stripe.invoices.retrieve(paid.id)).not.toHaveProperty("payments");
  const invoice = await stripe.invoices.retrieve(paid.id, {
    expand: ["payments.data.payment.payment_intent"],
  });
  expect(invoice.payments?.data[0]?.payment.payment_intent).toMatchObject({ amount: paid.amount_due });

  const refund = world.refunds.newestFirst()[0] as Stripe.Refund;
  const charge = await stripe.charges.retrieve(String(refund.charge), { expand: ["refunds"] });
  expect(charge.refunds).toMatchObject({ object: "list", data: [{ id: refund.id }], has_more: false });
  expect(await stripe.charges.retrieve(String(refund.charge))).not.toHaveProperty("refunds");

  const running = world.subscriptions
    .newestFirst()
    .find(({ status }) => status === "active") as Stripe.Subscription;
  const customer = await stripe.customers.retrieve(String(running.customer), { expand: ["subscriptions"] });
  expect((customer as Stripe.Customer).subscriptions?.data.map(({ id }) => id)).toContain(running.id);
});

test.each([
  [
    "nothing",
    "This property cannot be expanded (nothing). You may want to try expanding 'data.nothing' instead.",
  ],
  [
    "customer",
    "This property cannot be expanded (customer). You may want to try expanding 'data.customer' instead.",
  ],
  ["data", "This property cannot be expanded (data)."],
  ["data.status", "This property cannot be expanded (data.status)."],
  ["data.constructor", "This property cannot be expanded (data.constructor)."],
  ["data.customer.email", "This property cannot be expanded (data.customer.email)."],
  [
    "data.items.data.price.product",
    "You cannot expand more than 4 levels of a property (property: data.items.data.price.product).",
  ],
])("a list of subscriptions does not expand %s", async (path, message) => {
  await expect(stripe.subscriptions.list({ expand: [path] })).rejects.toMatchObject({
    statusCode: 400,
    message,
  });
});
