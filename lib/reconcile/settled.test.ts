import type Stripe from "stripe";
import { afterEach, expect, test } from "vitest";
import { run } from "../../sandbox/testing-runs.ts";
import {
  beginning,
  chargesMapping,
  dayMs,
  openSettledCharges,
  type SettledDesk,
} from "../../sandbox/testing-settled.ts";
import { forget } from "./settled-forget.ts";

let opened: SettledDesk<Stripe.Charge> | undefined;
afterEach(async () => {
  await opened?.close();
  opened = undefined;
});

/** A desk that remembers: two full runs, `after` apart. */
async function openRemembering(count: number, mapping?: Parameters<typeof openSettledCharges>[1]) {
  opened = await openSettledCharges(count, mapping);
  await opened.run();
  opened.setDay(31);
  const { run } = await opened.run();
  expect(run.resources[0]).toMatchObject({ state: "done", settled: 0 });
  return opened;
}

const remembered = async (t: SettledDesk<Stripe.Charge>) => {
  const [row] = await t.desk.sql<{ objects: number }[]>`
    SELECT coalesce(sum(r.objects), 0)::int AS objects FROM driftdesk.settled_ranges r`;
  const [rows] = await t.desk.sql<
    { count: number }[]
  >`SELECT count(*)::int AS count FROM driftdesk.settled_objects`;
  expect(rows?.count).toBe(row?.objects);
  return row?.objects;
};

test("a run of a mostly settled account costs few requests, and a week's runs read everything once", async () => {
  const t = await openRemembering(4_000);
  expect(await remembered(t)).toBe(4_000);
  const newest = [...t.objects.values()].at(-1) as Stripe.Charge;
  for (let n = 0; n < 50; n++)
    t.objects.put({ ...newest, id: `ch_new_${n}`, created: newest.created + 70 * 86_400 + n });
  await t.local`INSERT INTO charges (stripe_id, status, refunded) SELECT 'ch_new_' || n, 'succeeded', 0 FROM generate_series(0, 49) n`;
  const runs = [];
  for (let day = 32; day <= 38; day++) {
    t.setDay(day);
    const { run, pages } = await t.run();
    const [figures] = run.resources;
    expect(figures).toMatchObject({ state: "done", compared: 4_050, mismatch: 0 });
    expect((figures?.objects ?? 0) + (figures?.settled ?? 0)).toBe(4_050);
    runs.push({ pages, settled: figures?.settled ?? 0, day });
    const readAt = new Date(figures?.settledReadAt ?? 0).getTime();
    expect(readAt).toBeGreaterThan(beginning.getTime() + (day - 7) * dayMs);
    expect(readAt).toBeLessThan(beginning.getTime() + day * dayMs);
  }
  for (const { settled } of runs) expect(settled).toBeGreaterThanOrEqual(3_000);
  // A plain run reads forty pages of settled objects every time.
  expect(runs.reduce((sum, { pages }) => sum + pages, 0)).toBeLessThan((runs.length * 41) / 2);
  const [oldest] = await t.desk.sql<
    { readAt: Date }[]
  >`SELECT min(read_at) AS "readAt" FROM driftdesk.settled_ranges`;
  expect(oldest?.readAt.getTime()).toBeGreaterThan(beginning.getTime() + 31 * dayMs);
});

test("whatever happens on the local side of settled objects is found at once", async () => {
  const t = await openRemembering(1_200);
  await t.local`UPDATE charges SET refunded = 5 WHERE stripe_id = 'ch_3'`;
  await t.local`DELETE FROM charges WHERE stripe_id = 'ch_700'`;
  await t.local`INSERT INTO charges (stripe_id, status, refunded) VALUES ('ch_none', 'succeeded', 0), ('ch_900', 'succeeded', 0)`;
  t.setDay(32);
  const { run } = await t.run();
  expect(run.resources[0]?.settled).toBeGreaterThan(500);
  expect(await t.open()).toEqual(
    expect.arrayContaining([
      "mismatch ch_3",
      "missing_local ch_700",
      "missing_in_stripe ch_none",
      "duplicate ch_900",
    ]),
  );
});

test("what changed on both sides is no difference, whatever the memory says", async () => {
  const t = await openRemembering(1_200);
  t.change("ch_1100", { amount_refunded: 300 });
  await t.local`UPDATE charges SET refunded = 300 WHERE stripe_id = 'ch_1100'`;
  t.change("ch_1101", { amount_refunded: 300 });
  await t.local`UPDATE charges SET refunded = 250 WHERE stripe_id = 'ch_1101'`;
  t.setDay(32);
  await t.run();
  expect(await t.desk.sql`SELECT stripe_id, fields, state FROM driftdesk.discrepancies`).toEqual([
    { stripe_id: "ch_1101", fields: [{ name: "refunded", local: "250", stripe: "300" }], state: "open" },
  ]);
});

