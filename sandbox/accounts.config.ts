// A mapping onto a table with every oddity that a table of a user's own may have. For tests.
import type Stripe from "stripe";
import { date, defineConfig } from "../lib/config/index.ts";

export const unitAmount = (s: Stripe.Subscription) => s.items.data[0]?.price.unit_amount ?? 0;
export const plan = (s: Stripe.Subscription) => ({
  interval: s.items.data[0]?.price.recurring?.interval ?? null,
  seats: s.items.data[0]?.quantity ?? 0,
});
export const periodEnd = (s: Stripe.Subscription) => date(s.items.data[0]?.current_period_end);

export default defineConfig({
  resources: {
    subscriptions: {
      stripe: "subscription",
      table: 'Odd schema.Customer "Accounts"',
      key: "the key",
      stripeId: 'stripe "id"',
      label: "label",
      updatedAt: "Updated At",
      where: "NOT gone",
      fields: {
        "the status": "status",
        amount: { from: unitAmount, money: true },
        price: (s) => unitAmount(s) / 100,
        renews: periodEnd,
        plan,
        note: { from: "customer", compare: "ignoreCase" },
      },
      access: { field: "the status", granted: ["active", "trialing"] },
      missingInStripe: { set: { "the status": "canceled", renews: null } },
      missingLocal: {
        insert: (s) => ({
          'stripe "id"': s.id,
          label: "inserted",
          "the status": s.status,
          amount: unitAmount(s),
          price: unitAmount(s) / 100,
          renews: periodEnd(s),
          plan: plan(s),
          note: s.customer,
        }),
      },
    },
  },
  // One person is enough: most of the tests are about what happens once it is decided.
  fixes: { secondPersonForMoney: false },
  pace: { requestsPerSecond: 10_000, perEndpoint: 10_000 },
});
