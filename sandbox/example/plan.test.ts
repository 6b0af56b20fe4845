// What is planted in the example company, and whether Stripe's side and the company's own log tell the same story about it.
import { describe, expect, test } from "vitest";
import { openSandbox } from "../server/testing.ts";
import { generateWorld, type World } from "../world/index.ts";
import { type ExampleOptions, type ExamplePlan, planExample } from "./create.ts";
import type { Planted } from "./planted.ts";

const now = new Date("2026-11-24T12:00:00Z");

function company(seed: number, customers: number, drift: ExampleOptions["drift"] = 0.02) {
  const world = generateWorld({ seed, customers, now });
  return { world, plan: planExample(world, { seed, now, drift }) };
}

const tableOf: Record<string, keyof ExamplePlan["tables"]> = {
  subscriptions: "customer_accounts",
  users: "users",
  invoices: "invoices",
  payments: "payments",
  refunds: "refunds",
  disputes: "disputes",
  payouts: "payouts",
  customers: "billing_profiles",
  checkouts: "checkouts",
};
type AnyRow = Record<string, unknown> & { updated_at: Date };
const keyOf = (row: AnyRow) => String(row.id ?? row.payout_id);
const rowOf = (plan: ExamplePlan, { resource, localKey }: Planted) =>
  (plan.tables[tableOf[resource] as keyof ExamplePlan["tables"]] as unknown as AnyRow[]).find(
    (row) => keyOf(row) === localKey,
  );
const objectOf = (world: World, id: string | null) =>
  [
    world.customers,
    world.subscriptions,
    world.invoices,
    world.charges,
    world.paymentIntents,
    world.refunds,
    world.disputes,
    world.payouts,
  ].find((shelf) => shelf.has(id ?? ""));

const seeds = [1, 2, 3, 20_261];

describe.each(seeds)("a company made from seed %i", (seed) => {
  const { world, plan } = company(seed, 300);
  const { planted } = plan;
  const events = [...world.events.values()];
  const log = new Map(plan.log.map((entry) => [entry.event_id, entry]));
  const eventsOf = (p: Planted) => events.filter((event) => event.data.object.id === p.stripeId);
  const undelivered = () => events.filter((event) => event.pending_webhooks > 0);
  const lost = () => events.filter((event) => event.pending_webhooks === 0 && !log.has(event.id));
  const failed = () => events.filter((event) => log.has(event.id) && !log.get(event.id)?.processed_at);

  test("has drift of every kind, impact and cause, in every table", () => {
    const all = (name: "kind" | "impact" | "cause" | "resource") =>
      [...new Set(planted.map((p) => p[name]))].sort();
    expect(all("kind")).toEqual(["duplicate", "mismatch", "missing_in_stripe", "missing_local"]);
    expect(all("impact")).toEqual(["access_no_pay", "money", "other", "paid_no_access"]);
    expect(all("cause")).toEqual([
      "handler_failed",
      "local_edit",
      "unknown",
      "webhook_lost",
      "webhook_undelivered",
    ]);
    expect(all("resource")).toEqual(Object.keys(tableOf).sort());
    for (const p of planted) expect(p.why).not.toBe("");
  });

  test("lists each difference once, under a row and an object that are there or are missing", () => {
    const identities = planted.map((p) => `${p.resource} ${p.stripeId} ${p.localKey}`);
    expect(new Set(identities).size).toBe(identities.length);
    for (const p of planted) {
      const there = { row: rowOf(plan, p) !== undefined, object: objectOf(world, p.stripeId) !== undefined };
      expect({ ...p, there }).toEqual({
        ...p,
        there: { row: p.kind !== "missing_local", object: p.kind !== "missing_in_stripe" },
      });
    }
  });

  test("an undelivered webhook is pending at Stripe and in no log", () => {
    const causes = planted.filter((p) => p.cause === "webhook_undelivered");
    for (const p of causes)
      expect(eventsOf(p).filter((event) => undelivered().includes(event))).not.toEqual([]);
    for (const event of undelivered()) expect(log.has(event.id)).toBe(false);
  });

  test("a lost webhook is delivered as far as Stripe knows, and in no log", () => {
    const causes = planted.filter((p) => p.cause === "webhook_lost");
    const missing = new Set(lost());
    for (const p of causes) expect(eventsOf(p).filter((event) => missing.has(event))).not.toEqual([]);
  });

  /** When an event was processed after a later one of the object, and the row was written then. */
  const overtaken = (p: Planted) => {
    const writtenMs = rowOf(plan, p)?.updated_at.getTime();
    const processedMs = ({ id }: { id: string }) =>
      (log.get(id)?.processed_at as Date | null)?.getTime() ?? 0;
    return events.some(
      (earlier) =>
        processedMs(earlier) === writtenMs &&
        eventsOf(p).some(
          (later) => later.created > earlier.created && processedMs(later) < processedMs(earlier),
        ),
    );
  };

  test("a handler that failed left the event unprocessed, with its error, or took it after a later one", () => {
    const causes = planted.filter((p) => p.cause === "handler_failed");
    const unprocessed = new Set(failed());
    const inOrder = causes.filter((p) => !overtaken(p));
    if (seed === seeds[1]) expect(inOrder.length).toBeLessThan(causes.length);
    for (const p of inOrder) expect(eventsOf(p).filter((event) => unprocessed.has(event))).not.toEqual([]);
    for (const event of unprocessed) expect(log.get(event.id)?.error).toEqual(expect.any(String));
  });

  test("a row that was edited here changed after everything that Stripe told about it, which was dealt with", () => {
    const causes = planted.filter((p) => p.cause === "local_edit");
    for (const p of causes) {
      const changedAt = rowOf(plan, p)?.updated_at.getTime() ?? 0;
      for (const event of eventsOf(p)) {
        expect(event.created * 1_000).toBeLessThan(changedAt);
        expect({ ...p, dealtWith: log.get(event.id)?.processed_at }).toEqual({
          ...p,
          dealtWith: expect.any(Date),
        });
      }
    }
  });

  test("a row that a webhook never reached is older than the webhook", () => {
    const causes = planted.filter(
      (p) =>
        ["webhook_undelivered", "webhook_lost", "handler_failed"].includes(p.cause) &&
        p.kind === "mismatch" &&
        !overtaken(p),
    );
    const wrong = new Set([...undelivered(), ...lost(), ...failed()]);
    for (const p of causes) {
      const latest = eventsOf(p)
        .filter((event) => wrong.has(event))
        .map((event) => event.created * 1_000);
      expect(rowOf(plan, p)?.updated_at.getTime()).toBeLessThanOrEqual(Math.max(...latest));
    }
  });

  test("nothing goes wrong on the way but what drift was planted for", () => {
    const objects = new Set(planted.map((p) => p.stripeId));
    for (const event of [...undelivered(), ...lost(), ...failed()])
      expect(objects).toContain(event.data.object.id);
    for (const [id, entry] of log) {
      const event = world.events.get(String(id));
      expect(event?.type).toBe(entry.type);
      const [received, processed] = [entry.received_at, entry.processed_at] as [Date, Date | null];
      expect(received.getTime()).toBeGreaterThan((event?.created ?? 0) * 1_000);
      if (processed) expect(processed.getTime()).toBeGreaterThan(received.getTime());
    }
  });
});