test("an object that something was heard of is read by the next run, and the others are not", async () => {
  const t = await openRemembering(2_000);
  for (const id of ["ch_1500", "ch_1700"]) t.change(id, { amount_refunded: 100 });
  t.setDay(32);
  const account = t.sandbox.world.account.id;
  await forget(t.desk.sql, account, "charges", ["ch_1500", "ch_1500", "ch_other"], t.desk.now());
  await forget(t.desk.sql, account, "elsewhere", ["ch_1700"], t.desk.now());
  const { run } = await t.run();
  expect(await t.open()).toEqual(["mismatch ch_1500"]);
  expect(run.resources[0]?.settled).toBe(999);
  expect(await t.desk.sql`SELECT stripe_id FROM driftdesk.settled_forgotten`).toEqual([
    { stripe_id: "ch_1500" },
  ]);
});

test("everything that a run looked at by itself was heard of, also what is not there any more", async () => {
  const t = await openRemembering(1_200);
  t.objects.delete("ch_1100");
  const targets = { ids: ["ch_1000", "ch_1100"] };
  expect(await run(t.desk, { mode: "targeted", targets })).toMatchObject({ state: "succeeded" });
  expect(await t.desk.sql`SELECT stripe_id FROM driftdesk.settled_forgotten ORDER BY 1`).toEqual([
    { stripe_id: "ch_1000" },
    { stripe_id: "ch_1100" },
  ]);
});

test("a difference that somebody else found is not resolved by what is remembered", async () => {
  const t = await openRemembering(1_200);
  t.change("ch_1100", { amount_refunded: 100 });
  t.setDay(32);
  await t.desk.sql`
    INSERT INTO driftdesk.discrepancies (account_id, resource, kind, stripe_id, local_key, fields, observed_at)
    SELECT ${t.sandbox.world.account.id}, 'charges', 'mismatch', stripe_id, id, '[]', ${t.desk.now()}
    FROM charges WHERE stripe_id = 'ch_1100'`;
  await t.run();
  expect(await t.open()).toEqual(["mismatch ch_1100"]);
});

test("only what has been final and in order for long is remembered", async () => {
  const t = await openSettledCharges(2_000);
  opened = t;
  // Differs, and will be in order again ten days before the memory is made.
  await t.local`UPDATE charges SET refunded = 1 WHERE stripe_id = 'ch_400'`;
  t.change("ch_900", { captured: false });
  t.change("ch_1400", { status: "pending" });
  await t.local`UPDATE charges SET status = 'pending' WHERE stripe_id = 'ch_1400'`;
  const { run: first } = await t.run();
  expect(first.resources[0]).toMatchObject({ mismatch: 1, state: "done" });
  t.setDay(29);
  await t.local`UPDATE charges SET refunded = 0 WHERE stripe_id = 'ch_400'`;
  const newest = [...t.objects.values()].at(-1) as Stripe.Charge;
  for (let n = 0; n < 400; n++)
    t.objects.put({ ...newest, id: `ch_late_${n}`, created: newest.created + 45 * 86_400 + n });
  await t.local`INSERT INTO charges (stripe_id, status, refunded) SELECT 'ch_late_' || n, 'succeeded', 0 FROM generate_series(0, 399) n`;
  await t.run();
  // Everything is old enough, and was looked at for the first time twenty-nine days ago.
  expect(await remembered(t)).toBe(0);
  t.setDay(31);
  await t.run();
  expect(await remembered(t)).toBe(2_000);
  const unsettled = await t.desk.sql<{ id: string }[]>`
    SELECT stripe_id AS id FROM driftdesk.settled_objects WHERE fields IS NULL ORDER BY created`;
  expect(unsettled.map(({ id }) => id)).toEqual(["ch_400", "ch_900", "ch_1400"]);
  t.setDay(32);
  const { run } = await t.run();
  expect(run.resources[0]).toMatchObject({ compared: 2_400, mismatch: 0, settled: 999 });
});

test("another rhythm, or a clock that was set back, begins anew", async () => {
  const t = await openRemembering(1_200);
  t.setDay(30.5);
  expect((await t.run()).run.resources[0]).toMatchObject({ compared: 1_200, settled: 0 });
  t.setDay(31.5);
  expect((await t.run()).run.resources[0]).toMatchObject({ compared: 1_200, settled: 600 });
  const [resource] = t.desk.config.resources;
  const settled = { afterMs: 30 * dayMs, rereadEveryMs: 2 * dayMs };
  const shorter = t.with({ config: { ...t.desk.config, resources: [{ ...resource, settled } as never] } });
  t.setDay(32);
  expect((await t.run(shorter)).run.resources[0]).toMatchObject({ compared: 1_200, settled: 0 });
});

