import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { type Sandbox, type SandboxOptions, startSandbox } from "../../sandbox/server/server.ts";
import { generateWorld } from "../../sandbox/world/index.ts";
import { createStripeReader, type StripeReaderOptions } from "./client.ts";
import type { Clock } from "./pace.ts";
import { whileSomebodyWaits } from "./priority.ts";
import type { ListFilter, StripeReader } from "./reader.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

const now = new Date("2026-11-24T12:00:00Z");
const world = generateWorld({ seed: 3, customers: 400, now });

/** Time that only sleeping makes pass: no test waits, and every sleep is on record. */
function sleeplessClock(): Clock & { slept: number[] } {
  let time = 0;
  const slept: number[] = [];
  return {
    slept,
    now: () => time,
    async sleep(ms) {
      time += ms;
      slept.push(ms);
      await new Promise(setImmediate);
    },
  };
}

async function open(
  sandboxOptions: Partial<SandboxOptions> = {},
  readerOptions: Partial<StripeReaderOptions> = {},
): Promise<{ sandbox: Sandbox; stripe: StripeReader }> {
  const clock = sleeplessClock();
  const sandbox = await startSandbox({ world, now: () => now, clock: clock.now, ...sandboxOptions });
  cleanups.push(sandbox.close);
  const stripe = createStripeReader({
    secretKey: sandbox.secretKey,
    apiBase: sandbox.url,
    pace: { requestsPerSecond: 5_000, perEndpoint: 5_000 },
    clock,
    random: () => 0.5,
    ...readerOptions,
  });
  return { sandbox, stripe };
}

async function everySubscription(stripe: StripeReader, filter: ListFilter = {}): Promise<string[]> {
  const ids: string[] = [];
  let startingAfter: string | undefined;
  for (;;) {
    const page = await stripe.list("subscription", { ...filter, startingAfter });
    ids.push(...page.data.map((subscription) => subscription.id));
    if (!page.hasMore) return ids;
    startingAfter = ids.at(-1);
  }
}

const subscriptions = [...world.subscriptions.values()];
const ids = subscriptions.map((subscription) => subscription.id).sort();

test("pages come to an end with every object once, canceled subscriptions too", async () => {
  const { stripe } = await open();
  expect((await everySubscription(stripe)).sort()).toEqual(ids);
  expect(subscriptions.some((subscription) => subscription.status === "canceled")).toBe(true);
  expect(stripe.counts).toEqual({ requests: Math.ceil(ids.length / 100), rateLimited: 0 });
});

test("a half-open range of times, a customer and expansion reach Stripe", async () => {
  const { stripe } = await open();
  const [from, to] = subscriptions
    .map((s) => s.created)
    .sort((a, b) => a - b)
    .filter((_, i) => i % 100 === 50);
  const within = await everySubscription(stripe, { createdFrom: from, createdTo: to });
  expect(within.sort()).toEqual(
    subscriptions
      .filter((s) => s.created >= (from ?? 0) && s.created < (to ?? 0))
      .map((s) => s.id)
      .sort(),
  );
  const customer = subscriptions[0]?.customer as string;
  const { data } = await stripe.list("subscription", { customer, expand: ["customer"], limit: 3 });
  expect(data[0]?.customer).toMatchObject({ object: "customer", id: customer });
});

test("all kinds of objects are listed and retrieved", async () => {
  const { stripe } = await open();
  const types = [
    "customer",
    "subscription",
    "invoice",
    "charge",
    "payment_intent",
    "refund",
    "dispute",
    "payout",
  ] as const;
  for (const type of types) {
    const { data } = await stripe.list(type, { limit: 1 });
    const [object] = data;
    expect(object).toMatchObject({ object: type });
    expect(await stripe.retrieve(type, object?.id ?? "")).toEqual(object);
  }
});

test("an unknown id and a deleted customer are null", async () => {
  const { stripe } = await open();
  const deleted = [...world.customers.values()].find((customer) => "deleted" in customer && customer.deleted);
  expect(deleted).toBeDefined();
  expect(await stripe.retrieve("customer", deleted?.id ?? "")).toBeNull();
  expect(await stripe.retrieve("invoice", "in_unknown")).toBeNull();
});

