// What Stripe says of a key: found through the mapping, reduced to the one object that counts, in the local words.
import type { Sql } from "postgres";
import type { Resource, StripeObject } from "../config/resource.ts";
import type { Desk } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";
import { type LocalTable, quoteName, quoteTable } from "../local/catalog.ts";
import { encodeValue } from "../local/encode.ts";
import { customersWith, objectsOfCustomer, readCurrent } from "../reconcile/current.ts";
import { condition } from "../reconcile/local-rows.ts";
import { columnOf, customerIdOf, type Projected, projectObject } from "../reconcile/project.ts";
import type { Known } from "./answer.ts";
import type { Answering } from "./answering.ts";
import type { Key } from "./key.ts";

export interface Asked {
  known: Known;
  /** The object that counts. */
  object: StripeObject | null;
  /** Whom the answer is about: also those who have nothing. */
  customers: string[];
}

type Asking = Pick<Desk, "local" | "stripe" | "config">;

/** Asks Stripe. Throws what the reader throws, and what the user's database does. */
export async function askStripe(
  desk: Asking,
  resource: Answering,
  table: LocalTable,
  key: Key,
): Promise<Asked> {
  const { objects, customers } = await objectsOf(desk, resource, table, key);
  const { plan, periodEnd } = desk.config.status;
  const wanted = [resource.access.field, plan, periodEnd];
  const ranked: Resource = {
    ...resource,
    // Several can only be told apart by rank, also where rows stand for one object each.
    match: { ...resource.match, by: "customer" },
    fields: resource.fields.filter((field) => wanted.includes(field.column)),
  };
  const [counts] = objects
    .map((object) => ({ object, row: projectObject(ranked, table, object) }))
    .sort((a, b) => inOrder(a.row, b.row));
  const known = counts
    ? knownOf(desk, { ...resource, fields: ranked.fields }, counts.object, counts.row)
    : nothing(resource, table, customers.length === 1 ? (customers[0] as string) : null);
  const all = new Set([...customers, ...objects.flatMap((object) => customerIdOf(object) ?? [])]);
  return { known, object: counts?.object ?? null, customers: [...all] };
}

/** The lowest rank, then the newest: the rule of every run. */
const inOrder = (a: Projected, b: Projected): number =>
  a.rank - b.rank || b.created - a.created || (a.stripeId < b.stripeId ? 1 : -1);

interface Found {
  objects: StripeObject[];
  customers: string[];
}

async function objectsOf(
  { local, stripe }: Asking,
  resource: Resource,
  table: LocalTable,
  { by, text }: Key,
): Promise<Found> {
  const { match } = resource;
  if (by === "customer")
    return { objects: await objectsOfCustomer(stripe, resource, text), customers: [text] };
  const row =
    by === "local" || labels(resource, table) ? await rowOf(local, resource, table, { by, text }) : null;
  if (row !== null && match.by !== "customerEmail") {
    const objects = await readCurrent(stripe, resource, { by: match.by, match: row });
    return { objects, customers: match.by === "customer" ? [row] : [] };
  }
  const address = by === "email" ? text : row;
  if (address === null) return { objects: [], customers: [] };
  // Stripe tells upper and lower case apart.
  const customers = await customersWith(stripe, [address, address.toLowerCase()]);
  const objects = await Promise.all(customers.map((one) => objectsOfCustomer(stripe, resource, one)));
  return { objects: objects.flat(), customers };
}

/** Whether a row is found by an address without reading the whole table. */
const labels = ({ label }: Resource, table: LocalTable): boolean =>
  label !== undefined && table.uniqueColumns.has(label);

/** What the row stands for at Stripe, as it is written there; null when there is no such row, or it names nothing. */
async function rowOf(
  local: Sql,
  resource: Resource,
  table: LocalTable,
  { by, text }: Key,
): Promise<string | null> {
  const column = `t.${quoteName(resource.match.column)}::text`;
  const which =
    by === "local"
      ? condition({ resource, table }, "key")
      : `t.${quoteName(resource.label as string)} = ANY($1::text[])`;
  try {
    const rows = await local.unsafe<{ match: string | null }[]>(
      `SELECT nullif(btrim(${column}), '') AS match FROM ${quoteTable(table)} t
       WHERE ${which} AND (${resource.where ?? "true"}
       ) LIMIT 1`,
      [[text]],
    );
    return rows[0]?.match ?? null;
  } catch (error) {
    // A key that the column's type cannot be is a row that there is not.
    if (by === "local" && isDataError(error)) return null;
    throw error;
  }
}

/** SQLSTATE class 22, data exception. */
const isDataError = (error: unknown): boolean =>
  error instanceof Error && "code" in error && typeof error.code === "string" && error.code.startsWith("22");

function knownOf(
  { config: { status } }: Asking,
  resource: Answering,
  object: StripeObject,
  row: Projected,
): Known {
  const columnValue = (column: string): string | null =>
    row.values[resource.fields.findIndex((field) => field.column === column)] ?? null;
  const { field, granted } = resource.access;
  const failed = new Set(row.failed);
  const value = columnValue(field);
  return {
    found: true,
    customer: row.customerId,
    stripeId: row.stripeId,
    status: value,
    plan: status.plan === undefined ? priceOf(object) : columnValue(status.plan),
    periodEnd: status.periodEnd === undefined ? periodEndOf(object) : columnValue(status.periodEnd),
    access: failed.has(field) ? null : value !== null && granted.includes(value),
    problem: row.error,
  };
}

const firstItem = (object: StripeObject) =>
  object.object === "subscription" ? object.items.data[0] : undefined;

const priceOf = (object: StripeObject): string | null => firstItem(object)?.price.id ?? null;

function periodEndOf(object: StripeObject): string | null {
  const seconds = firstItem(object)?.current_period_end;
  return seconds === undefined ? null : new Date(seconds * 1000).toISOString();
}

/** What is true of somebody of whom Stripe has nothing: what the mapping writes into their row. */
function nothing(resource: Answering, table: LocalTable, customer: string | null): Known {
  const { field, granted } = resource.access;
  const set = resource.missingInStripe === "report" ? {} : resource.missingInStripe.set;
  const status = encodeValue(set[field], columnOf(table, field));
  return {
    found: false,
    customer,
    stripeId: null,
    status,
    plan: null,
    periodEnd: null,
    access: status !== null && granted.includes(status),
    problem: null,
  };
}

/** Whether it is Stripe that could not be asked, rather than anything of ours. */
export const isStripes = (error: unknown): boolean =>
  error instanceof DriftdeskError && error.code.startsWith("stripe_");

/** Whether Stripe did answer, if only that it does not take the question. */
export const wasAnswered = (error: unknown): boolean =>
  error instanceof DriftdeskError && ["stripe_request_invalid", "stripe_cursor_gone"].includes(error.code);
