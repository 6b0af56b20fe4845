// The example company in a real database: loaded as planned, and a table that people can go on with.
import { afterEach, expect, test } from "vitest";
import { type FreshDatabase, freshDatabase } from "../../lib/db/testing.ts";
import { generateWorld } from "../world/index.ts";
import { createExample, planExample } from "./create.ts";

const now = new Date("2026-11-24T12:00:00Z");
let database: FreshDatabase | undefined;
afterEach(() => database?.drop());

test("every planned row is there, and new ones find a key", async () => {
  database = await freshDatabase();
  const { sql } = database;
  const options = { seed: 12, now };
  const world = () => generateWorld({ seed: 12, customers: 80, now });
  const plan = planExample(world(), options);
  expect(await createExample(sql, world(), options)).toEqual(plan.planted);
  for (const [table, rows] of [...Object.entries(plan.tables), ["stripe_events", plan.log] as const]) {
    const [counted] = await sql`SELECT count(*)::int AS count FROM ${sql(table)}`;
    expect({ table, rows: counted?.count }).toEqual({ table, rows: rows.length });
  }
  const [account] = await sql`
    INSERT INTO customer_accounts (customer_email, subscription_status) VALUES ('new@example.com', 'active')
    RETURNING id::int, plan, updated_at`;
  expect(account?.id).toBeGreaterThan(Math.max(...plan.tables.customer_accounts.map(({ id }) => id)));
  expect(account).toMatchObject({ plan: "free", updated_at: expect.any(Date) });
});

test("values arrive as they were planned, whatever is in them", async () => {
  database = await freshDatabase();
  const { sql } = database;
  const world = generateWorld({ seed: 13, customers: 40, now });
  const plan = planExample(world, { seed: 13, now });
  await createExample(sql, generateWorld({ seed: 13, customers: 40, now }), { seed: 13, now });
  const rows = await sql`
    SELECT stripe_invoice_id, number, status, amount_due::int, amount_paid, paid, issued_on::text, lines, metadata,
           updated_at
    FROM invoices ORDER BY id`;
  expect([...rows].map((row) => ({ ...row, amount_paid: Number(row.amount_paid) }))).toEqual(
    plan.tables.invoices.map((row) => ({
      stripe_invoice_id: row.stripe_invoice_id,
      number: row.number,
      status: row.status,
      amount_due: row.amount_due,
      amount_paid: Number(row.amount_paid),
      paid: row.paid,
      issued_on: row.issued_on,
      lines: row.lines,
      metadata: row.metadata,
      updated_at: row.updated_at,
    })),
  );
  const names = await sql<{ name: string }[]>`SELECT name FROM users ORDER BY id`;
  expect(names.map(({ name }) => name).sort()).toEqual(plan.tables.users.map(({ name }) => name).sort());
});
