// Four accounts with two kinds of objects each, behind the limits that Stripe has for test accounts.
import { defineConfig } from "driftdesk/config";
import config from "./driftdesk.config.ts";
import { tableOf } from "./kinds.ts";

type Mapping = NonNullable<(typeof config.resources)[string]>;
const at = (kind: "subscriptions" | "customers", i: number): Mapping => ({
  ...(config.resources[kind] as Mapping),
  table: tableOf(kind, i),
});
const account = (i: number) => ({
  key: `STRIPE_KEY_${i + 1}`,
  resources: { subscriptions: at("subscriptions", i), customers: at("customers", i) },
});

export default defineConfig({
  accounts: { first: account(0), second: account(1), third: account(2), fourth: account(3) },
  pace: { requestsPerSecond: 25, perEndpoint: 25 },
});
