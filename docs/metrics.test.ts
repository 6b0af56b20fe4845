import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readEnvironment } from "../lib/config/environment.ts";
import { parseConfig } from "../lib/config/schema.ts";
import { type FreshDatabase, freshDatabase } from "../lib/db/testing.ts";
import { beats } from "../lib/health/beats.ts";
import { createLog } from "../lib/log.ts";
import { scrape } from "../lib/metrics/scrape.ts";
import { createStripeReader } from "../lib/stripe/client.ts";

const read = (file: string) => readFileSync(join(import.meta.dirname, file), "utf8");
let database: FreshDatabase;
beforeAll(async () => {
  database = await freshDatabase({ migrated: true });
});
afterAll(() => database.drop());

/** Every metric that there is, with the names that a histogram has. */
async function metrics(): Promise<Set<string>> {
  const { config } = parseConfig({
    resources: {
      users: { stripe: "customer", table: "users", key: "id", stripeId: "c", fields: { email: "email" } },
    },
  });
  if (!config) throw new Error("The config is wrong.");
  const [account] = config.accounts;
  const { text } = await scrape({
    environment: readEnvironment({ STRIPE_SECRET_KEY: "rk_test_1" }),
    databaseUrl: database.appUrl,
    sql: database.sql,
    local: database.sql,
    config: account,
    stripe: createStripeReader({ secretKey: "rk_test_1", pace: account.pace }),
    log: createLog("silent"),
    now: () => new Date(),
    random: Math.random,
  });
  const types = [...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)];
  return new Set(
    types.flatMap(([, name = "", type]) =>
      type === "histogram" ? [name, `${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
    ),
  );
}

const named = (expression: string): string[] => expression.match(/\b(driftdesk|process|nodejs)_\w+/g) ?? [];

test("every query of the dashboard and of the alert rules is about metrics that there are", async () => {
  const sweep = beats("sweep", 1_000);
  const there = await metrics();
  sweep.end();
  const dashboard = JSON.parse(read("grafana-dashboard.json"));
  const queries: string[] = dashboard.panels.flatMap((panel: { targets?: { expr: string }[] }) =>
    (panel.targets ?? []).map(({ expr }) => expr),
  );
  const variables: string[] = dashboard.templating.list.map(({ query }: { query: string }) => query);
  const rules = [...read("prometheus-rules.yml").matchAll(/^ +expr: (.+)$/gm)].map(([, expr = ""]) => expr);
  expect(queries.length).toBeGreaterThan(20);
  expect(rules.length).toBeGreaterThan(5);
  for (const expression of [...queries, ...rules])
    if (!expression.startsWith("up{")) expect(named(expression), expression).not.toEqual([]);
  const unknown = [...queries, ...rules, ...variables].flatMap(named).filter((name) => !there.has(name));
  expect(unknown).toEqual([]);
});
