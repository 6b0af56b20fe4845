// Three Stripe accounts on one desk: two whose rows share a table, and a connected one with a table of its own. For tests.
import { defineConfig } from "../lib/config/index.ts";

export default defineConfig({
  accounts: {
    eu: { key: "STRIPE_KEY_EU", where: { subscriptions: "region = 'eu'" } },
    us: { key: "STRIPE_KEY_US", where: { subscriptions: "region = 'us'" } },
    shop: {
      key: "STRIPE_KEY_EU",
      stripeAccount: "acct_shop",
      resources: {
        subscriptions: {
          stripe: "subscription",
          table: "shop_subscriptions",
          key: "id",
          stripeId: "stripe_id",
          fields: { status: "status" },
        },
      },
    },
  },
  resources: {
    subscriptions: {
      stripe: "subscription",
      table: "subscriptions",
      key: "id",
      stripeId: "stripe_id",
      where: "NOT gone",
      fields: { status: "status", customer: "customer" },
      missingInStripe: { set: { status: "canceled" } },
      missingLocal: {
        insert: (s, account) => ({
          region: account,
          stripe_id: s.id,
          status: s.status,
          customer: s.customer,
        }),
      },
    },
  },
  pace: { requestsPerSecond: 10_000, perEndpoint: 10_000 },
});
