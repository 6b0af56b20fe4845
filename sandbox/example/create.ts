// The example company, Halyard: its tables made as a faithful mirror of the Stripe account, then damaged in known ways.
import type { Sql, TransactionSql } from "postgres";
import type Stripe from "stripe";
import type { World } from "../world/world.ts";
import { Dice } from "./dice.ts";
import { continueSequence, loadRows, type Row } from "./load.ts";
import { lookalikes } from "./lookalikes.ts";
import { currentSubscriptions, livingCustomers, type Mirror, mirrorWorld } from "./mirror.ts";
import { planOf } from "./plans.ts";
import type { Planted } from "./planted.ts";
import { Planter } from "./planter.ts";
import { idOf } from "./rows.ts";
import { invoiceLedger } from "./stories/invoices.ts";
import { disputeLedger, payoutLedger, profileLedger } from "./stories/others.ts";
import { checkoutLedger, paymentLedger, refundLedger } from "./stories/payments.ts";
import { subscriptionLedger } from "./stories/subscriptions.ts";
import { userLedger } from "./stories/users.ts";
import { createIndexes, createTables } from "./tables.ts";
import { Webhooks } from "./webhooks.ts";

export interface ExampleOptions {
  seed: number;
  now: Date;
  /**
   * Share of each table's rows that something is planted on, or one share for each resource; "all" for every row. Where
   * it can happen, everything happens at least once; with 0 nothing does. Default 0.02.
   */
  drift?: number | "all" | Readonly<Record<string, number>>;
}

/** Makes and fills the company's tables, and answers exactly what a run has to find in them. */
export async function createExample(local: Sql, world: World, options: ExampleOptions): Promise<Planted[]> {
  const plan = planExample(world, options);
  await loadExample(local, plan);
  return plan.planted;
}

export interface ExamplePlan {
  tables: Mirror;
  /** Rows of the webhook log. */
  log: Row[];
  planted: Planted[];
}

export async function loadExample(local: Sql | TransactionSql, { tables, log }: ExamplePlan): Promise<void> {
  await createTables(local);
  for (const [table, rows] of Object.entries(tables)) await loadRows(local, table, rows as Row[]);
  await loadRows(local, "stripe_events", log);
  for (const table of ["customer_accounts", "invoices", "refunds", "billing_profiles", "checkouts"])
    await continueSequence(local, table);
  await createIndexes(local);
}

/**
 * The same without a database. Tells the world which events the company's endpoint has not taken: a world that is made
 * again from its seed needs this as well.
 */
export function planExample(world: World, { seed, now, drift = 0.02 }: ExampleOptions): ExamplePlan {
  const tables = mirrorWorld(world, seed);
  const webhooks = new Webhooks(world, seed, now);
  const planter = new Planter(seed, webhooks, now);
  const dice = new Dice(seed, "stories");
  const current = currentSubscriptions(world);
  const share = (resource: string) =>
    drift === "all" ? 1 : typeof drift === "number" ? drift : (drift[resource] ?? 0.02);

  const unreadable = rowErrors(tables, world, current, planter.touched);
  const users = new Map(tables.users.map((row) => [row.stripe_customer_id ?? "", row]));
  const accounts = tables.customer_accounts;
  const all = Map.groupBy(world.subscriptions.values(), (subscription) => idOf(subscription.customer) ?? "");
  const living = new Map(
    livingCustomers(world).map((customer): [string, Stripe.Customer] => [customer.id, customer]),
  );

  planter.plant(
    subscriptionLedger({
      rows: accounts,
      objects: world.subscriptions,
      users,
      current,
      touched: planter.touched,
      dice,
    }),
    share("subscriptions"),
  );
  planter.plant(userLedger({ rows: tables.users, current, all, dice }), share("users"));
  planter.plant(invoiceLedger(tables.invoices, world.invoices, dice), share("invoices"));
  planter.plant(paymentLedger(tables.payments, world.charges, dice), share("payments"));
  planter.plant(refundLedger(tables.refunds, world.refunds, dice), share("refunds"));
  planter.plant(disputeLedger(tables.disputes, world.disputes, dice), share("disputes"));
  planter.plant(payoutLedger(tables.payouts, world.payouts, dice), share("payouts"));
  planter.plant(profileLedger(tables.billing_profiles, living, dice), share("customers"));
  planter.plant(checkoutLedger(tables.checkouts, world.paymentIntents, dice), share("checkouts"));
  lookalikes(tables, new Dice(seed, "lookalikes"), now);
  return { tables, log: webhooks.settle(), planted: [...unreadable, ...planter.planted] };
}

/** Rows whose price the mapping does not know: there with or without planting, and nothing else is planted on them. */
function rowErrors(
  tables: Mirror,
  world: World,
  current: ReadonlyMap<string, Stripe.Subscription>,
  touched: Set<object>,
): Planted[] {
  const error = (resource: string, stripeId: string, localKey: string): Planted => ({
    resource,
    kind: "mismatch",
    stripeId,
    localKey,
    fields: [],
    impact: "other",
    cause: "unknown",
    rowError: true,
    why: "The price is new, and the mapping has no plan for it.",
  });
  const planted: Planted[] = [];
  for (const row of tables.customer_accounts) {
    const subscription = world.subscriptions.get(row.stripe_subscription_id ?? "");
    if (!subscription || planOf(subscription) !== null) continue;
    touched.add(row);
    planted.push(error("subscriptions", subscription.id, String(row.id)));
  }
  for (const row of tables.users) {
    const subscription = current.get(row.stripe_customer_id ?? "");
    if (!subscription || planOf(subscription) !== null) continue;
    touched.add(row);
    planted.push(error("users", subscription.id, row.id));
  }
  return planted;
}
