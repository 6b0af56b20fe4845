// For tests of runs that read what has changed: rows by subscription, by customer and by address, faithful to a world of
// Stripe's in which tests then change something.
import type Stripe from "stripe";
import { expect } from "vitest";
import { defineConfig, type ResourceDefinition } from "../lib/config/define.ts";
import type { Desk } from "../lib/desk.ts";
import type { ExecuteOptions } from "../lib/reconcile/run.ts";
import type { RunRequest, RunView } from "../lib/reconcile/runs.ts";
import { createStripeReader } from "../lib/stripe/client.ts";
import type { SandboxOptions } from "./server/server.ts";
import { openTestDesk, type TestDesk } from "./testing.ts";
import { run } from "./testing-runs.ts";
import { generateWorld, type World } from "./world/world.ts";

const start = new Date("2026-11-24T12:00:00Z");
const hour = 3_600_000;
export const pace = { requestsPerSecond: 10_000, perEndpoint: 10_000 };

/** More kinds of events than a list takes: the customer's are among them. */
export const accounts = {
  stripe: "subscription",
  expand: ["customer"],
  table: "accounts",
  key: "id",
  stripeId: "subscription",
  updatedAt: "updated_at",
  fields: {
    status: "status",
    price: (s: Stripe.Subscription) => s.items.data[0]?.price.id,
    email: (s: Stripe.Subscription) => (s.customer as Stripe.Customer).email,
  },
  missingLocal: { insert: (s: Stripe.Subscription) => ({ subscription: s.id, status: s.status }) },
} as const satisfies ResourceDefinition;

export const definition = defineConfig({
  resources: {
    accounts,
    members: {
      stripe: "subscription",
      table: "members",
      key: "id",
      match: { column: "customer", by: "customer" },
      fields: { status: "status" },
      missingInStripe: { set: { status: "none" } },
    },
    contacts: {
      stripe: "customer",
      table: "contacts",
      key: "id",
      match: { column: "email", by: "customerEmail" },
      fields: { name: "name" },
    },
  },
  pace,
});

type Cursor = { resource: string; stripeAt: Date; localAt: Date; runId: number };

export interface Changes extends TestDesk {
  now(): Date;
  /** Moves the clock. */
  pass(ms: number): void;
  /** A run to its end: one of what changed, unless it is said otherwise. */
  run(asked?: Partial<RunRequest>, desk?: Desk, options?: ExecuteOptions): Promise<RunView>;
  /** What is open, a line each. */
  differences(): Promise<string[]>;
  cursors(): Promise<Map<string, Cursor>>;
  /** Requests to Stripe while something is done, without the one that says whose the key is. */
  requests(work: () => Promise<unknown>): Promise<Record<string, number>>;
  /** Subscriptions that are their customer's only one, of customers who have their address for themselves. */
  active(count: number): Stripe.Subscription[];
  /** The desk as one that does not wait between attempts. */
  impatient(): Desk;
}

interface ChangesOptions extends Pick<SandboxOptions, "restrictedKeys"> {
  customers?: number;
  config?: typeof definition;
}

