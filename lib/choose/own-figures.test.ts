import { afterAll, beforeAll, expect, test } from "vitest";
import accountsConfig from "../../sandbox/accounts.config.ts";
import { openTestDesk, type TestDesk } from "../../sandbox/testing.ts";
import { generateWorld } from "../../sandbox/world/world.ts";
import { ownFigures, scheduledEvery } from "./own-figures.ts";

const now = new Date("2026-11-24T12:00:00Z");
const daysAgo = (days: number) => new Date(now.getTime() - days * 86_400_000);

let t: TestDesk;
beforeAll(async () => {
  t = await openTestDesk({
    world: generateWorld({ seed: 3, customers: 3, now }),
    config: accountsConfig,
    now: () => now,
  });
});
afterAll(() => t.close());

async function fullRun(account: string, at: Date, rows: number): Promise<void> {
  await t.desk
    .sql`INSERT INTO driftdesk.accounts (id, livemode) VALUES (${account}, false) ON CONFLICT DO NOTHING`;
  const [run] = await t.desk.sql<{ id: number }[]>`
    INSERT INTO driftdesk.runs (account_id, mode, trigger, requested_by, state, requested_at, started_at, finished_at)
    VALUES (${account}, 'full', 'person', 'ada', 'succeeded', ${at}, ${at}, ${at}) RETURNING id`;
  await t.desk.sql`
    INSERT INTO driftdesk.run_resources (run_id, resource, state, local_rows) VALUES (${run?.id as number}, 'users', 'done', ${rows})`;
}
const found = (at: Date, importId: number | null = null) => t.desk.sql`
  INSERT INTO driftdesk.discrepancies (account_id, resource, kind, stripe_id, local_key, first_seen_at, import_id)
  VALUES ('acct_1', 'users', 'mismatch', ${`sub_${Math.random()}`}, ${`k${Math.random()}`}, ${at}, ${importId})`;

test("records are those of every account, and drift is none of a desk's first week, nor of a file's word", async () => {
  expect(await ownFigures(t.desk)).toEqual({ rows: null, driftPerWeek: null, lookupsPerSecond: null });
  await fullRun("acct_1", daysAgo(3), 100);
  await fullRun("acct_2", daysAgo(2), 40);
  await found(daysAgo(3));
  expect(await ownFigures(t.desk)).toMatchObject({ rows: 140, driftPerWeek: null });
  await fullRun("acct_2", daysAgo(8), 30);
  await fullRun("acct_1", daysAgo(1), 120);
  const [one] = await t.desk.sql<{ id: number }[]>`
    INSERT INTO driftdesk.imports (account_name, source, uploaded_by, uploaded_at)
    VALUES ('', 'file', 'ada@example.com', ${now}) RETURNING id`;
  await found(daysAgo(1), one?.id as number);
  await found(daysAgo(9));
  expect(await ownFigures(t.desk)).toMatchObject({ driftPerWeek: 1 });
});

test("the schedule that leaves the least time counts, of those that are not paused", async () => {
  expect(await scheduledEvery(t.desk)).toBeNull();
  const add = (cron: string, paused: Date | null) => t.desk.sql`
    INSERT INTO driftdesk.schedules (cron, mode, time_zone, paused_at, next_due, changed_at)
    VALUES (${cron}, 'incremental', 'UTC', ${paused}, ${paused ? null : now}, ${now})`;
  await add("0 3 * * *", null);
  await add("* * * * *", now);
  expect(await scheduledEvery(t.desk)).toBe(86_400);
  await add("0 * * * *", null);
  expect(await scheduledEvery(t.desk)).toBe(3_600);
});
