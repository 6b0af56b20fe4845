// What is news, and how it is told. How it gets there is in deliver.test.ts.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { hour, openAlerts, type TestAlerts } from "../../sandbox/testing-alerts.ts";
import type { Resource } from "../config/resource.ts";
import type { Desk } from "../desk.ts";
import { cancelBulk, requestBulk } from "../fixes/bulk.ts";
import { executeBulk } from "../fixes/execute.ts";
import { requestRevert } from "../fixes/revert.ts";
import { listAlerts } from "./list.ts";

const fin = { email: "fin@example.com", name: "Fin", role: "finance" as const };

let company: TestAlerts;
beforeAll(async () => {
  company = await openAlerts();
});
beforeEach(() => company.settle());
afterAll(() => company.close());

const blocks = (message = 0) => JSON.stringify(company.slack.messages[message]?.blocks);

test("a run that found something new is told once, with what it does to people and to money", async () => {
  const { desk, slack, lockOut, run, tell, texts } = company;
  await lockOut(3);
  const { id } = await run();
  await tell();
  await tell();
  expect(slack.messages).toHaveLength(1);
  expect(texts()[0]).toContain("3 new differences between your records and Stripe");
  expect(texts()[0]).toMatch(/• 3 paid, locked out: \$[\d,.]+ a month/);
  expect(blocks()).toContain(`• <${desk.environment.nextAuthUrl}/discrepancies?impact=paid_no_access|3 paid`);
  expect(blocks()).toContain(`<${desk.environment.nextAuthUrl}/discrepancies|Review them>`);
  await run();
  await tell();
  expect(slack.messages).toHaveLength(1);
  expect(await listAlerts(desk, { limit: 1 })).toMatchObject([
    { deliveries: [{ channel: "slack", state: "sent", problem: null }] },
  ]);
  const [row] = await desk.sql`SELECT run_id AS run FROM driftdesk.alerts ORDER BY id DESC LIMIT 1`;
  expect(row?.run).toBe(id);
});

test("what happened before a process first looks is told by whoever looks next, once among many", async () => {
  const { lockOut, run, tell, texts } = company;
  await lockOut(1);
  await run();
  await Promise.all([tell(), tell(), tell()]);
  expect(texts()).toEqual([expect.stringContaining("1 new difference between")]);
});

test("less than the thresholds is not told; more rows are, and so is more money in any currency", async () => {
  const { lockOut, run, tell, texts, withRules } = company;
  const found = async (newAtStake: Record<string, number>) => {
    await lockOut(1);
    await run();
    await company.tell(withRules({ newDrift: 1, newAtStake }));
    company.pass(hour);
    return texts().length;
  };
  expect(await found({})).toBe(0);
  const most = (amount: number) => ({ usd: amount, eur: amount, jpy: amount, gbp: amount });
  expect(await found({ ...most(100_000_000), sek: 0 })).toBe(0);
  expect(await found(most(100))).toBe(1);
  await lockOut(2);
  await run();
  await tell(withRules({ newDrift: 1 }));
  expect(texts()).toHaveLength(2);
});

