// A company whose people are told things: records that agree with Stripe, a clock that stands still, and a Slack.
import { deliverAlerts } from "../lib/alerts/deliver.ts";
import { raiseAlerts } from "../lib/alerts/raise.ts";
import { appendAudit } from "../lib/audit/append.ts";
import { defineConfig } from "../lib/config/define.ts";
import type { Rules } from "../lib/config/resource.ts";
import { type Channel, channels } from "../lib/db/schema.ts";
import { type Desk, systemActor } from "../lib/desk.ts";
import { executeRun } from "../lib/reconcile/run.ts";
import { requestRun } from "../lib/reconcile/runs.ts";
import { openTestDesk, type TestDeskOptions } from "./testing.ts";
import { startSlack } from "./testing-slack.ts";
import { generateWorld } from "./world/world.ts";

export const minute = 60_000;
export const hour = 60 * minute;

const config = defineConfig({
  resources: {
    subscriptions: {
      stripe: "subscription",
      table: "accounts",
      key: "id",
      stripeId: "stripe_id",
      fields: { status: "status" },
      access: { field: "status", granted: ["active", "trialing"] },
    },
  },
  fixes: { secondPersonAbove: 0 },
  alerts: { slack: { channel: "#billing" }, digest: false },
  pace: { requestsPerSecond: 10_000, perEndpoint: 10_000 },
});

/** Nothing has been told yet, and one run has found that everything agrees. */
export async function openAlerts({
  invoicesPerSubscription = 0,
  sandbox = {},
}: {
  invoicesPerSubscription?: number;
  sandbox?: TestDeskOptions["sandbox"] & object;
} = {}) {
  let clock = new Date("2026-11-24T12:00:00Z");
  const slack = await startSlack();
  const world = generateWorld({ seed: 3, customers: 40, now: clock, invoicesPerSubscription });
  const opened = await openTestDesk({ world, config, now: () => clock, sandbox });
  const desk = opened.with({ environment: { ...opened.desk.environment, slackWebhookUrl: slack.url } });
  const subscriptions = [...world.subscriptions.values()];
  const active = subscriptions.filter(({ status }) => status === "active").map(({ id }) => id);
  await opened.local`CREATE TABLE accounts (id serial PRIMARY KEY, stripe_id text UNIQUE, status text)`;
  await opened.grant();
  for (const { id, status } of subscriptions)
    await opened.local`INSERT INTO accounts (stripe_id, status) VALUES (${id}, ${status})`;

  const tell = async (of: Desk = desk) => {
    await raiseAlerts(of);
    await deliverAlerts(of);
  };
  const run = async (of: Desk = desk) => {
    const { run } = await requestRun(of, { mode: "full", trigger: "schedule", actor: systemActor });
    return executeRun(of, run.id);
  };
  await run();
  return {
    opened,
    desk,
    slack,
    world,
    tell,
    run,
    pass: (ms: number) => {
      clock = new Date(clock.getTime() + ms);
    },
    setClock: (at: string) => {
      clock = new Date(at);
    },
    now: () => clock,
    withRules: (rules: Partial<Rules["alerts"]>): Desk => ({
      ...desk,
      config: { ...desk.config, alerts: { ...desk.config.alerts, ...rules } },
    }),
    texts: () => slack.messages.map(({ text }) => text),
    lockOut: (count: number) =>
      opened.local`
        UPDATE accounts SET status = 'canceled' WHERE stripe_id = ANY (${active.splice(0, count)}::text[])`,
    /** As whoever notices it does. */
    happen: (action: Parameters<typeof appendAudit>[1][number]["action"], data: Record<string, unknown>) =>
      appendAudit(desk.sql, [{ actor: systemActor.email, action, data }], clock),
    /** What became of the latest alert on each channel. */
    deliveries: async () =>
      desk.sql<{ channel: Channel; state: string; problem: string | null }[]>`
        SELECT channel, state, problem FROM driftdesk.alert_deliveries
        WHERE alert_id = (SELECT max(id) FROM driftdesk.alerts)
        ORDER BY array_position(${[...channels]}::text[], channel)`,
    /** Everything so far is old news. */
    settle: async () => {
      clock = new Date(clock.getTime() + hour);
      await tell();
      slack.messages.length = 0;
    },
    close: async () => {
      await opened.close();
      await slack.close();
    },
  };
}
export type TestAlerts = Awaited<ReturnType<typeof openAlerts>>;
