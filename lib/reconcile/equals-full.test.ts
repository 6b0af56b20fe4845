// What incremental runs promise: while everything changes on both sides and runs go on, nothing is missed. Once it is
// quiet, one more of them leaves the same discrepancies as a full run.
import type Stripe from "stripe";
import { afterEach, expect, test } from "vitest";
import { createExample } from "../../sandbox/example/create.ts";
import everyType from "../../sandbox/example/every-type.config.ts";
import { openTestDesk, type TestDesk } from "../../sandbox/testing.ts";
import { run } from "../../sandbox/testing-runs.ts";
import { anything } from "../../sandbox/world/changes/anything.ts";
import { passTime } from "../../sandbox/world/changes/time.ts";
import { Random } from "../../sandbox/world/random.ts";
import { generateWorld, happen, type World } from "../../sandbox/world/world.ts";
import { defineConfig } from "../config/define.ts";

const start = new Date("2026-11-24T12:00:00Z");

/** Every kind of object and of match: beside the example's, rows that belong to an address. */
const config = defineConfig({
  ...everyType,
  resources: {
    ...everyType.resources,
    contacts: {
      stripe: "customer",
      table: "contacts",
      key: "id",
      match: { column: "address", by: "customerEmail" },
      updatedAt: "updated_at",
      fields: { name: "name", delinquent: "delinquent" },
    },
    // Guests' payments too: the newest that an address has.
    buyers: {
      stripe: "charge",
      table: "buyers",
      key: "id",
      match: { column: "address", by: "customerEmail" },
      updatedAt: "updated_at",
      fields: { charge: "id", refunded: "amount_refunded" },
    },
  },
  pace: { requestsPerSecond: 10_000, perEndpoint: 10_000 },
});

interface Company extends TestDesk {
  world: World;
  random: Random;
  now: () => Date;
  pass(seconds: number): void;
}

let company: Company | undefined;
afterEach(async () => {
  await company?.close();
  company = undefined;
});

async function openCompany(seed: number): Promise<Company> {
  let now = start;
  const world = generateWorld({ seed, customers: 50, now, invoicesPerSubscription: 2 });
  const opened = await openTestDesk({ world, config, now: () => now, databases: seed % 2 === 0 ? 2 : 1 });
  company = {
    ...opened,
    world,
    random: new Random(seed + 1),
    now: () => now,
    pass: (seconds) => {
      now = new Date(now.getTime() + seconds * 1_000);
      passTime(world, now);
    },
  };
  guests(company);
  await createExample(opened.local, world, { seed, now, drift: 0.05 });
  await opened.local.unsafe(`
    CREATE TABLE contacts (id serial PRIMARY KEY, address text, name text, delinquent boolean, updated_at timestamptz DEFAULT now());
    CREATE TABLE buyers (id serial PRIMARY KEY, address text, charge text, refunded bigint, updated_at timestamp DEFAULT now());
    INSERT INTO contacts (address, name, delinquent) SELECT email, name, delinquent FROM billing_profiles;
    INSERT INTO buyers (address, charge) SELECT email, 'ch_old' FROM billing_profiles`);
  await opened.grant();
  return company;
}

/** Payments without a customer, some by somebody who is a customer as well; addresses as people write them. */
function guests({ world, now }: Pick<Company, "world" | "now">): void {
  const [known] = [...world.customers.values()].filter(
    (one): one is Stripe.Customer => !one.deleted && !!one.email,
  );
  const paid = [...world.charges.values()].filter((one) => one.paid).slice(0, 6);
  paid.forEach((charge, i) => {
    const email =
      i < 3 ? "Guest@Example.com" : i < 5 ? (known?.email ?? "").toUpperCase() : "other@example.com";
    guestPays(world, now(), { ...charge, id: `ch_guest${i}` }, email);
  });
}

function guestPays(world: World, now: Date, like: Stripe.Charge, email: string): void {
  const created = Math.floor(now.getTime() / 1000);
  const guest = world.charges.put({
    ...like,
    created,
    customer: null,
    payment_intent: null,
    billing_details: { ...like.billing_details, email },
  });
  happen(world, "charge.succeeded", created, guest);
}

/** Tables whose rows somebody edits, and a column of each that is compared. */
const edits: readonly (readonly [table: string, key: string, change: string])[] = [
  ["customer_accounts", "id", "subscription_status = 'past_due'"],
  ["customer_accounts", "id", "seats = seats + 1"],
  ["customer_accounts", "id", "deleted_at = now()"],
  ["users", "id", "subscription_status = 'canceled'"],
  ["users", "id", "plan = 'pro'"],
  ["invoices", "id", "amount_due = amount_due + 1"],
  ["payments", "id", "status = 'failed'"],
  ["refunds", "id", "reason = 'by hand'"],
  ["disputes", "id", "status = 'lost'"],
  ["payouts", "payout_id", "state = 'failed'"],
  ["billing_profiles", "id", "name = 'Somebody Else'"],
  ["checkouts", "id", "state = 'canceled'"],
  ["contacts", "id", "delinquent = NOT delinquent"],
  ["contacts", "id", "address = upper(address)"],
  ["buyers", "id", "refunded = 1"],
];

