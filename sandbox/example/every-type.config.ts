// The example's mapping and the two kinds of Stripe object that the desk's demonstration leaves out: with these, every
// kind that can be mapped is. For tests.
import { date, defineConfig } from "driftdesk/config";
import example from "../../driftdesk.config.ts";

export default defineConfig({
  ...example,
  resources: {
    ...example.resources,
    customers: {
      stripe: "customer",
      table: "billing_profiles",
      key: "id",
      stripeId: "stripe_customer_id",
      updatedAt: "updated_at",
      label: "email",
      fields: {
        email: { from: "email", compare: "ignoreCase" },
        name: "name",
        delinquent: "delinquent",
        balance: { from: "balance", money: true },
        metadata: "metadata",
      },
    },
    checkouts: {
      stripe: "payment_intent",
      table: "checkouts",
      key: "id",
      stripeId: "payment_intent",
      updatedAt: "updated_at",
      fields: {
        state: "status",
        amount: { from: (p) => (p.currency === "jpy" ? p.amount : p.amount / 100), money: true },
        received: { from: "amount_received", money: true },
        currency: { from: "currency", compare: "ignoreCase" },
        started_at: (p) => date(p.created),
      },
    },
  },
});
