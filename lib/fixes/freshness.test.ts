// What was seen too long ago is asked again before anything is written.
import type Stripe from "stripe";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import accountsConfig from "../../sandbox/accounts.config.ts";
import {
  type Accounts,
  type AccountsOptions,
  accountsTable,
  fin,
  openAccounts,
} from "../../sandbox/testing-accounts.ts";
import type { ResourceDefinition } from "../config/define.ts";
import type { BulkAction, Discrepancy } from "../db/schema.ts";
import type { Desk } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";
import { createStripeReader } from "../stripe/client.ts";
import { currentPriority } from "../stripe/priority.ts";
import type { StripeReader } from "../stripe/reader.ts";
import { bulkProblems } from "./bulk.ts";
import { executeBulk } from "./execute.ts";

let company: Accounts;
function inCompany(options: AccountsOptions): void {
  beforeAll(async () => {
    company = await openAccounts(options);
  });
  afterAll(() => company.close());
}
afterEach(() => company.tellsTheWholeStory());

const minutes = (count: number) => company.pass(count * 60_000);
const requests = () => company.sandbox.counts.total;
async function drifting(count: number, assignment?: string): Promise<Discrepancy[]> {
  const ids = company.take(count);
  await company.spoil(ids, assignment);
  return company.reconcile(ids);
}
const idsOf = (rows: readonly Discrepancy[]) => rows.map((row) => row.stripeId as string);
const now = (rows: readonly Discrepancy[]) => company.found(idsOf(rows));
const statuses = async (rows: readonly Discrepancy[]) =>
  (await company.rows(idsOf(rows))).map((row) => row["the status"]);
const apply = async (rows: readonly Pick<Discrepancy, "id" | "version">[], desk: Desk = company.desk) =>
  executeBulk(desk, (await company.decide("apply", rows, fin)).id);
async function reasons(
  bulk: BulkAction,
  rows: readonly Pick<Discrepancy, "id">[],
): Promise<(string | null)[]> {
  const told = await bulkProblems(company.desk.sql, bulk.id);
  return rows.map((row) => told.find((one) => one.discrepancyId === row.id)?.message ?? null);
}
/** The desk with another way to ask Stripe. */
const asking = (change: (real: StripeReader) => Partial<StripeReader>): Desk => {
  const real = company.desk.stripe;
  return company.with({ stripe: { ...real, ...change(real) } });
};
/** Rows of a table beside the accounts, after a run. */
async function ofResource(
  resource: string,
): Promise<Pick<Discrepancy, "id" | "version" | "kind" | "state" | "fields">[]> {
  return [
    ...(await company.desk.sql<Discrepancy[]>`
      SELECT id, version, kind, state, fields FROM driftdesk.discrepancies WHERE resource = ${resource} ORDER BY id`),
  ];
}
const stale = "Stripe says something else by now. Look again, then decide.";