/** A row that says when it was changed. */
async function edit(c: Company): Promise<void> {
  const [table, key, change] = c.random.pick(edits);
  const [row] = await c.local.unsafe(
    `SELECT ${key}::text AS key FROM ${table} ORDER BY md5(${key}::text || $1) LIMIT 1`,
    [String(c.random.next())],
  );
  if (row)
    await c.local.unsafe(
      `UPDATE ${table} SET ${change}, updated_at = clock_timestamp() WHERE ${key}::text = $1`,
      [row.key],
    );
}

/** A row that came by, as a webhook would add it or as somebody adds it twice. */
async function copy(c: Company): Promise<void> {
  const [table, columns] = c.random.pick([
    ["contacts", "address, name, delinquent"],
    ["refunds", "stripe_refund_id, charge, status, amount, currency, reason"],
    ["invoices", "stripe_invoice_id, number, status, amount_due, amount_paid, currency"],
  ] as const);
  await c.local.unsafe(
    `INSERT INTO ${table} (${columns}, updated_at) SELECT ${columns}, clock_timestamp() FROM ${table} ORDER BY md5(id::text || $1) LIMIT 1`,
    [String(c.random.next())],
  );
}

/** Somebody corrects, spoils or removes the row of a difference, and nothing says when. */
async function repair(c: Company): Promise<void> {
  const open = await c.desk.sql<
    { resource: string; key: string; fields: { name: string; stripe: string | null }[] }[]
  >`
    SELECT resource, local_key AS key, fields FROM driftdesk.discrepancies
    WHERE state = 'open' AND local_key IS NOT NULL ORDER BY id`;
  if (open.length === 0) return;
  const { resource: name, key, fields } = c.random.pick(open);
  const resource = c.desk.config.resources.find((one) => one.name === name);
  if (!resource) return;
  const table = `"${resource.table.schema}"."${resource.table.name}"`;
  const where = `WHERE "${resource.key}"::text = $1`;
  const [field] = fields;
  if (c.random.chance(0.2) || !field) await c.local.unsafe(`DELETE FROM ${table} ${where}`, [key]);
  else
    await c.local
      .unsafe(
        `UPDATE ${table} SET "${field.name}" = (SELECT v."${field.name}" FROM jsonb_populate_record(NULL::${table}, $2::text::jsonb) v) ${where}`,
        [key, JSON.stringify({ [field.name]: field.stripe })],
      )
      // A value that the table refuses.
      .catch(() => {});
}

async function something(c: Company): Promise<void> {
  const kind = c.random.weighted({ stripe: 60, edit: 20, copy: 5, repair: 15, guest: 3 });
  if (kind === "edit") await edit(c);
  else if (kind === "copy") await copy(c);
  else if (kind === "repair") await repair(c);
  else {
    try {
      if (kind === "stripe") c.random.pick(anything)(c.world, c.now(), c.random.next());
      else {
        const like = c.world.charges.newestFirst()[0] as Stripe.Charge;
        guestPays(
          c.world,
          c.now(),
          { ...like, id: c.random.id("ch_3", 23) },
          c.random.pick(["guest@example.com", "some@example.com"]),
        );
      }
    } catch {
      // Stripe refuses it.
    }
  }
}

/** Everything that is open, but for numbers and times. */
const open = async ({ desk }: Company) =>
  (
    await desk.sql<{ line: string }[]>`
      SELECT jsonb_build_array(resource, kind, stripe_id, local_key, match, label, fields, expected, observed, row_error, impact,
                               amount_minor, currency, change)::text AS line
      FROM driftdesk.discrepancies WHERE state = 'open' ORDER BY 1`
  ).map((row) => row.line);

test.each([1, 2])("whatever happens while runs go on, nothing is missed (seed %i)", async (seed) => {
  const c = await openCompany(seed);
  const first = await run(c.desk, { mode: "incremental" });
  expect(first).toMatchObject({
    state: "succeeded",
    mode: "full",
    message: expect.stringContaining("no run had read it"),
  });
  for (let round = 0; round < 3; round++) {
    c.pass(c.random.int(30, 5_000));
    for (let i = 0; i < 12; i++) await something(c);
    const running = run(c.desk, { mode: "incremental" });
    let over = false;
    void running.finally(() => {
      over = true;
    });
    for (let i = 0; i < 8 && !over; i++) {
      const served = c.sandbox.counts.total + c.random.int(1, 6);
      while (!over && c.sandbox.counts.total < served) await new Promise(setImmediate);
      c.pass(c.random.int(1, 20));
      await something(c);
    }
    expect(await running).toMatchObject({ state: "succeeded", mode: "incremental", message: null });
  }
  c.pass(60);
  expect(await run(c.desk, { mode: "incremental" })).toMatchObject({
    state: "succeeded",
    mode: "incremental",
    message: null,
  });
  const found = await open(c);
  expect(found.length).toBeGreaterThan(20);
  c.pass(60);
  expect(await run(c.desk)).toMatchObject({ state: "succeeded", mode: "full" });
  expect(found).toEqual(await open(c));
});
