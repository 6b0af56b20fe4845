// A table for each kind of object, asked for as fast as Stripe's own limits of a live account allow. A benchmark that
// measures fewer kinds names them.
import { date, defineConfig } from "driftdesk/config";

export default defineConfig({
  resources: {
    subscriptions: {
      stripe: "subscription",
      table: "subscriptions",
      key: "id",
      stripeId: "stripe_id",
      updatedAt: "updated_at",
      label: "customer",
      fields: {
        customer: "customer",
        status: "status",
        price: (s) => s.items.data[0]?.price.id,
        amount: { from: (s) => s.items.data[0]?.price.unit_amount, money: true },
        current_period_end: (s) => date(s.items.data[0]?.current_period_end),
      },
      access: { field: "status", granted: ["active", "trialing"] },
    },
    customers: {
      stripe: "customer",
      table: "customers",
      key: "id",
      stripeId: "stripe_id",
      updatedAt: "updated_at",
      label: "email",
      fields: {
        email: { from: "email", compare: "ignoreCase" },
        name: "name",
        delinquent: "delinquent",
        balance: { from: "balance", money: true },
        created_at: (c) => date(c.created),
      },
    },
    invoices: {
      stripe: "invoice",
      table: "invoices",
      key: "id",
      stripeId: "stripe_id",
      updatedAt: "updated_at",
      fields: {
        customer: "customer",
        status: "status",
        total: { from: "total", money: true },
        amount_paid: { from: "amount_paid", money: true },
        created_at: (invoice) => date(invoice.created),
      },
    },
    charges: {
      stripe: "charge",
      table: "charges",
      key: "id",
      stripeId: "stripe_id",
      updatedAt: "updated_at",
      fields: {
        customer: "customer",
        status: "status",
        amount: { from: "amount", money: true },
        refunded: "refunded",
        created_at: (charge) => date(charge.created),
      },
    },
  },
  pace: { requestsPerSecond: 100, perEndpoint: 25 },
});
