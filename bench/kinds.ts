// The kinds of objects that the benchmarks compare, each with a table that mirrors it but for a known share.
import type Stripe from "stripe";
import { quoteName } from "../lib/local/catalog.ts";
import type { Row } from "../sandbox/example/load.ts";
import type { World } from "../sandbox/world/index.ts";
import type { Shelf } from "../sandbox/world/shelf.ts";

export const kinds = ["subscriptions", "customers", "invoices", "charges"] as const;
export type Kind = (typeof kinds)[number];

interface Table<T extends { id: string }> {
  shelf: (world: World) => Shelf<T>;
  /** Column → type. */
  columns: Record<string, string>;
  /** The row of the i-th object, without `id`, `stripe_id` and `updated_at`. */
  row: (object: T, differs: boolean) => Row;
}

const table = <T extends { id: string }>(one: Table<T>): Table<never> => one as unknown as Table<never>;

const idOf = (reference: string | { id: string } | null | undefined) =>
  typeof reference === "object" ? (reference?.id ?? null) : (reference ?? null);
const at = (seconds: number | null | undefined) => (seconds ? new Date(seconds * 1_000) : null);

export const tables: Record<Kind, Table<never>> = {
  subscriptions: table<Stripe.Subscription>({
    shelf: (world) => world.subscriptions,
    columns: {
      customer: "text",
      status: "text",
      price: "text",
      amount: "bigint",
      current_period_end: "timestamptz",
    },
    row: (s, differs) => ({
      customer: idOf(s.customer),
      status: differs ? (s.status === "active" ? "past_due" : "active") : s.status,
      price: s.items.data[0]?.price.id ?? null,
      amount: s.items.data[0]?.price.unit_amount ?? null,
      current_period_end: at(s.items.data[0]?.current_period_end),
    }),
  }),
  customers: table<Stripe.Customer>({
    shelf: (world) => world.customers as unknown as Shelf<Stripe.Customer>,
    columns: {
      email: "text",
      name: "text",
      delinquent: "boolean",
      balance: "bigint",
      created_at: "timestamptz",
    },
    row: (c, differs) => ({
      email: c.email,
      name: differs ? `${c.name} (old)` : (c.name ?? null),
      delinquent: c.delinquent ?? null,
      balance: c.balance,
      created_at: at(c.created),
    }),
  }),
  invoices: table<Stripe.Invoice>({
    shelf: (world) => world.invoices,
    columns: {
      customer: "text",
      status: "text",
      total: "bigint",
      amount_paid: "bigint",
      created_at: "timestamptz",
    },
    row: (invoice, differs) => ({
      customer: idOf(invoice.customer),
      status: differs ? (invoice.status === "paid" ? "open" : "paid") : invoice.status,
      total: invoice.total,
      amount_paid: invoice.amount_paid,
      created_at: at(invoice.created),
    }),
  }),
  charges: table<Stripe.Charge>({
    shelf: (world) => world.charges,
    columns: {
      customer: "text",
      status: "text",
      amount: "bigint",
      refunded: "boolean",
      created_at: "timestamptz",
    },
    row: (charge, differs) => ({
      customer: idOf(charge.customer),
      status: differs ? (charge.status === "succeeded" ? "failed" : "succeeded") : charge.status,
      amount: charge.amount,
      refunded: charge.refunded,
      created_at: at(charge.created),
    }),
  }),
};

/** The table of a kind in the i-th account. */
export const tableOf = (kind: Kind, account: number) => (account === 0 ? kind : `${kind}_${account + 1}`);

export const createTable = (kind: Kind, name: string = kind) => `
  CREATE TABLE ${name} (
    id text PRIMARY KEY, stripe_id text, updated_at timestamptz,
    ${Object.entries(tables[kind].columns)
      .map(([name, type]) => `${quoteName(name)} ${type}`)
      .join(", ")})`;

/** One row in a hundred differs, as after a bad week; one in ten thousand is missing on either side. */
const driftOf = (i: number) => ({ differs: i % 100 === 7, missing: i % 10_000 === 4_321 });

export function rowsOf(kind: Kind, objects: readonly { id: string }[]): Row[] {
  const updatedAt = new Date();
  return objects.map((object, i) => ({
    id: `row_${i}`,
    stripe_id: driftOf(i).missing ? `${object.id}_gone` : object.id,
    updated_at: updatedAt,
    ...tables[kind].row(object as never, driftOf(i).differs),
  }));
}
