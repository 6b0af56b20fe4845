// A desk on an account whose charges are mostly settled, with a clock that tests move, for tests of the slower rhythm.
import type Stripe from "stripe";
import type { ResourceDefinition } from "../lib/config/define.ts";
import { type Desk, systemActor } from "../lib/desk.ts";
import { executeRun } from "../lib/reconcile/run.ts";
import { type RunView, requestRun } from "../lib/reconcile/runs.ts";
import { openTestDesk, type TestDesk } from "./testing.ts";
import { generateWorld } from "./world/world.ts";

export const beginning = new Date("2026-09-01T03:00:00Z");
export const dayMs = 86_400_000;

export const chargesMapping = {
  stripe: "charge",
  table: "charges",
  key: "id",
  stripeId: "stripe_id",
  fields: { status: "status", refunded: { from: "amount_refunded", money: true } },
  settled: { after: "30d", rereadEvery: "7d" },
} as const satisfies ResourceDefinition;

export interface SettledDesk extends TestDesk {
  charges: TestDesk["sandbox"]["world"]["charges"];
  /** Days since `beginning`. */
  setDay(day: number): void;
  /** A full run of today, to be executed. */
  request(desk?: Desk): Promise<RunView>;
  /** A full run of today, with the list requests that it took. */
  run(desk?: Desk): Promise<{ run: RunView; pages: number }>;
  /** What Stripe says about a charge from now on. */
  change(id: string, change: Partial<Stripe.Charge>): void;
  /** Open differences as "kind id". */
  open(): Promise<string[]>;
}

/**
 * `count` captured charges, one every hundred minutes, the newest forty days old on the first day, and a faithful copy
 * of them in the table `charges`. They are `ch_0`, `ch_1` … from the oldest on.
 */
export async function openSettledDesk(
  count: number,
  mapping: ResourceDefinition = chargesMapping,
): Promise<SettledDesk> {
  const world = generateWorld({ seed: 3, customers: 10, now: beginning });
  const [template] = world.charges.values();
  if (!template) throw new Error("no charge to copy");
  world.charges.clear();
  const newest = beginning.getTime() / 1000 - 40 * 86_400;
  for (let n = 0; n < count; n++)
    world.charges.put({
      ...template,
      id: `ch_${n}`,
      created: newest - (count - 1 - n) * 6_000,
      status: "succeeded",
      captured: true,
      amount_refunded: 0,
    });
  let day = 0;
  const t = await openTestDesk({
    world,
    config: { resources: { charges: mapping }, pace: { requestsPerSecond: 10_000, perEndpoint: 10_000 } },
    now: () => new Date(beginning.getTime() + day * dayMs),
  });
  await t.local`
    CREATE TABLE charges (id serial PRIMARY KEY, stripe_id text, status text, refunded bigint)`;
  await t.local`
    INSERT INTO charges (stripe_id, status, refunded)
    SELECT 'ch_' || n, 'succeeded', 0 FROM generate_series(0, ${count - 1}::int) n`;
  const request = async (desk: Desk = t.desk) =>
    (await requestRun(desk, { mode: "full", trigger: "command", actor: systemActor })).run;
  const pages = () => t.sandbox.counts.byEndpoint.get("list charges") ?? 0;
  return {
    ...t,
    charges: world.charges,
    setDay: (set) => {
      day = set;
    },
    request,
    async run(desk = t.desk) {
      const before = pages();
      const { id } = await request(desk);
      return { run: await executeRun(desk, id), pages: pages() - before };
    },
    change(id, change) {
      world.charges.put({ ...(world.charges.get(id) as Stripe.Charge), ...change });
    },
    async open() {
      const rows = await t.desk.sql<{ line: string }[]>`
        SELECT kind || ' ' || stripe_id AS line FROM driftdesk.discrepancies
        WHERE state NOT IN ('fixed', 'resolved') ORDER BY id`;
      return rows.map((row) => row.line);
    },
  };
}
