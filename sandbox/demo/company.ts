import type { Sql } from "postgres";
import { DriftdeskError } from "../../lib/errors.ts";
import { loadExample, planExample } from "../example/create.ts";
import { generateWorld, type World } from "../world/index.ts";
import type { Anchor } from "./anchor.ts";

/** So much drift as a company of this size has after a bad night: about a hundred differences. */
const drift = {
  subscriptions: 0.03,
  users: 0.015,
  invoices: 0.003,
  payments: 0.002,
  refunds: 0.02,
  disputes: 0.02,
  payouts: 0.02,
  customers: 0,
  checkouts: 0,
};

interface Company {
  world: World;
  plan: {
    /** Makes and fills the company's tables; false when they are there from an earlier start. */
    load(local: Sql): Promise<boolean>;
  };
}

/** The Stripe account and the company beside it: the same at every start. */
export function prepareCompany({ seed, customers, now }: Anchor): Company {
  const world = generateWorld({ seed, customers, now });
  const plan = planExample(world, { seed, now, drift });
  return { world, plan: { load: (local) => load(local, world, plan) } };
}

async function load(local: Sql, world: World, plan: ReturnType<typeof planExample>): Promise<boolean> {
  const [there] = await local<
    { there: boolean }[]
  >`SELECT to_regclass('public.customer_accounts') IS NOT NULL AS there`;
  if (!there?.there) {
    // All or nothing: a start that was interrupted here leaves nothing half made.
    await local.begin((tx) => loadExample(tx, plan));
    return true;
  }
  const some = [...world.subscriptions.keys()].slice(0, 50);
  const [known] = await local<{ count: number }[]>`
    SELECT count(*)::int FROM customer_accounts WHERE stripe_subscription_id = ANY(${some}::text[])`;
  if ((known?.count ?? 0) < some.length / 2)
    throw new DriftdeskError(
      "demo_changed",
      "The example company in .driftdesk was made by another version of the demonstration, or its demo.json is gone. Remove the folder .driftdesk and start again.",
    );
  return false;
}
