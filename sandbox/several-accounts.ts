// What several-accounts.config.ts is about. The first two accounts are made from one seed: every object of the one has a
// namesake in the other, which says something else. Faithful to Stripe until a test makes it drift.
import type { Sql } from "postgres";
import { type Sandbox, startSandbox } from "./server/server.ts";
import { generateWorld, type World } from "./world/index.ts";

export type Worlds = Record<"eu" | "us" | "shop", World>;
const usKey = "sk_test_unitedstates0000000000000";
/** Another key of the first account. */
export const secondKey = "rk_test_another000000000000000";

export function severalWorlds(now: Date): Worlds {
  const world = (seed: number, id: string) => {
    const made = generateWorld({ seed, customers: 60, now, invoicesPerSubscription: 0 });
    made.account = { ...made.account, id };
    return made;
  };
  const worlds = { eu: world(5, "acct_eu"), us: world(5, "acct_us"), shop: world(6, "acct_shop") };
  for (const subscription of worlds.us.subscriptions.values())
    worlds.us.subscriptions.put({
      ...subscription,
      status: subscription.status === "active" ? "past_due" : "active",
    });
  return worlds;
}

/** One server for all of them, and the variables that the config and its desk need. */
export async function serveSeveral(
  worlds: Worlds,
  now: () => Date,
): Promise<{ sandbox: Sandbox; variables: Record<string, string> }> {
  const sandbox = await startSandbox({
    world: worlds.eu,
    connected: [worlds.shop],
    others: [{ world: worlds.us, secretKey: usKey }],
    restrictedKeys: { [secondKey]: ["rak_subscription_read", "rak_accounts_kyc_basic_read"] },
    now,
  });
  const variables = {
    STRIPE_API_BASE: sandbox.url,
    STRIPE_KEY_EU: sandbox.secretKey,
    STRIPE_KEY_US: usKey,
  };
  return { sandbox, variables };
}

export async function createSeveralTables(sql: Sql, worlds: Worlds): Promise<void> {
  await sql`CREATE TABLE subscriptions (
    id serial PRIMARY KEY, region text, stripe_id text, status text, customer text, gone boolean NOT NULL DEFAULT false,
    UNIQUE (region, stripe_id))`;
  await sql`CREATE TABLE shop_subscriptions (id serial PRIMARY KEY, stripe_id text UNIQUE, status text)`;
  const rows = (region: "eu" | "us") =>
    [...worlds[region].subscriptions.values()].map((s) => ({
      region,
      stripe_id: s.id,
      status: s.status,
      customer: String(s.customer),
    }));
  await sql`INSERT INTO subscriptions ${sql([...rows("eu"), ...rows("us")])}`;
  const shop = [...worlds.shop.subscriptions.values()].map((s) => ({ stripe_id: s.id, status: s.status }));
  await sql`INSERT INTO shop_subscriptions ${sql(shop)}`;
}
