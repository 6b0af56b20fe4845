import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { run as runToEnd } from "../../sandbox/testing-runs.ts";
import { type Lookups, listens, openLookups } from "../../sandbox/testing-statuses.ts";
import { executeRun } from "../reconcile/run.ts";
import { checkWebhooks } from "../webhooks/check.ts";
import { lookupsSince } from "./counts.ts";
import { lookUpStatus } from "./lookup.ts";
import { statusesOf } from "./statuses.ts";

let t: Lookups;
beforeAll(async () => {
  t = await openLookups({ status: { shadow: true } });
  await listens(statusesOf(t.desk));
  await runToEnd(t.desk);
});
afterAll(() => t.close());
beforeEach(() => t.pass(3_600_000));

const compared = async () => {
  await statusesOf(t.desk).counts.write();
  const { compared, differed } = await lookupsSince(t.desk.sql, t.world.account.id, new Date(0));
  return { compared, differed };
};
const queued = () =>
  t.desk.sql<{ id: string; due: Date }[]>`SELECT id, due_at AS due FROM driftdesk.webhook_checks`;
/** Looks up, and answers the comparisons that were made for it. */
async function ask(key: string): Promise<Awaited<ReturnType<typeof compared>>> {
  const before = await compared();
  await lookUpStatus(t.desk, key);
  await vi.waitFor(async () => expect((await compared()).compared).toBe(before.compared + 1));
  const after = await compared();
  return { compared: 1, differed: after.differed - before.differed };
}

test("a record that agrees is left alone, by whatever it is asked for", async () => {
  const { key, customer } = t.take();
  for (const asked of [key, customer.id, customer.email as string])
    expect(await ask(asked)).toEqual({ compared: 1, differed: 0 });
  expect(await queued()).toEqual([]);
});

test("one that differs is looked at again after the grace, and becomes a difference of a usual run, once", async () => {
  const { key, customer } = t.take();
  await t.local`UPDATE users SET subscription_status = 'gone' WHERE id = ${key}`;
  expect(await ask(key)).toEqual({ compared: 1, differed: 1 });
  // The cache's answer is nobody's news.
  await lookUpStatus(t.desk, key);
  expect(await queued()).toEqual([{ id: customer.id, due: new Date(t.desk.now().getTime() + 60_000) }]);
  const { signal } = new AbortController();
  expect(await checkWebhooks(t.desk, signal)).toEqual([]);
  t.pass(60_000);
  const [id] = await checkWebhooks(t.desk, signal);
  await executeRun(t.desk, id as number);
  const found = await t.desk
    .sql`SELECT resource, kind, local_key AS key, state FROM driftdesk.discrepancies WHERE customer_id = ${customer.id}`;
  expect([...found]).toEqual([{ resource: "users", kind: "mismatch", key, state: "open" }]);
  // What is known is not queued anew.
  t.pass(3_600_000);
  expect(await ask(key)).toEqual({ compared: 1, differed: 1 });
  expect(await queued()).toEqual([]);
});

test("a customer of whom there is no record differs, and a key that no record has does not", async () => {
  const { key, customer } = t.take();
  await t.local`DELETE FROM users WHERE id = ${key}`;
  expect(await ask(customer.id)).toEqual({ compared: 1, differed: 1 });
  expect(await queued()).toMatchObject([{ id: customer.id }]);
  const before = await compared();
  await lookUpStatus(t.desk, key);
  await lookUpStatus(t.desk, "nobody@example.com");
  expect(await compared()).toEqual(before);
});
