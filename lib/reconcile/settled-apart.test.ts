import type Stripe from "stripe";
import { afterEach, expect, test } from "vitest";
import { openSettledCharges, openSettledInvoices, type SettledDesk } from "../../sandbox/testing-settled.ts";
import type { Desk } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";
import { executeRun } from "./run.ts";

let opened: { close(): Promise<void> } | undefined;
afterEach(async () => {
  await opened?.close();
  opened = undefined;
});

/** Invoices that a desk remembers, on the day after. */
async function openRemembering(
  count: number,
  prepare: (t: SettledDesk<Stripe.Invoice>) => unknown = () => {},
) {
  const t = await openSettledInvoices(count);
  opened = t;
  await prepare(t);
  await t.run();
  t.setDay(31);
  await t.run();
  t.setDay(32);
  return t;
}

/** The desk with something that happens around its lists. */
function listing(
  t: SettledDesk<Stripe.Invoice>,
  around: (
    list: () => ReturnType<Desk["stripe"]["list"]>,
    status: string | undefined,
  ) => ReturnType<Desk["stripe"]["list"]>,
): Desk {
  const list = ((type, filter) =>
    around(() => t.desk.stripe.list(type, filter), filter.status)) as Desk["stripe"]["list"];
  return t.with({ stripe: { ...t.desk.stripe, counts: t.desk.stripe.counts, list } });
}

test("what is not settled among settled objects is asked for by itself in every run", async () => {
  const t = await openSettledCharges(2_000);
  opened = t;
  for (const id of ["ch_1500", "ch_1600", "ch_1700"]) t.change(id, { captured: false });
  await t.run();
  t.setDay(31);
  await t.run();
  t.change("ch_1500", { captured: true, amount_refunded: 100 });
  t.objects.delete("ch_1600");
  t.change("ch_1800", { amount_refunded: 100 });
  t.setDay(32);
  const { run, asked } = await t.run();
  expect(run.resources[0]).toMatchObject({ compared: 2_000, settled: 997, objects: 1_002 });
  expect(await t.open()).toEqual(["mismatch ch_1500", "missing_in_stripe ch_1600"]);
  // Once more for the one that is missing, before it is shown.
  expect(asked).toBe(4);
});

test("invoices that are not paid are listed by their state, however many paid ones are left out", async () => {
  const t = await openRemembering(3_000);
  const paid = { finalized_at: 1, marked_uncollectible_at: null, voided_at: null, paid_at: 1 };
  t.change("in_2551", { status: "paid", status_transitions: paid });
  t.change("in_2601", { total: 5 });
  t.change("in_2600", { status: "open" });
  t.objects.delete("in_2700");
  // Settled: nobody looks.
  t.change("in_2552", { total: 5 });
  const { run, pages, asked } = await t.run();
  expect(await t.open()).toEqual([
    "mismatch in_2551",
    "mismatch in_2600",
    "mismatch in_2601",
    "missing_in_stripe in_2700",
  ]);
  // A third is read again; of the other two thirds eighty are not paid.
  expect(run.resources[0]).toMatchObject({ compared: 3_000, settled: 1_920, objects: 1_079 });
  expect(pages).toBeLessThan(25);
  expect(asked).toBe(3);
});

test("an invoice that was settled and is not any more is taken as it is", async () => {
  const t = await openRemembering(2_000);
  t.change("in_1502", { status: "open" });
  const { run } = await t.run();
  expect(run.resources[0]).toMatchObject({ compared: 2_000, mismatch: 1, settled: 959 });
  expect(await t.open()).toEqual(["mismatch in_1502"]);
});

test("an invoice that goes from one list to another meanwhile counts once, and one that is in neither is asked for", async () => {
  const t = await openRemembering(2_000);
  let listed = () => {};
  const openOnes = new Promise<void>((resolve) => {
    listed = resolve;
  });
  const desk = listing(t, async (list, status) => {
    if (status === "uncollectible") await openOnes;
    const page = await list();
    if (status === "open") {
      t.change("in_1551", { status: "uncollectible" });
      listed();
    }
    return page;
  });
  // The other way round: it has left the list that is read later, for the one that was read.
  t.change("in_1600", { status: "uncollectible" });
  await t.local`UPDATE invoices SET status = 'uncollectible' WHERE stripe_id IN ('in_1551')`;
  const { run } = await t.run(desk);
  expect(run.resources[0]).toMatchObject({ compared: 2_000, duplicate: 0, missingInStripe: 0, settled: 960 });
  const twice = await t.desk.sql`SELECT FROM driftdesk.discrepancies WHERE stripe_id <> 'in_1551'`;
  expect(twice).toEqual([]);
});

test("a list of one state whose cursor is deleted goes on, and what was taken stays", async () => {
  const t = await openRemembering(1_000, async (desk) => {
    for (let n = 500; n < 900; n++) desk.change(`in_${n}`, { status: "draft" });
    await desk.local`UPDATE invoices SET status = 'draft' WHERE id BETWEEN 501 AND 900`;
  });
  // At once, so that it is nobody's turn to be read again.
  t.setDay(31);
  let deleted: string | undefined;
  const desk = listing(t, async (list, status) => {
    const page = await list();
    if (status === "draft" && deleted === undefined && page.hasMore) {
      deleted = page.data.at(-1)?.id as string;
      t.objects.delete(deleted);
    }
    return page;
  });
  const { run } = await t.run(desk);
  expect(deleted).toBeDefined();
  expect(run.resources[0]).toMatchObject({ state: "done", compared: 1_000, mismatch: 0, settled: 576 });
  expect(await t.open()).toEqual([`missing_in_stripe ${deleted}`]);
});

test("where Stripe does not answer about one of them, the pages of its range are read", async () => {
  const t = await openSettledCharges(2_000);
  opened = t;
  t.change("ch_1500", { captured: false });
  await t.run();
  t.setDay(31);
  await t.run();
  t.change("ch_1500", { amount_refunded: 5 });
  const retrieve = (async (type, id, expand) => {
    if (id === "ch_1500") throw new DriftdeskError("stripe_unreachable", "Not now.");
    return t.desk.stripe.retrieve(type, id, expand);
  }) as Desk["stripe"]["retrieve"];
  t.setDay(32);
  const { id } = await t.request();
  const desk = t.with({ stripe: { ...t.desk.stripe, counts: t.desk.stripe.counts, retrieve } });
  const clock = { now: () => performance.now(), sleep: async () => {} };
  const run = await executeRun(desk, id, { clock });
  expect(run.resources[0]).toMatchObject({ state: "done", compared: 2_000, mismatch: 1, settled: 0 });
});