test("what is read on both sides of ranges that stand becomes two ranges", async () => {
  const t = await openRemembering(2_000);
  const newest = [...t.objects.values()].at(-1) as Stripe.Charge;
  for (let n = 0; n < 350; n++)
    t.objects.put({ ...newest, id: `ch_late_${n}`, created: newest.created + 35 * 86_400 + n });
  await t.local`INSERT INTO charges (stripe_id, status, refunded) SELECT 'ch_late_' || n, 'succeeded', 0 FROM generate_series(0, 349) n`;
  t.setDay(32);
  const { run } = await t.run();
  expect(run.resources[0]).toMatchObject({ compared: 2_350, mismatch: 0, settled: 1_000 });
  const ranges = await t.desk.sql`
    SELECT objects, lead(created_from) OVER (ORDER BY created_from) - created_to AS gap
    FROM driftdesk.settled_ranges ORDER BY created_from`;
  expect(ranges).toEqual([
    { objects: 1_000, gap: 0 },
    { objects: 1_000, gap: 0 },
    { objects: 350, gap: null },
  ]);
  expect(await remembered(t)).toBe(2_350);
});

test("several resources that begin at the same time are all remembered", async () => {
  opened = await openSettledCharges(1_000);
  const t = opened;
  const [charges] = t.desk.config.resources;
  if (!charges) throw new Error("no resource");
  const desk = t.with({ config: { ...t.desk.config, resources: [charges, { ...charges, name: "again" }] } });
  await t.run(desk);
  t.setDay(31);
  await t.run(desk);
  const memories = await t.desk.sql`
    SELECT s.resource, sum(r.objects)::int AS objects
    FROM driftdesk.settled s JOIN driftdesk.settled_ranges r ON r.settled_id = s.id
    GROUP BY s.resource ORDER BY s.resource`;
  expect([...memories]).toEqual([
    { resource: "again", objects: 1_000 },
    { resource: "charges", objects: 1_000 },
  ]);
});

test("without the setting nothing is remembered, and what was is dropped", async () => {
  const t = await openRemembering(600);
  expect(await remembered(t)).toBe(600);
  t.change("ch_500", { amount_refunded: 100 });
  const [resource] = t.desk.config.resources;
  const off = t.with({
    config: { ...t.desk.config, resources: [{ ...resource, settled: undefined } as never] },
  });
  t.setDay(32);
  const { run, pages } = await t.run(off);
  expect(pages).toBeGreaterThanOrEqual(6);
  expect(run.resources[0]).toMatchObject({ settled: 0, settledReadAt: null });
  expect(await t.open()).toEqual(["mismatch ch_500"]);
  expect(await t.desk.sql`SELECT FROM driftdesk.settled`).toEqual([]);
  expect(await remembered(t)).toBe(0);
});

test("of a customer's several objects the settled ones still take part in the choice", async () => {
  const mapping = {
    ...chargesMapping,
    stripeId: undefined,
    match: { column: "stripe_id", by: "customer" },
    choose: (charge: Stripe.Charge) => charge.amount_refunded,
  } as const;
  const t = await openSettledCharges(1_200, mapping);
  opened = t;
  // Two charges each: the one without a refund counts, whichever is newer.
  const [customer] = t.sandbox.world.customers.values();
  for (let n = 0; n < 600; n++)
    t.sandbox.world.customers.put({ ...(customer as Stripe.Customer), id: `cus_${n}` });
  for (const charge of [...t.objects.values()]) {
    const n = Number(charge.id.slice(3));
    t.change(charge.id, { customer: `cus_${n % 600}`, amount_refunded: n < 600 ? 0 : 50 });
  }
  await t.local`DELETE FROM charges WHERE id > 600`;
  await t.local`UPDATE charges SET stripe_id = 'cus_' || id - 1`;
  await t.run();
  t.setDay(31);
  await t.run();
  expect(await t.open()).toEqual([]);
  expect(await remembered(t)).toBe(1_200);
  const newest = [...t.objects.values()].at(-1) as Stripe.Charge;
  t.objects.put({
    ...newest,
    id: "ch_better",
    customer: "cus_7",
    amount_refunded: -1,
    created: newest.created + 50 * 86_400,
  });
  t.objects.put({
    ...newest,
    id: "ch_worse",
    customer: "cus_8",
    amount_refunded: 90,
    created: newest.created + 50 * 86_400,
  });
  await t.local`UPDATE charges SET refunded = 50 WHERE stripe_id = 'cus_9'`;
  t.setDay(32);
  const { run } = await t.run();
  expect(run.resources[0]?.settled).toBeGreaterThan(300);
  const found = await t.desk.sql`
    SELECT stripe_id, customer_id, expected ->> 'refunded' AS refunded FROM driftdesk.discrepancies ORDER BY customer_id`;
  expect(found).toEqual([
    { stripe_id: "ch_better", customer_id: "cus_7", refunded: "-1" },
    { stripe_id: "ch_9", customer_id: "cus_9", refunded: "0" },
  ]);
});
