// Supabase's sync engine as it is published: fills its own tables from the same account. It compares nothing. Says on
// one line how long it took.
import { createRequire } from "node:module";
import Stripe from "stripe";
import type { PeerReport } from "../peers.ts";

interface SyncEngine {
  stripe: Stripe;
  syncSubscriptions(): Promise<{ synced: number }>;
  syncCustomers(): Promise<{ synced: number }>;
  syncInvoices(): Promise<{ synced: number }>;
  syncCharges(): Promise<{ synced: number }>;
}
interface SyncEnginePackage {
  StripeSync: new (options: Record<string, unknown>) => SyncEngine;
  runMigrations(options: { databaseUrl: string; schema: string }): Promise<void>;
}

const { STRIPE_API_BASE = "", STRIPE_SECRET_KEY = "", DATABASE_URL = "" } = process.env;
// Its ES module does not find its migrations, and says so to nobody.
const load = createRequire(import.meta.url);
const { StripeSync, runMigrations } = load("@supabase/stripe-sync-engine") as SyncEnginePackage;
await runMigrations({ databaseUrl: DATABASE_URL, schema: "stripe" });
const engine = new StripeSync({
  poolConfig: { connectionString: DATABASE_URL, max: 10 },
  schema: "stripe",
  stripeSecretKey: STRIPE_SECRET_KEY,
  stripeWebhookSecret: "whsec_unused",
});
// It has no setting for where Stripe is.
const base = new URL(STRIPE_API_BASE);
engine.stripe = new Stripe(STRIPE_SECRET_KEY, {
  host: base.hostname,
  port: Number(base.port),
  protocol: "http",
});

const began = performance.now();
const parts = [
  await engine.syncCustomers(),
  await engine.syncSubscriptions(),
  await engine.syncInvoices(),
  await engine.syncCharges(),
];
const report: PeerReport = {
  seconds: (performance.now() - began) / 1_000,
  objects: parts.reduce((sum, part) => sum + part.synced, 0),
};
process.stdout.write(`${JSON.stringify(report)}\n`);
process.exit(0);
