// Desks on accounts whose objects are mostly settled, with a clock that tests move, for tests of the slower rhythm.
import type Stripe from "stripe";
import type { ResourceDefinition } from "../lib/config/define.ts";
import type { StripeObjects } from "../lib/config/resource.ts";
import { type Desk, systemActor } from "../lib/desk.ts";
import { executeRun } from "../lib/reconcile/run.ts";
import { type RunView, requestRun } from "../lib/reconcile/runs.ts";
import { openTestDesk, type TestDesk } from "./testing.ts";
import type { Shelf } from "./world/shelf.ts";
import { generateWorld, type World } from "./world/world.ts";

export const beginning = new Date("2026-09-01T03:00:00Z");
export const dayMs = 86_400_000;
const newest = beginning.getTime() / 1000 - 40 * 86_400;
/** When object `n` of `count` was made: one every hundred minutes, the newest forty days old on the first day. */
const createdOf = (n: number, count: number) => newest - (count - 1 - n) * 6_000;

export interface SettledDesk<T> extends TestDesk {
  objects: Shelf<T & { id: string }>;
  /** Days since `beginning`. */
  setDay(day: number): void;
  /** A full run of today, to be executed. */
  request(desk?: Desk): Promise<RunView>;
  /** A full run of today, with the requests that it took: pages of lists, and objects asked for by themselves. */
  run(desk?: Desk): Promise<{ run: RunView; pages: number; asked: number }>;
  /** What Stripe says about an object from now on. */
  change(id: string, change: Partial<T>): void;
  /** Open differences as "kind id". */
  open(): Promise<string[]>;
}

const settled = { after: "30d", rereadEvery: "7d" } as const;
export const chargesMapping = {
  stripe: "charge",
  table: "charges",
  key: "id",
  stripeId: "stripe_id",
  fields: { status: "status", refunded: { from: "amount_refunded", money: true } },
  settled,
} as const satisfies ResourceDefinition;
export const invoicesMapping = {
  stripe: "invoice",
  table: "invoices",
  key: "id",
  stripeId: "stripe_id",
  fields: { status: "status", total: { from: "total", money: true } },
  settled,
} as const satisfies ResourceDefinition;

/**
 * `count` captured charges, `ch_0` the oldest, and a faithful copy of them in the table `charges`. `columns`: what the table
 * has besides, as `CREATE TABLE` says it.
 */
export async function openSettledCharges(
  count: number,
  mapping: ResourceDefinition = chargesMapping,
  columns: readonly string[] = [],
): Promise<SettledDesk<Stripe.Charge>> {
  const world = generateWorld({ seed: 3, customers: 10, now: beginning });
  const [template] = world.charges.values();
  world.charges.clear();
  for (let n = 0; n < count; n++)
    world.charges.put({
      ...(template as Stripe.Charge),
      id: `ch_${n}`,
      created: createdOf(n, count),
      status: "succeeded",
      captured: true,
      amount_refunded: 0,
    });
  const t = await open(world, world.charges, { charges: mapping });
  const all = ["id serial PRIMARY KEY", "stripe_id text", "status text", "refunded bigint", ...columns];
  await t.local.unsafe(`CREATE TABLE charges (${all.join(", ")})`);
  await t.grant();
  await t.local`
    INSERT INTO charges (stripe_id, status, refunded)
    SELECT 'ch_' || n, 'succeeded', 0 FROM generate_series(0, ${count - 1}::int) n`;
  return t;
}

/**
 * `count` invoices, `in_0` the oldest, paid but for every fiftieth, which is uncollectible, and the one after it, which is
 * open; and a faithful copy of them in the table `invoices`.
 */
export async function openSettledInvoices(
  count: number,
  mapping: ResourceDefinition = invoicesMapping,
): Promise<SettledDesk<Stripe.Invoice>> {
  const world = generateWorld({ seed: 3, customers: 10, now: beginning });
  const [template] = world.invoices.values();
  world.invoices.clear();
  for (let n = 0; n < count; n++) {
    const created = createdOf(n, count);
    world.invoices.put({
      ...(template as Stripe.Invoice),
      id: `in_${n}`,
      created,
      total: 100,
      status: n % 50 === 0 ? "uncollectible" : n % 50 === 1 ? "open" : "paid",
      status_transitions: {
        finalized_at: created,
        marked_uncollectible_at: null,
        paid_at: created,
        voided_at: null,
      },
    });
  }
  const t = await open(world, world.invoices, { invoices: mapping });
  await t.local`CREATE TABLE invoices (id serial PRIMARY KEY, stripe_id text, status text, total bigint)`;
  await t.grant();
  const rows = [...world.invoices.values()].map((one) => ({
    stripe_id: one.id,
    status: one.status,
    total: one.total,
  }));
  for (let at = 0; at < rows.length; at += 5_000)
    await t.local`INSERT INTO invoices ${t.local(rows.slice(at, at + 5_000))}`;
  return t;
}

async function open<T extends StripeObjects["charge" | "invoice"]>(
  world: World,
  objects: Shelf<T>,
  resources: Record<string, ResourceDefinition>,
): Promise<SettledDesk<T>> {
  let day = 0;
  const t = await openTestDesk({
    world,
    config: { resources, pace: { requestsPerSecond: 10_000, perEndpoint: 10_000 } },
    now: () => new Date(beginning.getTime() + day * dayMs),
  });
  const request = async (desk: Desk = t.desk) =>
    (await requestRun(desk, { mode: "full", trigger: "command", actor: systemActor })).run;
  const counted = (what: string) =>
    t.sandbox.counts.byEndpoint.get(`${what} ${Object.keys(resources)[0]}`) ?? 0;
  return {
    ...t,
    objects: objects as Shelf<T & { id: string }>,
    setDay: (set) => {
      day = set;
    },
    request,
    async run(desk = t.desk) {
      const before = { pages: counted("list"), asked: counted("retrieve") };
      const { id } = await request(desk);
      const run = await executeRun(desk, id);
      return { run, pages: counted("list") - before.pages, asked: counted("retrieve") - before.asked };
    },
    change(id, change) {
      objects.put({ ...(objects.get(id) as T), ...change });
    },
    async open() {
      const rows = await t.desk.sql<{ line: string }[]>`
        SELECT kind || ' ' || stripe_id AS line FROM driftdesk.discrepancies
        WHERE state NOT IN ('fixed', 'resolved') ORDER BY id`;
      return rows.map((row) => row.line);
    },
  };
}
