// For tests of the live lookup: a company with a row per person, as `users.subscription_status` everywhere, faithful to Stripe.
import type Stripe from "stripe";
import { expect, vi } from "vitest";
import type { ConfigDefinition } from "../lib/config/define.ts";
import { connect } from "../lib/db/connect.ts";
import type { Desk } from "../lib/desk.ts";
import { closeStatuses, type Statuses, statusesOf } from "../lib/status/statuses.ts";
import { createStripeReader } from "../lib/stripe/client.ts";
import { openTestDesk, type TestDesk } from "./testing.ts";
import { generateWorld, type World } from "./world/world.ts";

const start = new Date("2026-11-24T12:00:00Z");

export interface Lookups extends TestDesk {
  world: World;
  /** Somebody with one active subscription, whom no test was given before. */
  take(): { customer: Stripe.Customer; subscription: Stripe.Subscription; key: string };
  /** Moves the time of day. */
  pass(ms: number): void;
  /** Moves the time by which processes wait for each other. */
  rest(ms: number): void;
  /** Requests for subscriptions since this was asked last. */
  requests(): number;
  /** Another process with the same configuration. Ends with the test's desk. */
  another(change?: Partial<Desk>): { desk: Desk; statuses: Statuses };
}

export async function openLookups(
  options: {
    status?: ConfigDefinition["status"];
    redisUrl?: string;
    random?: () => number;
    users?: object;
  } = {},
): Promise<Lookups> {
  const world = generateWorld({ seed: 11, customers: 140, now: start, invoicesPerSubscription: 1 });
  let passedMs = 0;
  let restedMs = 0;
  const now = () => new Date(start.getTime() + passedMs);
  const t = await openTestDesk({
    world,
    now,
    config: {
      resources: {
        users: {
          stripe: "subscription",
          table: "users",
          key: "id",
          match: { column: "stripe_customer_id", by: "customer" },
          label: "email",
          fields: {
            subscription_status: {
              from: "status",
              values: {
                active: "active",
                trialing: "trialing",
                past_due: "late",
                canceled: "gone",
                unpaid: "late",
                paused: "gone",
                incomplete: "late",
                incomplete_expired: "gone",
              },
            },
            plan: (s: Stripe.Subscription) => s.items.data[0]?.price.id,
            current_period_end: (s: Stripe.Subscription) => s.items.data[0]?.current_period_end,
          },
          access: { field: "subscription_status", granted: ["active", "trialing"] },
          missingInStripe: { set: { subscription_status: "none" } },
          ...options.users,
        },
      },
      status: { resource: "users", periodEnd: "current_period_end", ...options.status },
      pace: { requestsPerSecond: 10_000, perEndpoint: 10_000 },
    } as ConfigDefinition,
  });
  await t.local`
    CREATE TABLE users (
      id serial PRIMARY KEY, email text UNIQUE, stripe_customer_id text, subscription_status text, plan text,
      current_period_end timestamptz)`;
  const subscriptions = [...world.subscriptions.values()];
  for (const customer of world.customers.values()) {
    if (customer.deleted) continue;
    const own = subscriptions.find((one) => one.customer === customer.id);
    const item = own?.items.data[0];
    await t.local`
      INSERT INTO users (email, stripe_customer_id, subscription_status, plan, current_period_end)
      VALUES (${customer.email}, ${customer.id}, ${own?.status ?? "none"}, ${item?.price.id ?? null},
              ${item ? new Date(item.current_period_end * 1000) : null})
      ON CONFLICT DO NOTHING`;
  }
  await t.grant();
  const keys = await t.local<
    { id: number; customer: string }[]
  >`SELECT id, stripe_customer_id AS customer FROM users`;
  const taken = new Set<string>();
  const others: Desk[] = [];
  const clock = {
    now: () => performance.now() + restedMs,
    sleep: (ms: number) => new Promise<void>((wake) => setTimeout(wake, ms)),
  };
  const begin = (desk: Desk) => {
    const statuses = statusesOf(desk, clock);
    others.push(desk);
    return { desk, statuses };
  };
  const { secretKey, url: apiBase } = t.sandbox;
  const process = (change: Partial<Desk> = {}) => ({
    ...t.desk,
    environment: { ...t.desk.environment, redisUrl: options.redisUrl },
    random: options.random ?? (() => 0),
    ...change,
  });
  const { desk } = begin(process());
  let counted = 0;
  return {
    ...t,
    desk,
    world,
    take() {
      for (const subscription of subscriptions) {
        const customer = world.customers.get(String(subscription.customer));
        const key = keys.find((one) => one.customer === customer?.id)?.id;
        const alone = world.subscriptions.having("customer", String(subscription.customer)).length === 1;
        if (
          !customer ||
          customer.deleted ||
          !key ||
          !alone ||
          subscription.status !== "active" ||
          taken.has(customer.id)
        )
          continue;
        taken.add(customer.id);
        return { customer, subscription, key: String(key) };
      }
      throw new Error("nobody is left");
    },
    pass(ms) {
      passedMs += ms;
    },
    rest(ms) {
      restedMs += ms;
    },
    requests() {
      const all = t.sandbox.counts.byEndpoint.get("list subscriptions") ?? 0;
      const since = all - counted;
      counted = all;
      return since;
    },
    another: (change) =>
      begin(
        process({
          sql: connect(t.variables.DATABASE_URL as string),
          stripe: createStripeReader({ secretKey, apiBase, pace: t.desk.config.pace }),
          ...change,
        }),
      ),
    async close() {
      for (const one of others) {
        await closeStatuses(one);
        if (one.sql !== t.desk.sql) await one.sql.end({ timeout: 1 });
      }
      await t.close();
    },
  };
}

/** From then on it knows that it would hear of a change. */
export async function listens({ changes }: Statuses): Promise<void> {
  changes.listen();
  await vi.waitFor(() => expect(changes.heard).toBe(true));
}
