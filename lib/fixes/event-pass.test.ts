// Old observations of a bulk are checked by what Stripe's events name, with the same outcome as asking for each.
import type Stripe from "stripe";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import accountsConfig from "../../sandbox/accounts.config.ts";
import { accountsTable } from "../../sandbox/accounts-table.ts";
import {
  type Accounts,
  type AccountsOptions,
  fin,
  flo,
  openAccounts,
} from "../../sandbox/testing-accounts.ts";
import { anything } from "../../sandbox/world/changes/anything.ts";
import { cancel, subscribe } from "../../sandbox/world/changes/subscription.ts";
import { Random } from "../../sandbox/world/random.ts";
import { knownDesks } from "../accounts/known.ts";
import type { ResourceDefinition } from "../config/define.ts";
import type { Discrepancy } from "../db/schema.ts";
import type { Desk } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";
import type { StripeReader } from "../stripe/reader.ts";
import { type EventPass, eventPassOf } from "./event-pass.ts";
import { executeBulk, type IntendedFix } from "./execute.ts";
import { approveBulk } from "./second-person.ts";

let company: Accounts;
async function open(options: AccountsOptions = {}): Promise<Accounts> {
  company = await openAccounts(options);
  return company;
}
const close = async () => {
  await company.tellsTheWholeStory();
  await company.close();
};

const minutes = (count: number) => company.pass(count * 60_000);
const requests = () => company.sandbox.counts.total;
const asking = (change: (real: StripeReader) => Partial<StripeReader>): Desk => {
  const real = company.desk.stripe;
  return company.with({ stripe: { ...real, ...change(real) } });
};
const canceled = (id: string) => cancel(company.sandbox.world, company.desk.now(), { subscription: id });

/** So many rows that say something else than Stripe, seen and then let lie until they are old. */
async function old(count: number): Promise<{ rows: Discrepancy[]; ids: string[] }> {
  const ids = company.take(count);
  await company.spoil(ids);
  const rows = await company.reconcile(ids);
  minutes(31);
  return { rows, ids };
}

const passOver = async (rows: readonly Discrepancy[], desk: Desk = company.desk) => {
  const bulk = await company.decide("apply", rows, fin);
  return eventPassOf({ desk, known: await knownDesks(desk), bulk });
};
/** Ids of those that it does not say to be unchanged. */
const doubted = async (pass: EventPass, rows: readonly Discrepancy[], resource = "subscriptions") => {
  const fixes = rows.map((row) => ({ ...row, discrepancyId: row.id, resource }));
  const unchanged = await pass.unchanged(fixes as unknown as IntendedFix[]);
  const ids = new Set(unchanged.map((fix) => fix.stripeId));
  return rows.flatMap((row) => (ids.has(row.stripeId) ? [] : (row.stripeId as string)));
};

describe("old observations of many rows", () => {
  afterEach(close);

  test("only what events name is asked for, and what changed is shown instead of written", async () => {
    await open({ customers: 560 });
    const { rows, ids } = await old(300);
    const changed = ids.slice(40, 52);
    for (const id of changed) canceled(id);
    const before = requests();
    const { id } = await company.decide("apply", rows, fin);
    expect(await executeBulk(company.desk, id)).toMatchObject({ applied: 288, stale: 12 });
    // Whose key it is, one list of events, and what it names.
    expect(requests() - before).toBe(1 + 1 + changed.length);
    expect(await company.found(changed)).toMatchObject(
      changed.map(() => ({
        state: "open",
        version: 2,
        expected: { "the status": "canceled" },
        observedAt: company.desk.now(),
      })),
    );
    const statuses = new Set((await company.rows(changed)).map((row) => row["the status"]));
    expect(statuses).toEqual(new Set(["past_due"]));
  });

  test("an event that does not say whose its object is has the object asked for", async () => {
    const members: ResourceDefinition = {
      stripe: "subscription",
      table: "members",
      key: "id",
      match: { column: "customer", by: "customer" },
      fields: { status: "status" },
    };
    await open({
      customers: 90,
      config: { resources: { members } } as unknown as AccountsOptions["config"],
      sql: "CREATE TABLE members (id serial PRIMARY KEY, customer text, status text)",
    });
    const ids = company.take(60);
    const customers = ids.map((id) => String(company.subscription(id).customer));
    await company.local`INSERT INTO members (customer, status) SELECT unnest(${customers}::text[]), 'wrong'`;
    await company.reconcile();
    const rows = await company.desk.sql<Discrepancy[]>`
      SELECT id, version, account_id AS "accountId", kind, stripe_id AS "stripeId", customer_id AS "customerId"
      FROM driftdesk.discrepancies WHERE resource = 'members' AND kind = 'mismatch'`;
    minutes(31);
    canceled(ids[5] as string);
    const nameless = asking((real) => ({
      async events(filter) {
        const { data, hasMore } = await real.events(filter);
        const object = (event: Stripe.Event) => ({ ...event.data.object, customer: null });
        return {
          data: data.map((event) => ({ ...event, data: { object: object(event) } }) as never),
          hasMore,
        };
      },
    }));
    const before = requests();
    expect(await doubted(await passOver(rows, nameless), rows, "members")).toEqual([ids[5]]);
    expect(requests() - before).toBe(3);
  });

  test("without the right to read events each is asked for", async () => {
    await open();
    const { rows, ids } = await old(30);
    canceled(ids[7] as string);
    const events = () =>
      Promise.reject(new DriftdeskError("stripe_permission_missing", "The key may not list event."));
    const desk = asking(() => ({ events }));
    const before = requests();
    const { id } = await company.decide("apply", rows, fin);
    expect(await executeBulk(desk, id)).toMatchObject({ applied: 29, stale: 1 });
    expect(requests() - before).toBe(1 + 30);
  });
});

