import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openTestDesk, type TestDesk } from "../../sandbox/testing.ts";
import { startSlack, type TestSlack } from "../../sandbox/testing-slack.ts";
import { generateWorld } from "../../sandbox/world/world.ts";
import { checkCheckpoint, readCheckpoint } from "../audit/checkpoint.ts";
import { newSigningKey } from "../audit/signing-key.ts";
import { defineConfig } from "../config/define.ts";
import type { Resource } from "../config/resource.ts";
import { type Desk, systemActor } from "../desk.ts";
import { requestBulk } from "../fixes/bulk.ts";
import { executeRun } from "../reconcile/run.ts";
import { requestRun } from "../reconcile/runs.ts";
import { deliverAlerts } from "./deliver.ts";
import { localTime } from "./digest.ts";
import { listAlerts, sendTest } from "./list.ts";
import { messageOf } from "./message.ts";
import { raiseAlerts } from "./raise.ts";

const fin = { email: "fin@example.com", name: "Fin", role: "finance" as const };
const admin = { email: "ada@example.com", name: "Ada", role: "admin" as const };
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

let clock = new Date("2026-11-24T12:00:00Z");
let slack: TestSlack;
let opened: TestDesk;
let desk: Desk;
const world = generateWorld({ seed: 3, customers: 40, now: clock, invoicesPerSubscription: 0 });
const subscriptions = [...world.subscriptions.values()];

beforeAll(async () => {
  slack = await startSlack();
  opened = await openTestDesk({ world, config, now: () => clock });
  desk = opened.with({ environment: { ...opened.desk.environment, slackWebhookUrl: slack.url } });
  await opened.local`CREATE TABLE accounts (id serial PRIMARY KEY, stripe_id text UNIQUE, status text)`;
  await opened.grant();
  for (const { id, status } of subscriptions)
    await opened.local`INSERT INTO accounts (stripe_id, status) VALUES (${id}, ${status})`;
  await run();
});
beforeEach(async () => {
  await tell();
  slack.messages.length = 0;
});
afterAll(async () => {
  await opened.close();
  await slack.close();
});

const pass = (ms: number) => {
  clock = new Date(clock.getTime() + ms);
};
const minute = 60_000;
async function run(of: Desk = desk) {
  const { run } = await requestRun(of, { mode: "full", trigger: "schedule", actor: systemActor });
  return executeRun(of, run.id);
}
async function tell(of: Desk = desk) {
  await raiseAlerts(of);
  await deliverAlerts(of);
}
const texts = () => slack.messages.map((message) => message.text);
const active = subscriptions.filter((one) => one.status === "active").map((one) => one.id);
async function lockOut(count: number) {
  await opened.local`
    UPDATE accounts SET status = 'canceled' WHERE stripe_id = ANY (${active.splice(0, count)}::text[])`;
}

test("a run that found something new is told once, with what it does to people and to money", async () => {
  await lockOut(3);
  const { id } = await run();
  await tell();
  await tell();
  expect(slack.messages).toHaveLength(1);
  const text = texts()[0] ?? "";
  expect(text).toContain("3 new differences between your records and Stripe");
  expect(text).toMatch(/• 3 paid, locked out: \$[\d,.]+/);
  expect(JSON.stringify(slack.messages[0]?.blocks)).toContain(
    `${desk.environment.nextAuthUrl}/discrepancies`,
  );
  await run();
  await tell();
  expect(slack.messages).toHaveLength(1);
  expect(await listAlerts(desk.sql, 1)).toMatchObject([{ state: "sent", problem: null }]);
  const [row] = await desk.sql`SELECT run_id AS run FROM driftdesk.alerts ORDER BY id DESC LIMIT 1`;
  expect(row?.run).toBe(id);
});

test("what happened before a process first looks is told by whoever looks next, once among many", async () => {
  await lockOut(1);
  await run();
  await Promise.all([tell(), tell(), tell()]);
  expect(texts()).toEqual([expect.stringContaining("1 new difference between")]);
});

test("less than the threshold is not told", async () => {
  await lockOut(2);
  await run();
  await tell({ ...desk, config: { ...desk.config, alerts: { ...desk.config.alerts, newDrift: 2 } } });
  expect(texts()).toEqual([]);
});