test("the account and the mode of the key", async () => {
  const { stripe } = await open();
  expect((await stripe.account()).id).toBe(world.account.id);
  expect(stripe.livemode).toBe(false);
});

describe("when Stripe is in trouble", () => {
  test.each(["dropped", "truncated", "serverErrors"] as const)(
    "%s: everything arrives all the same",
    async (fault) => {
      const { sandbox, stripe } = await open({}, { maxAttempts: 20 });
      sandbox.faults[fault] = 0.5;
      expect((await everySubscription(stripe)).sort()).toEqual(ids);
      expect(stripe.counts.requests).toBeGreaterThan(Math.ceil(ids.length / 100));
      expect(stripe.counts.requests).toBe(sandbox.counts.total);
    },
  );

  test("an outage ends in stripe_unreachable after a few attempts, without a secret in the message", async () => {
    const { sandbox, stripe } = await open({}, { maxAttempts: 4 });
    sandbox.faults.outage = true;
    const error = await stripe.list("charge", {}).catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: "stripe_unreachable",
      message: expect.stringContaining("list charge"),
    });
    expect(JSON.stringify(error) + String(error)).not.toContain(sandbox.secretKey.slice(0, 12));
    expect(stripe.counts.requests).toBe(4);
  });

  test("nobody listening is stripe_unreachable too", async () => {
    const { sandbox, stripe } = await open({}, { maxAttempts: 2 });
    await sandbox.close();
    cleanups.length = 0;
    await expect(stripe.account()).rejects.toMatchObject({ code: "stripe_unreachable" });
  });

  test("a storm of 429s is ridden out by going slower", async () => {
    // Another program uses up nearly all of the account's budget.
    const { sandbox, stripe } = await open({ limits: { requestsPerSecond: 4, perEndpoint: 2 } });
    const found = await Promise.all([1, 2, 3, 4, 5, 6].map(() => everySubscription(stripe)));
    for (const list of found) expect([...list].sort()).toEqual(ids);
    expect(stripe.counts.rateLimited).toBe(sandbox.counts.refused);
    expect(stripe.counts.rateLimited).toBeGreaterThan(0);
  });

  test("429s without end are stripe_rate_limited", async () => {
    const { stripe } = await open({ limits: { requestsPerSecond: 0, perEndpoint: 0 } }, { maxAttempts: 2 });
    await expect(stripe.list("customer", {})).rejects.toMatchObject({ code: "stripe_rate_limited" });
    expect(stripe.counts).toEqual({ requests: 4, rateLimited: 4 });
  });
});

describe("the key", () => {
  test("rejected", async () => {
    const { stripe } = await open({}, { secretKey: "rk_test_someoneelses0000000000" });
    const error = await stripe.account().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "stripe_key_rejected" });
    expect(String(error)).not.toContain("someoneelses");
    expect(stripe.counts.requests).toBe(1);
  });

  test("without the permission for webhook endpoints, which only those who have it can list", async () => {
    const secretKey = "rk_test_restricted000000000000";
    const { stripe } = await open({ restrictedKeys: { [secretKey]: ["rak_event_read"] } }, { secretKey });
    await expect(stripe.webhookEndpoints()).rejects.toMatchObject({ code: "stripe_permission_missing" });
    const all = await open();
    const { id } = all.sandbox.webhooks.add("https://api.acme.example/webhooks/stripe");
    expect((await all.stripe.webhookEndpoints()).map((endpoint) => endpoint.id)).toEqual([id]);
  });

  test("without a permission: the message names what is missing", async () => {
    const secretKey = "rk_test_restricted000000000000";
    const { stripe } = await open({ restrictedKeys: { [secretKey]: ["rak_customer_read"] } }, { secretKey });
    expect((await stripe.list("customer", { limit: 1 })).data).toHaveLength(1);
    const error = await stripe.list("dispute", {}).catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: "stripe_permission_missing",
      message: expect.stringContaining("list dispute"),
    });
    expect(String(error)).not.toContain("restricted0");
    expect(stripe.counts.requests).toBe(2);
  });
});