/** Faithful rows, and a run that has read everything. */
export async function openChanges(options: ChangesOptions = {}): Promise<Changes> {
  const { config = definition, restrictedKeys = {}, customers = 60 } = options;
  let now = start;
  const world = generateWorld({ seed: 8, customers, now, invoicesPerSubscription: 0 });
  const opened = await openTestDesk({ world, config, now: () => now, sandbox: { restrictedKeys } });
  await createRows(opened.local, world);
  await opened.grant();
  const { sql } = opened.desk;
  const { sandbox } = opened;
  const changes: Changes = {
    ...opened,
    now: () => now,
    pass: (ms) => {
      now = new Date(now.getTime() + ms);
    },
    run: (asked, desk = opened.desk, given) => run(desk, { mode: "incremental", ...asked }, given),
    differences: async () =>
      (
        await sql<{ line: string }[]>`
          SELECT concat_ws(' ', d.resource, d.kind, coalesce(d.stripe_id, d.match), nullif(d.change, '')) AS line
          FROM driftdesk.discrepancies d WHERE d.state = 'open' ORDER BY 1`
      ).map((row) => row.line),
    cursors: async () => {
      const rows = await sql<Cursor[]>`
        SELECT resource, stripe_at AS "stripeAt", local_at AS "localAt", run_id AS "runId" FROM driftdesk.cursors`;
      return new Map(rows.map((row) => [row.resource, row]));
    },
    requests: async (work) => {
      const before = new Map(sandbox.counts.byEndpoint);
      await work();
      const made = [...sandbox.counts.byEndpoint].map(([name, count]): [string, number] => [
        name,
        count - (before.get(name) ?? 0),
      ]);
      return Object.fromEntries(made.filter(([name, count]) => count > 0 && name !== "retrieve account"));
    },
    active: (count) => activeOf(sandbox.world, count),
    impatient: () =>
      opened.with({
        stripe: createStripeReader({
          secretKey: sandbox.secretKey,
          apiBase: sandbox.url,
          pace,
          clock: { now: () => performance.now(), sleep: async () => {} },
          maxAttempts: 2,
        }),
      }),
  };
  changes.pass(hour);
  await changes.run({ mode: "full" });
  expect(await changes.differences()).toEqual([]);
  // Past the time that is listed twice.
  changes.pass(hour);
  return changes;
}

async function createRows(local: TestDesk["local"], { customers, subscriptions }: World): Promise<void> {
  await local.unsafe(`
    CREATE TABLE accounts (id serial PRIMARY KEY, subscription text UNIQUE, status text, price text, email text,
                           updated_at timestamptz NOT NULL DEFAULT '2026-11-24 12:00:00Z');
    CREATE TABLE members (id serial PRIMARY KEY, customer text UNIQUE, status text);
    CREATE TABLE contacts (id serial PRIMARY KEY, email text, name text)`);
  const living = [...customers.values()].flatMap((one) => (one.deleted ? [] : [one]));
  const emailOf = (id: string) => {
    const customer = customers.get(id);
    return customer && !customer.deleted ? customer.email : null;
  };
  await local`INSERT INTO accounts ${local(
    [...subscriptions.values()].map((s) => ({
      subscription: s.id,
      status: s.status,
      price: s.items.data[0]?.price.id ?? null,
      email: emailOf(String(s.customer)),
    })),
  )}`;
  await local`INSERT INTO contacts ${local(living.map(({ email, name }) => ({ email, name: name ?? null })))}`;
  const current = Map.groupBy(subscriptions.values(), (s) => String(s.customer));
  await local`INSERT INTO members ${local(
    [...current].map(([customer, all]) => ({ customer, status: counting(all)?.status ?? "none" })),
  )}`;
}

const order = [
  "active",
  "trialing",
  "past_due",
  "unpaid",
  "paused",
  "incomplete",
  "canceled",
  "incomplete_expired",
];
const counting = (all: readonly Stripe.Subscription[]) =>
  all.toSorted(
    (a, b) =>
      order.indexOf(a.status) - order.indexOf(b.status) || b.created - a.created || (a.id < b.id ? 1 : -1),
  )[0];

function activeOf({ subscriptions, customers }: World, count: number): Stripe.Subscription[] {
  const emailOf = (id: unknown) => (customers.get(String(id)) as Stripe.Customer).email?.toLowerCase();
  const addresses = Map.groupBy(customers.values(), ({ id }) => emailOf(id));
  const found = [...subscriptions.values()].filter(
    ({ status, customer }) =>
      status === "active" &&
      subscriptions.having("customer", customer).length === 1 &&
      addresses.get(emailOf(customer))?.length === 1,
  );
  expect(found.length).toBeGreaterThanOrEqual(count);
  return found.slice(0, count);
}