describe("rows of a subscription", () => {
  inCompany({ customers: 220 });

  test("what was seen lately is written without a question", async () => {
    const rows = await drifting(3);
    minutes(15);
    const before = requests();
    expect(await apply(rows)).toMatchObject({ applied: 3 });
    expect(requests()).toBe(before);
  });

  test("what was seen too long ago is asked once, and written when it still holds", async () => {
    const rows = await drifting(25);
    minutes(16);
    const before = requests();
    expect(await apply(rows)).toMatchObject({ applied: 25 });
    expect(requests()).toBe(before + 25);
  });

  test("what Stripe says otherwise by now is not written, but shown", async () => {
    const rows = await drifting(4, `"the status" = 'past_due', amount = 1`);
    const [otherwise = "", agreeing = "", besides = ""] = idsOf(rows);
    minutes(16);
    company.change(otherwise, { status: "unpaid" });
    company.change(agreeing, { status: "past_due", items: priced(agreeing, 1) });
    // Not a column that the fix writes.
    company.change(besides, { customer: "cus_another" });
    await company.desk.sql`
      INSERT INTO driftdesk.settled (account_id, resource, layout)
      SELECT account_id, resource, '' FROM driftdesk.discrepancies WHERE id = ${rows[0]?.id ?? 0}`;
    const bulk = await apply(rows);
    const forgotten = await company.desk.sql`SELECT stripe_id AS id FROM driftdesk.settled_forgotten`;
    expect(forgotten.map((row) => row.id).sort()).toEqual([otherwise, agreeing].sort());
    expect(bulk).toMatchObject({ state: "done", applied: 2, stale: 2 });
    expect(await reasons(bulk, rows)).toEqual([stale, stale, null, null]);
    expect(await now(rows)).toMatchObject([
      {
        state: "open",
        version: 2,
        change: "past_due → unpaid",
        impact: "money",
        expected: { "the status": "unpaid" },
        fields: [{ name: "the status", local: "past_due", stripe: "unpaid" }, { name: "amount" }],
        observedAt: company.desk.now(),
      },
      { state: "open", version: 2, change: "price" },
      { state: "fixed" },
      { state: "fixed" },
    ]);
    expect(await statuses(rows)).toEqual(["past_due", "past_due", "active", "active"]);
    const before = requests();
    expect(await apply((await now(rows)).slice(0, 2))).toMatchObject({ applied: 2 });
    expect(requests()).toBe(before);
    expect(await statuses(rows)).toEqual(["unpaid", "past_due", "active", "active"]);
  });
  const priced = (id: string, amount: number): Stripe.Subscription["items"] => {
    const { items } = company.subscription(id);
    return {
      ...items,
      data: items.data.map((item) => ({ ...item, price: { ...item.price, unit_amount: amount } })),
    };
  };

  test("what Stripe agrees with by now is resolved, and what it lost is left alone", async () => {
    const rows = await drifting(2);
    const [agreeing = "", lost = ""] = idsOf(rows);
    minutes(16);
    company.change(agreeing, { status: "past_due" });
    const gone = company.subscription(lost);
    company.sandbox.world.subscriptions.delete(lost);
    const bulk = await apply(rows);
    expect(bulk).toMatchObject({ applied: 0, stale: 2 });
    expect(await reasons(bulk, rows)).toEqual([stale, "Stripe does not know it any more."]);
    expect((await now(rows)).map((row) => row.state)).toEqual(["resolved", "open"]);
    expect(await statuses(rows)).toEqual(["past_due", "past_due"]);
    company.sandbox.world.subscriptions.put(gone);
  });

  test("a row that Stripe did not know is left alone when it does by now", async () => {
    const ids = ["sub_early", "sub_never"];
    await company.local.unsafe(
      `INSERT INTO ${accountsTable} ("stripe ""id""", "the status") SELECT unnest($1::text[]), 'active'`,
      [ids],
    );
    const rows = await company.reconcile(ids);
    minutes(16);
    const [model = ""] = company.take(1);
    company.sandbox.world.subscriptions.put({ ...company.subscription(model), id: "sub_early" });
    const bulk = await apply(rows);
    expect(bulk).toMatchObject({ applied: 1, stale: 1 });
    expect((await reasons(bulk, rows))[0]).toContain("Stripe knows it by now");
    expect(await statuses(rows)).toEqual(["active", "canceled"]);
  });

  test("a missing row is inserted with what Stripe still says, and shown when that changed", async () => {
    const ids = company.take(3);
    await company.local.unsafe(`DELETE FROM ${accountsTable} WHERE "stripe ""id""" = ANY($1::text[])`, [ids]);
    const rows = await company.reconcile(ids);
    minutes(16);
    const [otherwise = "", lost = ""] = ids;
    company.change(otherwise, { status: "unpaid" });
    const gone = company.subscription(lost);
    company.sandbox.world.subscriptions.delete(lost);
    expect(await apply(rows)).toMatchObject({ applied: 1, stale: 2 });
    expect(await company.rows(ids)).toHaveLength(1);
    expect(await now(rows)).toMatchObject([
      {
        state: "open",
        version: 2,
        expected: { "the status": "unpaid", label: "inserted" },
        observedAt: company.desk.now(),
      },
      { state: "open", version: 2 },
      { state: "fixed" },
    ]);
    company.sandbox.world.subscriptions.put(gone);
    expect(await apply((await now(rows)).slice(0, 1))).toMatchObject({ applied: 1 });
    expect((await company.rows([otherwise]))[0]).toMatchObject({ "the status": "unpaid" });
  });

  test("a new row that shall begin otherwise than Stripe says can be inserted all the same", async () => {
    const [id = ""] = company.take(1);
    const insert = () => ({ 'stripe "id"': id, "the status": "incomplete", amount: 0 });
    const config = company.desk.config;
    const beginning = company.with({
      config: {
        ...config,
        resources: config.resources.map((one) =>
          one.name === "subscriptions" ? { ...one, missingLocal: { insert } } : one,
        ),
      },
    });
    await company.local.unsafe(`DELETE FROM ${accountsTable} WHERE "stripe ""id""" = $1`, [id]);
    const rows = await company.reconcile([id], beginning);
    minutes(16);
    expect(await apply(rows, beginning)).toMatchObject({ applied: 1, stale: 0 });
    expect((await company.rows([id]))[0]).toMatchObject({ "the status": "incomplete" });
  });

  test("a column that cannot be read any more stops only the fixes that need it", async () => {
    const rows = await drifting(3);
    const [needing = "", otherwise = ""] = idsOf(rows);
    await company.spoil([needing], "amount = 1");
    await company.reconcile();
    minutes(16);
    company.change(otherwise, { status: "unpaid" });
    const { config } = company.desk;
    const from = () => {
      throw new Error("no amount today");
    };
    const desk = company.with({
      config: {
        ...config,
        resources: config.resources.map((one) => ({
          ...one,
          fields: one.fields.map((field) => (field.column === "amount" ? { ...field, from } : field)),
        })),
      },
    });
    const bulk = await apply(await now(rows), desk);
    expect(bulk).toMatchObject({ applied: 1, stale: 2 });
    expect(await reasons(bulk, rows)).toEqual([
      "The mapping could not read it again: amount: no amount today",
      stale,
      null,
    ]);
    expect((await now(rows))[1]).toMatchObject({
      expected: { amount: rows[1]?.expected?.amount, "the status": "unpaid" },
      fields: [{ name: "the status" }],
    });
  });

  test("while Stripe cannot be reached nothing is written, and it can be tried again", async () => {
    const rows = await drifting(15);
    minutes(16);
    const hasty = asking(() =>
      createStripeReader({
        secretKey: company.sandbox.secretKey,
        apiBase: company.sandbox.url,
        pace: { requestsPerSecond: 10_000, perEndpoint: 10_000 },
        clock: { now: () => performance.now(), sleep: async () => {} },
      }),
    );
    company.sandbox.faults.outage = true;
    company.sandbox.faults.serverErrors = 1;
    const bulk = await apply(rows, hasty);
    company.sandbox.faults.outage = false;
    company.sandbox.faults.serverErrors = 0;
    expect(bulk).toMatchObject({ state: "done", applied: 0, failed: 15 });
    for (const reason of await reasons(bulk, rows))
      expect(reason).toMatch(
        /^It was seen too long ago, and Stripe could not be asked whether it still holds: .+\.$/,
      );
    expect(await now(rows)).toMatchObject(rows.map(() => ({ state: "open", version: 1 })));
    expect(new Set(await statuses(rows))).toEqual(new Set(["past_due"]));
    expect(await apply(rows)).toMatchObject({ applied: 15 });
  });

  test("whoever clicked waits for it: it is asked before what runs ask", async () => {
    const rows = await drifting(2);
    minutes(16);
    const priorities = new Set<string>();
    const desk = asking((real) => ({
      retrieve: ((...asked: Parameters<StripeReader["retrieve"]>) => {
        priorities.add(currentPriority());
        return real.retrieve(...asked);
      }) as StripeReader["retrieve"],
    }));
    expect(await apply(rows, desk)).toMatchObject({ applied: 2 });
    expect([...priorities]).toEqual(["person"]);
  });

  test("one that was answered while another was not is written, and told once", async () => {
    const rows = await drifting(12);
    const answered = [...rows].sort((a, b) => a.id - b.id)[0]?.stripeId;
    minutes(16);
    let fail = () => {};
    const failed = new Promise<void>((resolve) => {
      fail = resolve;
    });
    const desk = asking((real) => ({
      retrieve: (async (type: "subscription", id: string, expand?: readonly string[]) => {
        if (id === answered) {
          await failed;
          return real.retrieve(type, id, expand);
        }
        fail();
        throw new DriftdeskError("stripe_unreachable", "Stripe did not answer.");
      }) as StripeReader["retrieve"],
    }));
    const bulk = await apply(rows, desk);
    expect(bulk).toMatchObject({ state: "done", applied: 1, failed: 11 });
    expect((await now(rows)).map((row) => row.state)).toEqual(
      rows.map((row) => (row.stripeId === answered ? "fixed" : "open")),
    );
    expect((await statuses(rows)).filter((status) => status === "active")).toHaveLength(1);
  });
});

