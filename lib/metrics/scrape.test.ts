import { afterAll, beforeAll, expect, test } from "vitest";
import { openTestDesk, type TestDesk } from "../../sandbox/testing.ts";
import { generateWorld } from "../../sandbox/world/world.ts";
import { defineConfig } from "../config/define.ts";
import { connect } from "../db/connect.ts";
import { type Desk, systemActor } from "../desk.ts";
import { executeRun } from "../reconcile/run.ts";
import { requestRun } from "../reconcile/runs.ts";
import { clearWebhooks } from "../webhooks/clear.ts";
import { countWebhook, flushWebhookCounts } from "../webhooks/counts.ts";
import { countLookup, countRequest } from "./counters.ts";
import { scrape } from "./scrape.ts";

let now = new Date("2026-11-24T12:00:00Z");
const config = defineConfig({
  resources: {
    subscriptions: {
      stripe: "subscription",
      table: "accounts",
      key: "id",
      stripeId: "stripe_id",
      fields: { status: "status" },
    },
  },
  pace: { requestsPerSecond: 10_000, perEndpoint: 9_000 },
});
let opened: TestDesk;
type Scraped = Desk & { databaseUrl: string };
let desk: Scraped;

beforeAll(async () => {
  const world = generateWorld({ seed: 3, customers: 40, now, invoicesPerSubscription: 0 });
  opened = await openTestDesk({ world, config, now: () => now });
  await opened.local`CREATE TABLE accounts (id serial PRIMARY KEY, stripe_id text UNIQUE, status text)`;
  await opened.grant();
  const rows = [...world.subscriptions.values()].map((s) => ({ stripe_id: s.id, status: s.status }));
  await opened.local`INSERT INTO accounts ${opened.local(rows)}`;
  await opened.local`UPDATE accounts SET status = 'nonsense' WHERE id IN (1, 2)`;
  desk = { ...opened.desk, databaseUrl: opened.variables.DATABASE_URL as string };
});
afterAll(() => opened.close());

const run = async () => {
  const { id } = (await requestRun(desk, { mode: "full", trigger: "person", actor: systemActor })).run;
  return executeRun(desk, id);
};

/** `name{a="b"}` → value. As another process would say it when `of` is a desk of its own. */
async function figures(of: Scraped = desk): Promise<Map<string, number>> {
  const { text } = await scrape(of);
  return new Map(
    text
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"))
      .map((line): [string, number] => {
        const at = line.lastIndexOf(" ");
        return [line.slice(0, at), Number(line.slice(at + 1))];
      }),
  );
}
const another = (): Scraped => ({ ...desk });
const full = 'account="",mode="full"';

test("what the desk has done and what is open is told, the same by every process", async () => {
  const before = await figures();
  expect(before.get(`driftdesk_runs_total{${full},state="succeeded"}`)).toBe(0);
  const unknown = 'impact="other",cause="unknown",state="open"';
  expect(before.get(`driftdesk_discrepancies{account="",resource="subscriptions",${unknown}}`)).toBe(0);
  const { requests, resources } = await run();
  const after = await figures();
  expect(after.get(`driftdesk_runs_total{${full},state="succeeded"}`)).toBe(1);
  expect(after.get(`driftdesk_run_duration_seconds_count{${full}}`)).toBe(1);
  expect(after.get(`driftdesk_run_duration_seconds_bucket{${full},le="+Inf"}`)).toBe(1);
  expect(after.get(`driftdesk_run_requests_total{${full}}`)).toBe(requests);
  expect(after.get(`driftdesk_run_last_success_timestamp_seconds{${full}}`)).toBe(now.getTime() / 1000);
  expect(after.get(`driftdesk_objects_compared_total{${full},resource="subscriptions"}`)).toBe(
    resources[0]?.compared,
  );
  const open = [...after].filter(([name]) => name.startsWith("driftdesk_discrepancies{"));
  expect(open.reduce((sum, [, value]) => sum + value, 0)).toBe(2);
  const [head] = await desk.sql`SELECT seq FROM driftdesk.audit_head`;
  expect(after.get("driftdesk_audit_entries_total")).toBe(head?.seq);
  const ofDesk = (all: Map<string, number>) =>
    [...all].filter(([name]) => name.startsWith("driftdesk_") && !name.startsWith("driftdesk_process_"));
  // Its share of the pace expires meanwhile.
  const lasting = (all: Map<string, number>) =>
    ofDesk(all).filter(([name]) => !name.includes("_pace_requests"));
  expect(lasting(await figures(another()))).toEqual(lasting(after));
});

