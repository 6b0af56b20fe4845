import Stripe from "stripe";
import { afterAll, beforeAll, expect, test } from "vitest";
import { generateWorld, type World } from "../world/index.ts";
import { now, openSandbox, stripeFor } from "./testing.ts";

const platform = generateWorld({ seed: 21, customers: 20, now });
const connected = generateWorld({ seed: 22, customers: 20, now });
const other = generateWorld({ seed: 23, customers: 20, now });
const otherKey = "sk_test_other00000000000000000000";
let asked: Awaited<ReturnType<typeof openSandbox>>;
beforeAll(async () => {
  asked = await openSandbox({
    world: platform,
    connected: [connected],
    others: [{ world: other, secretKey: otherKey }],
    limits: { requestsPerSecond: 4, perEndpoint: 3 },
    clock: () => 0,
  });
});
afterAll(() => asked.close());

const first = async (stripe: Stripe) => [
  (await stripe.accounts.retrieveCurrent()).id,
  (await stripe.customers.list({ limit: 1 })).data[0]?.id,
];
const newest = (world: World) => [
  world.account.id,
  [...world.customers.values()]
    .filter((customer) => !customer.deleted)
    .sort((a, b) => (b as Stripe.Customer).created - (a as Stripe.Customer).created)[0]?.id,
];

test("each key asks its own account, and the header one that is connected to it", async () => {
  expect(await first(asked.stripe)).toEqual(newest(platform));
  expect(await first(stripeFor(asked.sandbox, otherKey))).toEqual(newest(other));
  const stripeAccount = connected.account.id;
  expect(await first(stripeFor(asked.sandbox, undefined, { stripeAccount }))).toEqual(newest(connected));
  expect(Object.fromEntries(asked.sandbox.counts.byAccount)).toEqual({
    [platform.account.id]: 2,
    [connected.account.id]: 2,
    [other.account.id]: 2,
  });
});

test("an account that is not connected, or that there is not: 403, without the key", async () => {
  for (const [key, stripeAccount] of [
    [undefined, other.account.id],
    [undefined, "acct_nobody"],
    [otherKey, connected.account.id],
  ] as const) {
    const error = await first(stripeFor(asked.sandbox, key, { stripeAccount })).catch((reason) => reason);
    expect(error).toBeInstanceOf(Stripe.errors.StripePermissionError);
    expect(error).toMatchObject({ statusCode: 403, code: "account_invalid" });
    expect(error.message).toMatch(
      new RegExp(`^The provided key 'sk_test_\\*+0000' does not have access to account '${stripeAccount}'`),
    );
  }
});

test("every account has limits of its own", async () => {
  const other = stripeFor(asked.sandbox, otherKey);
  for (let n = 0; n < 2; n++) await other.products.list();
  await expect(other.products.list()).rejects.toMatchObject({ statusCode: 429 });
  expect((await asked.stripe.products.list()).object).toBe("list");
});
