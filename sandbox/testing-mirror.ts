// A company whose two tables are faithful copies of what Stripe has, for tests of what becomes of a run.
import { defineConfig } from "../lib/config/define.ts";
import { openTestDesk, type TestDesk } from "./testing.ts";
import { generateWorld } from "./world/world.ts";

export const mirrorNow = new Date("2026-11-24T12:00:00Z");
export const mirrorPace = { requestsPerSecond: 10_000, perEndpoint: 10_000 };

const mirrorConfig = defineConfig({
  resources: {
    subscriptions: {
      stripe: "subscription",
      table: "accounts",
      key: "id",
      stripeId: "stripe_id",
      fields: { status: "status" },
    },
    customers: {
      stripe: "customer",
      table: "people",
      key: "id",
      stripeId: "stripe_id",
      fields: { email: "email" },
    },
  },
  pace: mirrorPace,
});

/** `accounts` are its subscriptions, `people` its living customers, both numbered from 1. */
export async function openMirror(customers: number): Promise<TestDesk> {
  const world = generateWorld({ seed: 9, customers, now: mirrorNow, invoicesPerSubscription: 0 });
  const t = await openTestDesk({ world, config: mirrorConfig, now: () => mirrorNow });
  const { local } = t;
  const subscriptions = [...world.subscriptions.values()];
  const living = [...world.customers.values()].flatMap((one) => (one.deleted ? [] : [one]));
  await local`CREATE TABLE accounts (id serial PRIMARY KEY, stripe_id text, status text)`;
  await local`INSERT INTO accounts ${local(subscriptions.map(({ id, status }) => ({ stripe_id: id, status })))}`;
  await local`CREATE TABLE people (id serial PRIMARY KEY, stripe_id text, email text)`;
  await t.grant();
  await local`INSERT INTO people ${local(living.map(({ id, email }) => ({ stripe_id: id, email })))}`;
  return t;
}