describe("one pass", () => {
  beforeAll(() => open({ customers: 800 }));
  afterAll(close);

  test("serves all batches of an action, and goes on with what happens meanwhile", async () => {
    const { rows, ids } = await old(60);
    const [early = "", late = ""] = ids;
    canceled(early);
    const pass = await passOver(rows);
    const before = requests();
    expect(await doubted(pass, rows.slice(0, 30))).toEqual([early]);
    expect(requests() - before).toBe(2);
    canceled(late);
    minutes(10);
    expect(await doubted(pass, rows.slice(30))).toEqual([]);
    expect(requests() - before).toBe(2);
    minutes(1);
    expect(await doubted(pass, rows)).toEqual([early, late]);
    expect(requests() - before).toBe(3);
  });

  test("an event that is listed late is not missed", async () => {
    const { rows, ids } = await old(60);
    const [late = ""] = ids;
    const pass = await passOver(rows);
    expect(await doubted(pass, rows)).toEqual([]);
    minutes(11);
    // It happened before the first list was read, which did not have it.
    const then = new Date(company.desk.now().getTime() - 14 * 60_000);
    cancel(company.sandbox.world, then, { subscription: late });
    expect(await doubted(pass, rows)).toEqual([late]);
  });

  test("what happened while the run was still reading counts as since", async () => {
    const ids = company.take(60);
    await company.spoil(ids);
    const rows = await company.reconcile(ids);
    const [meanwhile = ""] = ids;
    await company.desk.sql`
      UPDATE driftdesk.runs SET started_at = started_at - interval '40 minutes'`;
    cancel(company.sandbox.world, new Date(company.desk.now().getTime() - 35 * 60_000), {
      subscription: meanwhile,
    });
    minutes(16);
    expect(await doubted(await passOver(rows), rows)).toEqual([meanwhile]);
  });

  test.each<[string, () => Desk | Promise<Desk>]>([
    [
      "the key is another account's",
      () => asking(() => ({ account: async () => ({ id: "acct_x", name: null }) })),
    ],
    ["the key is of the other mode", () => asking((real) => ({ livemode: !real.livemode }))],
    [
      "the clocks are an hour apart",
      () => asking((real) => ({ time: () => new Date((real.time()?.getTime() ?? 0) - 3_600_000) })),
    ],
    [
      "the mapping is another one than that of the last run",
      () => {
        const { config } = company.desk;
        const resources = config.resources.map((one) => ({
          ...one,
          fields: one.fields.map((field) => ({ ...field, from: () => "something else" })),
        }));
        return company.with({ config: { ...config, resources } });
      },
    ],
    [
      "as little as events may be late is too old already",
      () => {
        const { config } = company.desk;
        return company.with({ config: { ...config, fixes: { ...config.fixes, maxAgeMs: 300_000 } } });
      },
    ],
    [
      "events do not reach back",
      async () => {
        await company.desk
          .sql`UPDATE driftdesk.discrepancies SET observed_at = ${new Date(company.desk.now().getTime() - 30 * 86_400_000)}`;
        return company.desk;
      },
    ],
    [
      "more has happened than there are rows to ask for",
      () => {
        const desk = asking((real) => ({
          events: async (filter) => ({
            ...(await real.events({ ...filter, startingAfter: undefined })),
            hasMore: true,
          }),
        }));
        canceled(company.take(1)[0] as string);
        return desk;
      },
    ],
  ])("says nothing when %s", async (_, deskOf) => {
    const { rows, ids } = await old(30);
    const pass = await passOver(rows, await deskOf());
    expect(await doubted(pass, rows)).toEqual(ids);
  });

  test("asks each account about its own", async () => {
    const { sql, stripe } = company.desk;
    const { rows, ids } = await old(60);
    const bulk = await company.decide("apply", rows, fin);
    const others = rows.slice(30).map((row) => row.id);
    await sql`UPDATE driftdesk.discrepancies SET account_id = 'acct_other' WHERE id = ANY(${others}::bigint[])`;
    await sql`INSERT INTO driftdesk.accounts (id, livemode) VALUES ('acct_other', ${stripe.livemode})`;
    await sql`
      INSERT INTO driftdesk.cursors
      SELECT (jsonb_populate_record(c, '{"account_id": "acct_other"}')).* FROM driftdesk.cursors c`;
    const { id } = await stripe.account();
    const other = asking(() => ({
      account: async () => ({ id: "acct_other", name: null }),
      events: async () => ({ data: [], hasMore: false }),
    }));
    const known = [
      { desk: company.desk, accountId: id },
      { desk: other, accountId: "acct_other" },
    ];
    for (const one of [ids[0], ids[59]]) canceled(one as string);
    const pass = eventPassOf({ desk: company.desk, known, bulk });
    expect(await doubted(pass, await company.found(ids))).toEqual([ids[0]]);
  });

  test("is not made for a handful of rows", async () => {
    const { rows, ids } = await old(25);
    const before = requests();
    expect(await doubted(await passOver(rows), rows)).toEqual(ids);
    expect(requests()).toBe(before);
  });
});

