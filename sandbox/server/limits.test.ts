import http from "node:http";
import Stripe from "stripe";
import { afterEach, describe, expect, test } from "vitest";
import type { Limits } from "./limits.ts";
import { type Asked, openSandbox } from "./testing.ts";

let asked: Asked;
afterEach(() => asked.close());

/** Time that stands still until a test moves it. */
async function open(limits: Limits | null) {
  let ms = 0;
  asked = await openSandbox({ limits, clock: () => ms });
  return {
    ...asked,
    pass: (by: number) => {
      ms += by;
    },
  };
}

/** What became of so many requests at once: answered, or the reason of the 429. */
async function outcomes(count: number, request: (n: number) => Promise<unknown>) {
  const reasons: Record<string, number> = {};
  await Promise.all(
    Array.from({ length: count }, async (_, n) => {
      const reason = await request(n).then(
        () => "answered",
        (error) => {
          expect(error).toBeInstanceOf(Stripe.errors.StripeRateLimitError);
          expect(error).toMatchObject({ statusCode: 429, code: "rate_limit" });
          expect(error.headers).not.toHaveProperty("retry-after");
          return String(error.headers["stripe-rate-limited-reason"]);
        },
      );
      reasons[reason] = (reasons[reason] ?? 0) + 1;
    }),
  );
  return reasons;
}

describe("a second's worth of requests is answered, the rest is a 429 that says why", () => {
  test("of one endpoint", async () => {
    const { stripe, sandbox, pass } = await open({ requestsPerSecond: 100, perEndpoint: 5 });
    expect(await outcomes(8, () => stripe.charges.list())).toEqual({ answered: 5, "endpoint-rate": 3 });
    expect(await outcomes(1, () => stripe.invoices.list())).toEqual({ answered: 1 });
    const [id] = sandbox.world.charges.keys();
    expect(await outcomes(1, () => stripe.charges.retrieve(id as string))).toEqual({ answered: 1 });
    pass(400);
    expect(await outcomes(5, () => stripe.charges.list())).toEqual({ answered: 2, "endpoint-rate": 3 });
    pass(60_000);
    expect(await outcomes(8, () => stripe.charges.list())).toEqual({ answered: 5, "endpoint-rate": 3 });
    expect(sandbox.counts).toMatchObject({ total: 23, refused: 9 });
  });

  test("of the account", async () => {
    const { stripe, pass } = await open({ requestsPerSecond: 6, perEndpoint: 100 });
    const any = (n: number) => (n % 2 === 0 ? stripe.charges.list() : stripe.customers.list());
    expect(await outcomes(10, any)).toEqual({ answered: 6, "global-rate": 4 });
    pass(500);
    expect(await outcomes(10, any)).toEqual({ answered: 3, "global-rate": 7 });
  });
});

test("what an endpoint's limit refuses counts for the account all the same", async () => {
  const { stripe } = await open({ requestsPerSecond: 8, perEndpoint: 2 });
  expect(await outcomes(6, () => stripe.charges.list())).toEqual({ answered: 2, "endpoint-rate": 4 });
  expect(await outcomes(4, () => stripe.customers.list())).toEqual({ answered: 2, "global-rate": 2 });
});

describe("only so many requests are answered at the same time", () => {
  test("of one endpoint, and of the account", async () => {
    const { stripe, sandbox } = await open({
      requestsPerSecond: 1_000,
      perEndpoint: 1_000,
      concurrency: 4,
      endpointConcurrency: 3,
    });
    sandbox.setLatency(150);
    const [charges, customers] = await Promise.all([
      outcomes(5, () => stripe.charges.list()),
      outcomes(5, () => stripe.customers.list()),
    ]);
    const sum = (name: string) => (charges[name] ?? 0) + (customers[name] ?? 0);
    expect(sum("answered")).toBe(4);
    expect(sum("global-concurrency") + sum("endpoint-concurrency")).toBe(6);
    expect(sum("endpoint-concurrency")).toBeGreaterThan(0);
    expect(sum("global-concurrency")).toBeGreaterThan(0);
    expect(await outcomes(3, () => stripe.charges.list())).toEqual({ answered: 3 });
  });
});

test("limits can be set and lifted while it runs", async () => {
  const { stripe, sandbox, pass } = await open(null);
  expect(await outcomes(50, () => stripe.charges.list())).toEqual({ answered: 50 });
  sandbox.setLimits({ requestsPerSecond: 10, perEndpoint: 2 });
  pass(1_000);
  expect(await outcomes(5, () => stripe.charges.list())).toEqual({ answered: 2, "endpoint-rate": 3 });
  sandbox.setLimits(null);
  expect(await outcomes(50, () => stripe.charges.list())).toEqual({ answered: 50 });
});

test("a hundred full pages take well under a second of one processor", async () => {
  const { sandbox } = await open(null);
  const path = "/v1/invoices?limit=100";
  const agent = new http.Agent({ keepAlive: true });
  const read = () =>
    new Promise<number>((resolve, reject) => {
      const headers = { authorization: `Bearer ${sandbox.secretKey}` };
      http
        .get(sandbox.url + path, { agent, headers }, (response) => {
          let bytes = 0;
          response.on("data", (chunk: Buffer) => {
            bytes += chunk.length;
          });
          response.on("end", () => resolve(bytes));
        })
        .on("error", reject);
    });
  expect(await read()).toBeGreaterThan(100 * 2_000);
  const before = process.cpuUsage();
  for (let n = 0; n < 100; n++) await read();
  const { user, system } = process.cpuUsage(before);
  agent.destroy();
  expect((user + system) / 1_000).toBeLessThan(700);
});