test("runs that were summed up are not read again, and those that come are", async () => {
  const before = (await figures()).get(`driftdesk_runs_total{${full},state="succeeded"}`) ?? 0;
  // Long enough for a transaction with an earlier number to have ended.
  now = new Date(now.getTime() + 3_600_000);
  const one = another();
  expect((await figures(one)).get(`driftdesk_runs_total{${full},state="succeeded"}`)).toBe(before);
  await opened.owner`UPDATE driftdesk.runs SET state = 'failed' WHERE state = 'succeeded'`;
  try {
    await run();
    const after = await figures(one);
    expect(after.get(`driftdesk_runs_total{${full},state="succeeded"}`)).toBe(before + 1);
    expect(after.get(`driftdesk_runs_total{${full},state="failed"}`)).toBe(0);
  } finally {
    await opened.owner`UPDATE driftdesk.runs SET state = 'succeeded'`;
  }
});

test("queues, webhooks and alerts are told, and no counter ever goes down", async () => {
  countWebhook(desk, "forged");
  await flushWebhookCounts(desk);
  const waiting = new Date(now.getTime() - 90_000);
  await opened.owner`
    INSERT INTO driftdesk.runs (mode, trigger, requested_by, requested_at)
    VALUES ('targeted', 'person', 'ada', ${waiting})`;
  await opened.owner`
    WITH a AS (INSERT INTO driftdesk.alerts (key, kind, data, raised_at) VALUES ('k', 'test', '{}', ${now}) RETURNING id)
    INSERT INTO driftdesk.alert_deliveries (alert_id, channel, state, due_at) SELECT id, 'slack', 'sent', ${now} FROM a`;
  const forged = 'driftdesk_webhooks_total{outcome="forged"}';
  const told = await figures();
  expect(told.get(forged)).toBe(1);
  expect(told.get('driftdesk_webhooks_total{outcome="accepted"}')).toBe(0);
  expect(told.get('driftdesk_queue_depth{queue="runs"}')).toBe(1);
  expect(told.get('driftdesk_queue_oldest_age_seconds{queue="runs"}')).toBe(90);
  expect(told.get('driftdesk_runs_under_way{account="",mode="targeted",state="queued"}')).toBe(1);
  expect(told.get('driftdesk_alert_deliveries_total{channel="slack",kind="test",outcome="sent"}')).toBe(1);
  // The lines of hours long past are cleared away; what they counted is not.
  now = new Date(now.getTime() + 60 * 86_400_000);
  await clearWebhooks(desk);
  countWebhook(desk, "forged");
  await flushWebhookCounts(desk);
  expect((await figures()).get(forged)).toBe(2);
});

test("a process counts its requests and lookups, without a name that could be anything", async () => {
  countRequest("list subscription", "refused", "endpoint-rate");
  countRequest("list subscription", "refused", "made-up-by-somebody");
  countLookup("cache", 0.002);
  const told = await figures();
  const refusals = "driftdesk_process_stripe_refusals_total";
  expect(told.get(`${refusals}{reason="endpoint-rate"}`)).toBe(1);
  expect(told.get(`${refusals}{reason="other"}`)).toBe(1);
  expect(
    told.get('driftdesk_process_stripe_requests_total{endpoint="list subscription",outcome="answered"}'),
  ).toBeGreaterThan(0);
  expect(told.get('driftdesk_process_lookup_duration_seconds_count{source="cache"}')).toBe(1);
  expect(told.get("process_start_time_seconds")).toBeGreaterThan(0);
  const labels = [...told.keys()].flatMap((name) =>
    [...name.matchAll(/="([^"]*)"/g)].map(([, value]) => value),
  );
  expect(labels.filter((value) => /(acct|cus|sub|evt|req)_|@|[0-9a-f]{16}/.test(value ?? ""))).toEqual([]);
});

test("two scrapes at once cost one, and a database that is busy costs no more than the deadline", async () => {
  const one = another();
  const [first, second] = await Promise.all([scrape(one), scrape(one)]);
  expect(second).toBe(first);
  const lock = connect(opened.ownerUrl, { max: 1 });
  try {
    await lock.begin(async (tx) => {
      await tx`LOCK TABLE driftdesk.audit_head IN ACCESS EXCLUSIVE MODE`;
      const begun = performance.now();
      await expect(scrape(one)).rejects.toMatchObject({ code: "metrics_late", status: 503 });
      expect(performance.now() - begun).toBeLessThan(8_000);
    });
  } finally {
    await lock.end();
  }
  await expect(scrape(one)).resolves.toMatchObject({ text: expect.stringContaining("driftdesk_runs_total") });
});
