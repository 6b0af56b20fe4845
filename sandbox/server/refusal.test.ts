import Stripe from "stripe";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Asked, openSandbox, stripeFor } from "./testing.ts";

const restricted = "rk_test_restricted000000000000";
let asked: Asked;
let stripe: Stripe;
beforeAll(async () => {
  asked = await openSandbox({ restrictedKeys: { [restricted]: ["rak_customer_read"] } });
  stripe = asked.stripe;
});
afterAll(() => asked.close());

/** The status and the body as they go over the wire. */
async function answer(path: string, headers: Record<string, string> = {}) {
  const authorization = `Bearer ${asked.sandbox.secretKey}`;
  const response = await fetch(asked.sandbox.url + path, { headers: { authorization, ...headers } });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

test("an id that nobody has: 404, as a StripeInvalidRequestError", async () => {
  const error = await stripe.subscriptions.retrieve("sub_nobody").catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(Stripe.errors.StripeInvalidRequestError);
  expect(error).toMatchObject({ statusCode: 404, code: "resource_missing", param: "id" });
  expect(error).toMatchObject({ message: "No such subscription: 'sub_nobody'", requestId: /^req_/ });
  expect((await answer("/v1/payment_intents/pi_nobody")).body).toEqual({
    error: {
      code: "resource_missing",
      doc_url: "https://stripe.com/docs/error-codes/resource-missing",
      message: "No such payment_intent: 'pi_nobody'",
      param: "id",
      type: "invalid_request_error",
    },
  });
});

test("a deleted customer is an id and the fact, and is in no list", async () => {
  const gone = [...asked.sandbox.world.customers.values()].find((customer) => customer.deleted);
  expect((await answer(`/v1/customers/${gone?.id}`)).body).toEqual({
    id: gone?.id,
    object: "customer",
    deleted: true,
  });
  const listed = await stripe.customers.list({ limit: 100 }).autoPagingToArray({ limit: 10_000 });
  expect(listed.filter((customer) => customer.id === gone?.id)).toEqual([]);
  await expect(stripe.customers.list({ starting_after: gone?.id as string })).rejects.toMatchObject({
    statusCode: 400,
    param: "starting_after",
    code: "resource_missing",
  });
});

test("no key and a wrong one: 401, and never the key in full", async () => {
  const none = await answer("/v1/customers", { authorization: "" });
  expect(none.status).toBe(401);
  expect(none.body.error).toMatchObject({
    type: "invalid_request_error",
    message: expect.stringContaining("You did not provide an API key"),
  });
  const wrong = await stripeFor(asked.sandbox, "sk_test_4eC39HqLyjWDarjtT1zdp7dc")
    .customers.list()
    .catch((reason: unknown) => reason);
  expect(wrong).toBeInstanceOf(Stripe.errors.StripeAuthenticationError);
  expect(wrong).toMatchObject({
    statusCode: 401,
    message: "Invalid API Key provided: sk_test_********************p7dc",
  });
  await expect(stripeFor(asked.sandbox, "constructor").customers.list()).rejects.toMatchObject({
    statusCode: 401,
  });
});

test("a restricted key may do what it was given, and is told what it lacks", async () => {
  const limited = stripeFor(asked.sandbox, restricted);
  expect((await limited.customers.list({ limit: 1 })).data).toHaveLength(1);
  const error = await limited.charges.list().catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(Stripe.errors.StripePermissionError);
  expect(error).toMatchObject({ statusCode: 403, message: expect.stringContaining("'rak_charge_read'") });
  await expect(limited.accounts.retrieveCurrent()).rejects.toMatchObject({
    statusCode: 403,
    message: expect.stringContaining("'rak_accounts_kyc_basic_read'"),
  });
});

test("the account of the key", async () => {
  expect(await stripe.accounts.retrieveCurrent()).toMatchObject({
    id: asked.sandbox.world.account.id,
    object: "account",
  });
});

test.each([
  ["subscriptions", "updated[gt]=1", "updated"],
  ["subscriptions", "canceled=true", "canceled"],
  ["charges", "status=succeeded", "status"],
  ["payment_intents", "status=succeeded", "status"],
  ["refunds", "customer=cus_1", "customer"],
  ["disputes", "status=lost", "status"],
  ["customers", "constructor=1", "constructor"],
  ["customers/cus_1", "limit=1", "limit"],
  ["account", "limit=1", "limit"],
])("%s?%s: a parameter that Stripe does not know is refused", async (path, query, param) => {
  const { status, body } = await answer(`/v1/${path}?${query}`);
  expect(status).toBe(400);
  expect(body.error).toMatchObject({
    code: "parameter_unknown",
    message: `Received unknown parameter: ${param}`,
    param,
    type: "invalid_request_error",
  });
});

test.each([
  ["customers?limit=0", "limit", "greater than or equal to 1"],
  ["customers?limit=101", "limit", "less than or equal to 100"],
  ["customers?limit=ten", "limit", "Invalid integer: ten"],
  ["invoices?created[gte]=yesterday", "created[gte]", "Invalid integer: yesterday"],
  ["invoices?status=unpaid", "status", "must be one of draft, open, paid, uncollectible, or void"],
  ["subscriptions?status=gone", "status", "Invalid status"],
  ["subscriptions?customer=", "customer", "empty string"],
  ["subscriptions?customer=cus_nobody", "customer", "No such customer: 'cus_nobody'"],
  ["refunds?charge=ch_nobody", "charge", "No such charge: 'ch_nobody'"],
  ["charges?starting_after=ch_nobody", "starting_after", "No such charge: 'ch_nobody'"],
  ["events?delivery_success=perhaps", "delivery_success", "Invalid boolean: perhaps"],
  [`events?${Array.from({ length: 21 }, (_, i) => `types[${i}]=invoice.paid`).join("&")}`, "types", "20"],
])("%s: a value that cannot be is refused", async (path, param, message) => {
  const { status, body } = await answer(`/v1/${path}`);
  expect({ status, param: body.error.param }).toEqual({ status: 400, param });
  expect(body.error.message).toContain(message);
});

test("two parameters that exclude each other are refused", async () => {
  const [first, second] = asked.sandbox.world.invoices.newestFirst();
  await expect(
    stripe.invoices.list({ starting_after: first?.id as string, ending_before: second?.id as string }),
  ).rejects.toMatchObject({ statusCode: 400, message: expect.stringContaining("only specify one of") });
  await expect(stripe.events.list({ type: "invoice.paid", types: ["invoice.paid"] })).rejects.toMatchObject({
    statusCode: 400,
  });
});

test("an API version that the objects are not in is refused", async () => {
  const old = stripeFor(asked.sandbox, asked.sandbox.secretKey, {
    // As somebody would set it who is not checked by the compiler.
    apiVersion: "2020-08-27" as Stripe.LatestApiVersion,
  });
  await expect(old.customers.list()).rejects.toMatchObject({
    statusCode: 400,
    message: "Invalid Stripe API version: 2020-08-27",
  });
});

test("nothing can be written, and addresses that Stripe does not have are 404", async () => {
  const id = asked.sandbox.world.customers.newestFirst()[0]?.id as string;
  const writes = asked.sandbox.counts.writes;
  await expect(stripe.customers.update(id, { name: "Somebody" })).rejects.toMatchObject({ statusCode: 404 });
  await expect(stripe.customers.del(id)).rejects.toMatchObject({
    message: expect.stringContaining(`Unrecognized request URL (DELETE: /v1/customers/${id})`),
  });
  expect(asked.sandbox.counts.writes).toBe(writes + 2);
  for (const path of ["/v1/nothing", "/v2/customers", "/v1/constructor", `/v1/customers/${id}/sources`])
    expect((await answer(path)).status).toBe(404);
});