test("without drift every event was taken and dealt with, and only what cannot be compared is listed", () => {
  const { world, plan } = company(5, 150, 0);
  expect(plan.planted.filter((p) => !p.rowError)).toEqual([]);
  expect(plan.log.map((entry) => entry.event_id).sort()).toEqual([...world.events.keys()].sort());
  expect(plan.log.filter((entry) => entry.processed_at === null)).toEqual([]);
  expect([...world.events.values()].filter((event) => event.pending_webhooks > 0)).toEqual([]);
});

test("the same seed makes the same company, another seed another", () => {
  const [one, again, other] = [company(8, 60), company(8, 60), company(9, 60)];
  expect(again.plan).toEqual(one.plan);
  expect(other.plan.planted).not.toEqual(one.plan.planted);
});

test("how much drifts is a matter of choice, table by table", () => {
  const drift = {
    subscriptions: 0.2,
    users: 0,
    invoices: 0,
    payments: 0,
    refunds: 0,
    disputes: 0,
    payouts: 0,
  };
  const { plan } = company(4, 300, { ...drift, customers: 0, checkouts: 0 });
  const own = plan.planted.filter((p) => !p.rowError);
  // The handler writes both tables, so what it did not hear is wrong in both.
  expect(new Set(own.map((p) => p.resource))).toEqual(new Set(["subscriptions", "users"]));
  const share =
    own.filter((p) => p.resource === "subscriptions").length / plan.tables.customer_accounts.length;
  expect(share).toBeGreaterThan(0.15);
  expect(share).toBeLessThan(0.25);
});

test("Stripe lists the undelivered webhooks as undelivered", async () => {
  const { world } = company(6, 200);
  const { stripe, close } = await openSandbox({ world });
  const pending = await stripe.events
    .list({ delivery_success: false, limit: 100 })
    .autoPagingToArray({ limit: 1_000 });
  await close();
  expect(pending.length).toBeGreaterThan(3);
  expect(pending.map(({ id }) => id).sort()).toEqual(
    [...world.events.values()]
      .filter((event) => event.pending_webhooks > 0)
      .map(({ id }) => id)
      .sort(),
  );
});
