import Stripe from "stripe";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Asked, openSandbox, stripeFor } from "./testing.ts";

let asked: Asked;
let stripe: Stripe;
beforeEach(async () => {
  asked = await openSandbox({ generate: { customers: 60 } });
  stripe = asked.stripe;
});
afterEach(() => asked.close());

const outcome = (request: Promise<unknown>) => request.then(() => null).catch((error: unknown) => error);

test("an outage is a 500 for everything, and over when it is over", async () => {
  asked.sandbox.faults.outage = true;
  for (const request of [stripe.customers.list(), stripe.accounts.retrieveCurrent()]) {
    const error = await outcome(request);
    expect(error).toBeInstanceOf(Stripe.errors.StripeAPIError);
    expect(error).toMatchObject({ statusCode: 500, rawType: "api_error" });
  }
  asked.sandbox.faults.outage = false;
  expect(await outcome(stripe.customers.list())).toBeNull();
});

test("can be kept to one kind of request", async () => {
  Object.assign(asked.sandbox.faults, { serverErrors: 1, only: "list charges" });
  expect(await outcome(stripe.customers.list())).toBeNull();
  expect(await outcome(stripe.charges.list())).toMatchObject({ statusCode: 500 });
  const [id] = asked.sandbox.world.charges.keys();
  expect(await outcome(stripe.charges.retrieve(id as string))).toBeNull();
});

test("a refusal for the rate names its reason", async () => {
  asked.sandbox.faults.rateLimited = 1;
  expect(await outcome(stripe.charges.list())).toMatchObject({
    statusCode: 429,
    headers: { "stripe-rate-limited-reason": "global-rate" },
  });
});

test.each(["dropped", "truncated"] as const)("a %s answer is a broken connection", async (fault) => {
  asked.sandbox.faults[fault] = 1;
  const error = await outcome(stripe.invoices.list({ limit: 100 }));
  expect(error).toBeInstanceOf(Error);
  expect(error).not.toBeInstanceOf(Stripe.errors.StripeInvalidRequestError);
  asked.sandbox.faults[fault] = 0;
  expect(await outcome(stripe.invoices.list({ limit: 100 }))).toBeNull();
});

test("a truncated answer promises more than it sends", async () => {
  asked.sandbox.faults.truncated = 1;
  const response = await fetch(`${asked.sandbox.url}/v1/invoices?limit=100`, {
    headers: { authorization: `Bearer ${asked.sandbox.secretKey}` },
  });
  expect(response.status).toBe(200);
  expect(Number(response.headers.get("content-length"))).toBeGreaterThan(100_000);
  let received = 0;
  const read = async () => {
    for await (const chunk of response.body as ReadableStream<Uint8Array>) received += chunk.length;
  };
  await expect(read()).rejects.toThrow();
  expect(received).toBeLessThan(Number(response.headers.get("content-length")));
});

test("a slow answer begins at once and ends late; latency keeps back all of it", async () => {
  const request = () =>
    fetch(`${asked.sandbox.url}/v1/invoices?limit=100`, {
      headers: { authorization: `Bearer ${asked.sandbox.secretKey}` },
    });
  Object.assign(asked.sandbox.faults, { slow: 1, slowMs: 400 });
  const began = performance.now();
  const response = await request();
  const headAfter = performance.now() - began;
  expect(((await response.json()) as { data: unknown[] }).data).toHaveLength(100);
  expect(performance.now() - began).toBeGreaterThan(395);
  expect(headAfter).toBeLessThan(350);

  asked.sandbox.faults.slow = 0;
  asked.sandbox.setLatency(120);
  const again = performance.now();
  await request();
  expect(performance.now() - again).toBeGreaterThan(115);
});

test("a share of the requests fails, the same ones for the same seed, and retries come through", async () => {
  const failures = async () => {
    const other = await openSandbox({ generate: { customers: 20 } });
    other.sandbox.faults.serverErrors = 0.3;
    const failed: number[] = [];
    for (let n = 0; n < 40; n++) if (await outcome(other.stripe.customers.list({ limit: 1 }))) failed.push(n);
    await other.close();
    return failed;
  };
  const failed = await failures();
  expect(failed.length).toBeGreaterThan(4);
  expect(failed.length).toBeLessThan(25);
  expect(await failures()).toEqual(failed);

  asked.sandbox.faults.dropped = 0.4;
  const patient = stripeFor(asked.sandbox, asked.sandbox.secretKey, { maxNetworkRetries: 8 });
  expect((await patient.customers.list({ limit: 3 })).data).toHaveLength(3);
});
