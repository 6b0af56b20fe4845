// A table of one row per subscription, with every oddity that a table of a user's own may have.
import type { Sql } from "postgres";
import type Stripe from "stripe";
import { periodEnd, plan, unitAmount } from "./accounts.config.ts";

const statuses = "active canceled incomplete incomplete_expired past_due paused trialing unpaid".split(" ");

/** Quoted as SQL. */
export const accountsTable = '"Odd schema"."Customer ""Accounts"""';

export async function createAccounts(
  local: Sql,
  subscriptions: readonly Stripe.Subscription[],
): Promise<void> {
  await local.unsafe(`
    CREATE SCHEMA "Odd schema";
    CREATE TYPE "Odd schema"."Sub Status" AS ENUM (${statuses.map((status) => `'${status}'`).join(", ")});
    CREATE TABLE ${accountsTable} (
      "the key" serial PRIMARY KEY, "stripe ""id""" varchar(255), label text, "the status" "Odd schema"."Sub Status",
      amount bigint, price numeric(10,2), renews timestamptz, plan json, note text,
      gone boolean NOT NULL DEFAULT false, "Updated At" timestamptz)`);
  const rows = subscriptions.map((s) => ({
    id: s.id,
    label: `Account of ${s.customer}`,
    status: s.status,
    amount: unitAmount(s),
    renews: periodEnd(s),
    // As another program writes JSON: with its own blanks and order.
    plan: JSON.stringify(Object.fromEntries(Object.entries(plan(s)).reverse()), null, 1),
    note: String(s.customer).toUpperCase(),
  }));
  await local.unsafe(
    `INSERT INTO ${accountsTable} ("stripe ""id""", label, "the status", amount, price, renews, plan, note)
     SELECT id, label, status::"Odd schema"."Sub Status", amount, amount / 100.0, renews, plan::json, note
     FROM jsonb_to_recordset($1::text::jsonb)
       AS r (id text, label text, status text, amount bigint, renews timestamptz, plan text, note text)`,
    [JSON.stringify(rows)],
  );
}