test("runs in trouble are told once, reminded of after a day, and their end is told too", async () => {
  await opened.local`ALTER TABLE accounts RENAME TO elsewhere`;
  await run();
  await tell();
  expect(texts()).toEqual([
    expect.stringContaining("A run failed\nsubscriptions: There is no table public.accounts"),
  ]);
  await run();
  await tell();
  expect(slack.messages).toHaveLength(1);
  pass(25 * 60 * minute);
  await run();
  await tell();
  expect(slack.messages).toHaveLength(2);
  await opened.local`ALTER TABLE elsewhere RENAME TO accounts`;
  await run();
  await tell();
  expect(texts()[2]).toContain("A run came to its end again\n3 runs before it did not.");
  await run();
  await tell();
  expect(slack.messages).toHaveLength(3);
});

test("a request that waits for a second person is told", async () => {
  const rows = await desk.sql<{ id: number; version: number }[]>`
    SELECT id, version FROM driftdesk.discrepancies WHERE state = 'open' LIMIT 2`;
  const request = {
    kind: "apply" as const,
    requestKey: randomUUID(),
    reason: "<!channel> outage",
    selection: { ids: rows.map(({ id, version }) => ({ id, version })) },
  };
  await requestBulk(desk, request, fin);
  await tell();
  expect(texts()).toEqual([
    "2 corrections wait for a second person\nfin@example.com asked for them: “&lt;!channel&gt; outage”",
  ]);
});

describe("what Slack answers", () => {
  const state = async () => (await listAlerts(desk.sql, 1))[0];
  beforeEach(() => sendTest(desk, admin));

  test("a pause that it asks for is kept", async () => {
    slack.answers.push({ status: 429, body: "rate_limited", retryAfter: 90 });
    await tell();
    expect(await state()).toMatchObject({ state: "waiting", problem: "Slack asked for a pause." });
    pass(89_000);
    await tell();
    expect(slack.messages).toHaveLength(1);
    pass(1_000);
    await tell();
    expect(slack.messages).toHaveLength(2);
    expect(await state()).toMatchObject({ state: "sent", problem: null });
  });

  test("a problem of its own is tried again, less and less often, and given up after a day", async () => {
    slack.answers.push(...Array<{ status: number; body: string }>(60).fill({ status: 503, body: "" }));
    const times: number[] = [];
    for (let i = 0; i < 26 * 60; i++) {
      const before = slack.messages.length;
      await deliverAlerts(desk);
      if (slack.messages.length > before) times.push(i);
      pass(minute);
    }
    slack.answers.length = 0;
    expect(times.slice(0, 7)).toEqual([0, 1, 2, 3, 5, 9, 17]);
    expect(times.length).toBeLessThan(40);
    expect(await state()).toMatchObject({
      state: "failed",
      problem: "Slack has a problem of its own (503).",
    });
  });

  test("a webhook that is gone is not tried again, and what to do is said", async () => {
    slack.answers.push({ status: 404, body: "no_service" });
    await tell();
    pass(60 * minute);
    await tell();
    expect(slack.messages).toHaveLength(1);
    expect((await state())?.problem).toBe(
      "Slack refused the message (no_service). The webhook was removed. Make a new one in Slack and set SLACK_WEBHOOK_URL.",
    );
  });

  test("no answer is no problem for others, and the address is never told", async () => {
    const { sendToSlack } = await import("./slack.ts");
    slack.answers.push(null);
    const silent = await sendToSlack(slack.url, { text: "", blocks: [] }, 50);
    expect(silent).toEqual({ outcome: "later", afterMs: null, problem: "Slack did not answer in time." });
    const nobody = await sendToSlack("http://127.0.0.1:9/very-secret", { text: "", blocks: [] });
    expect(nobody).toEqual({ outcome: "later", afterMs: null, problem: "Slack could not be reached." });
  });

  test("a message whose sender was killed is sent by another, after a minute", async () => {
    await raiseAlerts(desk);
    await desk.sql`
      UPDATE driftdesk.alert_deliveries SET attempts = attempts + 1, taken_until = ${new Date(clock.getTime() + minute)}
      WHERE state = 'waiting'`;
    await tell();
    expect(slack.messages).toHaveLength(0);
    pass(minute);
    await tell();
    expect(texts()).toEqual([expect.stringContaining("This is a test\nada@example.com sent it")]);
  });
});