test("runs in trouble are told once, reminded of after a day, and their end is told too", async () => {
  const { opened, slack, run, tell, texts, pass } = company;
  await opened.local`ALTER TABLE accounts RENAME TO elsewhere`;
  await run();
  await tell();
  expect(texts()).toEqual([
    expect.stringContaining("A run failed\nsubscriptions: There is no table public.accounts"),
  ]);
  await run();
  await tell();
  expect(slack.messages).toHaveLength(1);
  pass(25 * hour);
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

test("a run that did not begin is told once, again after a day, and anew when there was one between", async () => {
  const { happen, pass, run, tell, texts } = company;
  const overdue = async (due: string) => {
    await happen("schedule.overdue", { schedule: "0 3 * * *", mode: "full", due });
    await tell();
    pass(hour);
    return texts().length;
  };
  expect(await overdue("2026-11-24T03:00:00Z")).toBe(1);
  expect(texts()[0]).toContain(
    "A full run is overdue\nIt should have begun at 24 Nov 2026, 03:00 UTC (0 3 * * *).",
  );
  expect(await overdue("2026-11-24T03:00:00Z")).toBe(1);
  expect(await overdue("2026-11-24T04:00:00Z")).toBe(1);
  await run();
  expect(await overdue("2026-11-24T05:00:00Z")).toBe(2);
  pass(25 * hour);
  expect(await overdue("2026-11-25T06:00:00Z")).toBe(3);
  const hourly = { schedule: "every hour", mode: "incremental", due: "2026-11-25T07:00:00Z" };
  await happen("schedule.overdue", { ...hourly, why: "not_begun", missed: 3 });
  await tell();
  expect(texts()[3]).toContain("(every hour).\n2 more were missed since then.");
  pass(hour);
  // It began at last, and hangs.
  await run();
  await happen("schedule.overdue", { ...hourly, mode: "full", schedule: "0 3 * * *", why: "not_ended" });
  await tell();
  expect(texts()[4]).toBe(
    "A full run does not end\nIt was due at 25 Nov 2026, 07:00 UTC (0 3 * * *) and is still under way.",
  );
});

test("webhooks that stop are told with their beginning, once, and that they arrive again too", async () => {
  const { happen, tell, texts } = company;
  const endpoint = { endpoint: "we_1", url: "https://api.acme.com/stripe", since: "2026-11-24T01:00:00Z" };
  const types = ["customer.subscription.updated"];
  for (const undelivered of [4, 9]) await happen("pipeline.broken", { ...endpoint, undelivered, types });
  await tell();
  await happen("pipeline.recovered", { ...endpoint, until: "2026-11-24T19:00:00Z", undelivered: 9 });
  await tell();
  expect(texts()).toEqual([
    [
      "Webhooks do not arrive",
      "Stripe cannot deliver to https://api.acme.com/stripe since 24 Nov 2026, 01:00 UTC.",
      "4 events undelivered: customer.subscription.updated.",
      "What changes at Stripe is not in your records until it is mended.",
    ].join("\n"),
    [
      "Webhooks arrive again",
      "Stripe delivers to https://api.acme.com/stripe. They did not from 24 Nov 2026, 01:00 UTC to 24 Nov 2026, 19:00 UTC.",
      "9 events of that time never arrived.",
    ].join("\n"),
  ]);
});

test("of endpoints without a name it is told, too", async () => {
  const { happen, tell, texts } = company;
  await happen("pipeline.broken", {
    endpoint: null,
    url: null,
    since: "2026-11-24T02:00:00Z",
    undelivered: 1,
    types: [],
  });
  await tell();
  expect(texts()[0]).toContain(
    "Stripe cannot deliver to your endpoints since 24 Nov 2026, 02:00 UTC.\n1 event undelivered.\n",
  );
});

describe("what waits for a second person", () => {
  const twoOpen = async (desk: Desk) => {
    const rows = await desk.sql<{ id: number; version: number }[]>`
      SELECT id, version FROM driftdesk.discrepancies WHERE state = 'open' ORDER BY id LIMIT 2`;
    return { ids: rows.map(({ id, version }) => ({ id, version })) };
  };

  test("corrections are told, and undoing them is told as that", async () => {
    const { desk, lockOut, run, pass, settle, tell, texts } = company;
    await lockOut(2);
    await run();
    await settle();
    const request = { kind: "apply" as const, requestKey: randomUUID(), reason: "<!channel> outage" };
    const bulk = await requestBulk(desk, { ...request, selection: await twoOpen(desk) }, fin);
    await tell();
    expect(texts()).toEqual([
      "2 corrections wait for a second person\nfin@example.com asked for them: “&lt;!channel&gt; outage”",
    ]);
    const { fixes } = desk.config;
    const alone = { ...desk, config: { ...desk.config, fixes: { ...fixes, secondPersonAbove: undefined } } };
    await cancelBulk(desk, bulk.id, fin);
    const again = { ...request, requestKey: randomUUID(), selection: await twoOpen(desk) };
    const { id } = await executeBulk(alone, (await requestBulk(alone, again, fin)).id);
    pass(hour);
    await requestRevert(desk, { undo: { bulk: id }, requestKey: randomUUID() }, fin);
    await tell();
    expect(texts()[1]).toBe("Undoing 2 corrections waits for a second person\nfin@example.com asked for it.");
  });
});

test("what a policy corrected is told, and what it held back", async () => {
  const { desk, lockOut, run, slack, tell, texts } = company;
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
  company.pass(hour);
  await lockOut(1);
  const { id } = await run(automatic(500));
  await tell();
  const told = slack.messages.find(({ text }) => /^\d+ records? corrected automatically/.test(text));
  const [bulk] = await desk.sql`SELECT id FROM driftdesk.bulk_actions WHERE run_id = ${id}`;
  expect(JSON.stringify(told?.blocks)).toContain(`/bulks/${bulk?.id}|`);
  expect(texts()).toContainEqual(expect.stringContaining("were corrected automatically."));
});