describe("rows of a customer", () => {
  const subscriptions = accountsConfig.resources.subscriptions as ResourceDefinition;
  inCompany({
    customers: 60,
    config: {
      resources: {
        subscriptions,
        members: {
          stripe: "subscription",
          table: "members",
          key: "id",
          match: { column: "customer", by: "customer" },
          fields: { status: "status" },
          missingInStripe: { set: { status: "none" } },
        },
        people: {
          stripe: "customer",
          table: "people",
          key: "id",
          match: { column: "email", by: "customerEmail" },
          fields: { name: "name" },
          missingInStripe: { set: { name: "nobody" } },
        },
      },
    },
    sql: `
      CREATE TABLE members (id serial PRIMARY KEY, customer text, status text);
      CREATE TABLE people (id serial PRIMARY KEY, email text, name text)`,
  });

  test("of a customer's several subscriptions the one that counts now is what is compared", async () => {
    const [counting = "", swapped = "", other = ""] = company.take(3);
    const { world } = company.sandbox;
    const customers = [counting, swapped].map((id) => String(company.subscription(id).customer));
    const older = (id: string, name: string) =>
      world.subscriptions.put({ ...company.subscription(id), id: name, status: "canceled", created: 1 });
    older(counting, "sub_older1");
    older(swapped, "sub_older2");
    await company.local`INSERT INTO members ${company.local(customers.map((customer) => ({ customer, status: "wrong" })))}`;
    await company.reconcile();
    const rows = (await ofResource("members")).filter((row) => row.kind === "mismatch");
    expect(rows).toHaveLength(2);
    minutes(16);
    // The one that does not count may change as it likes; the one that counts may not.
    world.subscriptions.put({ ...company.subscription("sub_older1"), status: "past_due" });
    company.change(swapped, { status: "canceled" });
    world.subscriptions.put({
      ...company.subscription(other),
      id: "sub_newer",
      customer: customers[1] as string,
      status: "trialing",
    });
    const bulk = await apply(rows);
    expect(bulk).toMatchObject({ applied: 1, stale: 1 });
    expect(await company.local`SELECT status FROM members ORDER BY id`).toMatchObject([
      { status: "active" },
      { status: "wrong" },
    ]);
    expect(
      (await ofResource("members")).filter((row) => row.state === "open" && row.kind === "mismatch"),
    ).toMatchObject([{ fields: [{ name: "status", local: "wrong", stripe: "trialing" }] }]);
  });

  test("who has an address at Stripe is asked as it is written, and whose it is has to be the same still", async () => {
    const { world } = company.sandbox;
    const living = [...world.customers.values()].filter(
      (one): one is Stripe.Customer => !one.deleted && !!one.email,
    );
    const alone = living.filter((one) => living.filter((two) => two.email === one.email).length === 1);
    const [same, moved] = alone as [Stripe.Customer, Stripe.Customer];
    await company.local`
      INSERT INTO people (email, name)
      VALUES (${same.email}, 'wrong'), (${moved.email}, 'wrong'), ('New.Comer@Example.com', 'x')`;
    await company.reconcile();
    const rows = (await ofResource("people")).filter((row) => row.kind !== "missing_local");
    expect(rows.map((row) => row.kind).sort()).toEqual(["mismatch", "mismatch", "missing_in_stripe"]);
    minutes(16);
    world.customers.put({ ...moved, email: "moved@example.com" });
    world.customers.put({
      ...same,
      id: "cus_newcomer",
      email: "New.Comer@Example.com",
      created: same.created + 1,
    });
    const bulk = await apply(rows);
    expect(await company.local`SELECT name FROM people ORDER BY id`).toMatchObject([
      { name: same.name },
      { name: "wrong" },
      { name: "x" },
    ]);
    expect(bulk).toMatchObject({ applied: 1, stale: 2 });
  });
});
