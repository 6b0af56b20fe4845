// A small company whose webhooks are about to fail: one table, its own log of what it received, and a channel for alerts.
import { defineConfig } from "../lib/config/index.ts";

export default defineConfig({
  resources: {
    subscriptions: {
      stripe: "subscription",
      table: "subscriptions",
      key: "id",
      stripeId: "stripe_id",
      updatedAt: "updated_at",
      label: "email",
      fields: { status: "status" },
      access: { field: "status", granted: ["active", "trialing"] },
    },
  },
  webhookLog: {
    table: "stripe_events",
    eventId: "event_id",
    receivedAt: "received_at",
    processedAt: "processed_at",
  },
  alerts: { slack: { channel: "#billing" }, digest: false },
});