describe("whatever happens meanwhile", () => {
  afterEach(close);

  const config = {
    resources: {
      subscriptions: accountsConfig.resources.subscriptions as ResourceDefinition,
      members: {
        stripe: "subscription",
        table: "members",
        key: "id",
        match: { column: "customer", by: "customer" },
        fields: { status: "status", subscription: "id" },
        missingInStripe: { set: { status: "none" } },
        missingLocal: {
          insert: (s: Stripe.Subscription) => ({
            customer: s.customer,
            status: s.status,
            subscription: s.id,
          }),
        },
      },
      people: {
        stripe: "customer",
        table: "people",
        key: "id",
        match: { column: "customer", by: "id" },
        fields: { email: "email", name: "name" },
        missingInStripe: { set: { name: "nobody" } },
      },
    },
  } as unknown as AccountsOptions["config"];
  const tables = `
    CREATE TABLE members (id serial PRIMARY KEY, customer text, status text, subscription text);
    CREATE TABLE people (id serial PRIMARY KEY, customer text, email text, name text)`;

  /** What becomes of the same action after the same changes. */
  async function outcome(seed: number, maxAge: string) {
    await open({ customers: 90, seed, config: { ...config, fixes: { maxAge } } as never, sql: tables });
    const { world } = company.sandbox;
    const customers = [...world.customers.values()].map((one) => one.id);
    const subscribed = new Set([...world.subscriptions.values()].map((one) => String(one.customer)));
    await company.local`
      INSERT INTO members (customer, status) SELECT c, 'wrong' FROM unnest(${customers.filter((_, i) => i % 3 > 0)}::text[]) c`;
    await company.local`
      INSERT INTO people (customer, name) SELECT c, 'wrong' FROM unnest(${customers}::text[]) c`;
    await company.spoil(company.take(30));
    await company.local.unsafe(`DELETE FROM ${accountsTable} WHERE "stripe ""id""" = ANY($1::text[])`, [
      company.take(5),
    ]);
    await company.reconcile();
    const found = await company.desk.sql<Discrepancy[]>`
      SELECT id, version FROM driftdesk.discrepancies WHERE state = 'open' ORDER BY id`;
    const random = new Random(seed);
    for (let left = 25; left > 0; left--) {
      minutes(1);
      const happening = anything[Math.floor(random.next() * anything.length)];
      try {
        happening?.(world, company.desk.now(), random.next());
      } catch {
        // Stripe would refuse it.
      }
    }
    const price = [...world.prices.values()][0]?.id as string;
    const alone = customers.find((one) => !subscribed.has(one) && !world.customers.get(one)?.deleted);
    if (alone) subscribe(world, company.desk.now(), { customer: alone, price });
    minutes(16);
    const before = requests();
    const { id } = await company.decide("apply", found, fin);
    // New rows hold amounts of money.
    await approveBulk(company.desk, id, flo);
    const bulk = await executeBulk(company.desk, id);
    const asked = requests() - before;
    const rows = await company.desk.sql`
      SELECT d.resource, d.kind, d.stripe_id, d.state, d.version, d.fields, d.expected, i.outcome, i.message
      FROM driftdesk.bulk_items i JOIN driftdesk.discrepancies d ON d.id = i.discrepancy_id
      ORDER BY d.resource, d.kind, d.stripe_id, d.local_key`;
    const written =
      await company.local`SELECT customer, status, subscription FROM members ORDER BY customer, id`;
    return {
      asked,
      applied: bulk.applied,
      stale: bulk.stale,
      ended: { rows: [...rows], written: [...written] },
    };
  }

  test.each([1, 2, 3])("the outcome is that of asking for each (seed %i)", async (seed) => {
    const byEvents = await outcome(seed, "15m");
    await company.close();
    const byAsking = await outcome(seed, "5m");
    expect(byEvents.ended).toEqual(byAsking.ended);
    expect(byEvents.stale).toBeGreaterThan(0);
    expect(byEvents.applied).toBeGreaterThan(100);
    expect(byEvents.asked).toBeLessThan(byAsking.asked / 2);
  });
});