test("only an admin sends a test, and only where it goes somewhere", async () => {
  await expect(sendTest(desk, fin)).rejects.toMatchObject({ code: "not_allowed" });
  await expect(sendTest(opened.desk, admin)).rejects.toMatchObject({ code: "alerts_nowhere" });
});

test("without Slack alerts are there to be read", async () => {
  await lockOut(1);
  await run();
  await tell(opened.desk);
  expect(slack.messages).toHaveLength(0);
  expect(await listAlerts(desk.sql, 1)).toMatchObject([
    { title: "1 new difference between your records and Stripe", state: null },
  ]);
});

test("what a policy corrected is told, and what it held back", async () => {
  const automatic = (rows: number): Desk => {
    const [resource] = desk.config.resources as [Resource];
    const fields = resource.fields.map((field) => ({ ...field, policy: "auto" as const }));
    const fixes = { ...desk.config.fixes, autoLimit: { rows, share: 1 } };
    return { ...desk, config: { ...desk.config, fixes, resources: [{ ...resource, fields }] } };
  };
  await lockOut(2);
  await run(automatic(0));
  await tell();
  expect(texts()).toContainEqual(
    expect.stringContaining("Nothing was corrected automatically in subscriptions\n"),
  );
  await lockOut(1);
  const { id } = await run(automatic(500));
  await tell();
  const told = slack.messages.find(({ text }) => /^\d+ records? corrected automatically/.test(text));
  const [bulk] = await desk.sql`SELECT id FROM driftdesk.bulk_actions WHERE run_id = ${id}`;
  expect(JSON.stringify(told?.blocks)).toContain(`/bulks/${bulk?.id}|`);
});

test("the summary goes out once a day, when its time has come where the people are", async () => {
  const alerts = { ...desk.config.alerts, digest: "08:00", timeZone: "Europe/Berlin" };
  const { signingKey, publicKey } = newSigningKey();
  const environment = { ...desk.environment, auditSigningKey: signingKey };
  const daily = { ...desk, environment, config: { ...desk.config, alerts } };
  await lockOut(2);
  await run();
  await tell();
  slack.messages.length = 0;
  clock = new Date("2026-12-01T06:59:00Z");
  await tell(daily);
  expect(texts()).toEqual([]);
  pass(minute);
  await tell(daily);
  await tell(daily);
  expect(texts()).toEqual([
    expect.stringMatching(/^Driftdesk on 2026-12-01\n\d+ differences open, .*\nIn the last 24 hours: /s),
  ]);
  const small = slack.messages[0]?.blocks.find(({ type }) => type === "context");
  const said = (small as unknown as { elements: { text: string }[] }).elements
    .map(({ text }) => text)
    .join("\n");
  expect(await checkCheckpoint(desk.sql, readCheckpoint(said), publicKey)).toEqual([]);
  pass(23 * 60 * minute);
  await tell(daily);
  expect(slack.messages).toHaveLength(1);
  pass(60 * minute);
  await tell(daily);
  expect(slack.messages).toHaveLength(2);
});

test("a time of day is the clock's on the wall, on the days on which it is changed too", () => {
  const berlin = (at: string) => localTime(new Date(at), "Europe/Berlin");
  expect(berlin("2026-03-29T00:59:00Z")).toEqual({ day: "2026-03-29", time: "01:59" });
  expect(berlin("2026-03-29T01:00:00Z")).toEqual({ day: "2026-03-29", time: "03:00" });
  expect(berlin("2026-10-25T01:30:00Z")).toEqual({ day: "2026-10-25", time: "02:30" });
  expect(localTime(new Date("2026-11-25T00:00:00Z"), "UTC")).toEqual({ day: "2026-11-25", time: "00:00" });
});

test("what people wrote is neither a link nor a mention, and nothing is too long for Slack", async () => {
  const message = await messageOf(desk, {
    kind: "run_trouble",
    data: { state: "failed", message: `<@U1> & ${"x".repeat(5_000)}` },
    accountId: null,
    runId: 1,
    bulkId: null,
  });
  const [, text] = message.blocks as { text: { text: string } }[];
  expect(text?.text.text).toMatch(/^&lt;@U1&gt; &amp; x+…$/);
  expect(text?.text.text.length).toBeLessThanOrEqual(3_000);
});