/** A server of our own, for answers that the sandbox never gives. */
async function answering(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  options: Partial<StripeReaderOptions> = {},
): Promise<StripeReader> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return createStripeReader({
    secretKey: "sk_test_123",
    apiBase: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    pace: { requestsPerSecond: 5_000, perEndpoint: 5_000 },
    clock: sleeplessClock(),
    ...options,
  });
}

const refuse = (response: ServerResponse, status: number, headers: Record<string, string> = {}) =>
  response
    .writeHead(status, { "content-type": "application/json", ...headers })
    .end('{"error":{"type":"api_error","message":"no"}}');

test("pauses between attempts double, and are spread over their whole length", async () => {
  const clock = sleeplessClock();
  const always500 = (_: IncomingMessage, response: ServerResponse) => refuse(response, 500);
  const longest = await answering(always500, { clock, random: () => 1, maxAttempts: 5 });
  await expect(longest.account()).rejects.toThrow();
  expect(clock.slept.filter((ms) => ms >= 100)).toEqual([500, 1_000, 2_000, 4_000]);
  const other = sleeplessClock();
  const shortest = await answering(always500, { clock: other, random: () => 0.25, maxAttempts: 3 });
  await expect(shortest.account()).rejects.toThrow();
  expect(other.slept.filter((ms) => ms >= 100)).toEqual([125, 250]);
});

test.each([
  [409, {}, 3],
  [500, { "stripe-should-retry": "false" }, 1],
  [400, { "stripe-should-retry": "true" }, 3],
  [400, {}, 1],
])("after %i with %o Stripe is asked %i times", async (status, headers, requests) => {
  const stripe = await answering((_, response) => refuse(response, status, headers), { maxAttempts: 3 });
  await expect(stripe.account()).rejects.toMatchObject({ code: expect.stringMatching(/^stripe_/) });
  expect(stripe.counts.requests).toBe(requests);
});

test("an object that somebody else has locked is asked for again, and nothing slows down for it", async () => {
  let asked = 0;
  const clock = sleeplessClock();
  const stripe = await answering(
    (_, response) => {
      if (++asked === 1)
        response
          .writeHead(429, { "content-type": "application/json" })
          .end('{"error":{"type":"invalid_request_error","code":"lock_timeout","message":"locked"}}');
      else response.writeHead(200).end('{"id":"acct_1","object":"account"}');
    },
    { clock, pace: { requestsPerSecond: 1, perEndpoint: 1 } },
  );
  for (let i = 0; i < 10; i++) await stripe.account();
  expect(stripe.counts).toEqual({ requests: 11, rateLimited: 0 });
  expect(clock.now()).toBeLessThan(11_000);
});

test("what somebody waits for is asked before what runs have to ask", async () => {
  const asked: string[] = [];
  const stripe = await answering(
    (request, response) => {
      asked.push(request.url ?? "");
      response.writeHead(200).end('{"id":"in_1","object":"list","data":[],"has_more":false}');
    },
    { pace: { requestsPerSecond: 5, perEndpoint: 5 } },
  );
  const pages = Array.from({ length: 40 }, () => stripe.list("invoice", {}));
  const check = whileSomebodyWaits(() => stripe.retrieve("invoice", "in_1"));
  await Promise.all([...pages, check]);
  // Some pages were on their way already, and requests overtake each other.
  expect(asked.indexOf("/v1/invoices/in_1")).toBeLessThanOrEqual(10);
});

test("a proxy's page in place of JSON is asked again", async () => {
  let asked = 0;
  const stripe = await answering((_, response) => {
    if (++asked < 3) response.writeHead(502, { "content-type": "text/html" }).end("<h1>Bad gateway</h1>");
    else response.writeHead(200).end('{"id":"acct_1","object":"account"}');
  });
  expect(await stripe.account()).toEqual({ id: "acct_1", name: null });
});

test("an answer that never comes is given up after the timeout and asked again", async () => {
  let asked = 0;
  const stripe = await answering(
    (_, response) => {
      if (++asked > 1) response.writeHead(200).end('{"id":"acct_1","object":"account"}');
    },
    { timeoutMs: 50 },
  );
  expect(await stripe.account()).toMatchObject({ id: "acct_1" });
});
