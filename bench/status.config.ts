// For the throughput of live lookups: nobody is refused for asking too often.
import { defineConfig } from "driftdesk/config";

export default defineConfig({
  resources: {
    users: {
      stripe: "subscription",
      table: "users",
      key: "id",
      match: { column: "stripe_customer_id", by: "customer" },
      fields: { subscription_status: "status" },
      access: { field: "subscription_status", granted: ["active", "trialing"] },
    },
  },
  status: { requestsPerSecond: 1_000_000 },
});
