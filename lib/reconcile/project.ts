import type Stripe from "stripe";
import type { Field, Resource, StripeObject } from "../config/resource.ts";
import { DriftdeskError } from "../errors.ts";
import type { LocalColumn, LocalTable } from "../local/catalog.ts";
import { encodeValue } from "../local/encode.ts";
import { finalSince } from "./settled-states.ts";
import { stakeOf } from "./stake.ts";

/** What the local row should hold, from one Stripe object. Values are Postgres text, in the order of `resource.fields`. */
export interface Projected {
  stripeId: string;
  /** What the local match column should say; null when the object belongs to nobody we could match. */
  match: string | null;
  customerId: string | null;
  label: string | null;
  /** Unix seconds. */
  created: number;
  rank: number;
  amountMinor: number;
  currency: string | null;
  /** Since when the object has been in a final state, Unix seconds; null when it is not, or nobody asks. */
  finalSince: number | null;
  values: (string | null)[];
  /** Columns that could not be projected; they are not compared. */
  failed: string[] | null;
  error: string | null;
}

/** Projects an object through the mapping. Never throws for what the object holds: that is an error of its row. */
export function projectObject(resource: Resource, table: LocalTable, object: StripeObject): Projected {
  const failed: string[] = [];
  const errors: string[] = [];
  const values = resource.fields.map((field) => {
    try {
      return projectField(field, columnOf(table, field.column), object);
    } catch (error) {
      failed.push(field.column);
      errors.push(`${field.column}: ${error instanceof Error ? error.message : String(error)}`);
      return null;
    }
  });
  let rank = 0;
  if (resource.match.by !== "id")
    try {
      rank = rankOf(resource, object);
    } catch (error) {
      // Whether it is the one that counts is unknown, so nothing may be concluded: it is chosen, and not compared.
      rank = Number.NEGATIVE_INFINITY;
      failed.splice(0, failed.length, ...resource.fields.map((field) => field.column));
      errors.push(`choose: ${error instanceof Error ? error.message : String(error)}`);
    }
  return {
    stripeId: object.id,
    match: matchOf(resource, object),
    customerId: customerIdOf(object),
    label: labelOf(object),
    created: object.created,
    rank,
    ...stakeOf(object),
    finalSince: resource.settled ? finalSince(object) : null,
    values,
    failed: failed.length > 0 ? failed : null,
    error: errors.length > 0 ? errors.join("; ") : null,
  };
}

export function rankOf(resource: Resource, object: StripeObject): number {
  const rank: unknown = resource.choose(object as never);
  if (typeof rank === "number" && !Number.isNaN(rank)) return rank;
  throw new DriftdeskError("rank_missing", `it answered ${String(rank)} instead of a number`);
}

export function columnOf(table: LocalTable, name: string): LocalColumn {
  const column = table.columns.get(name);
  if (!column)
    throw new DriftdeskError(
      "mapping_broken",
      `Table ${table.schema}.${table.name} has no column "${name}". Run \`driftdesk check\` and correct the mapping.`,
    );
  return column;
}

export function projectField(field: Field, column: LocalColumn, object: StripeObject): string | null {
  const raw: unknown = field.from(object as never);
  if (field.values === undefined) return encodeValue(raw, column);
  if (raw === null || raw === undefined) return null;
  const key = String(raw);
  if (!Object.hasOwn(field.values, key))
    throw new DriftdeskError(
      "value_not_mapped",
      `Stripe says ${JSON.stringify(key)}, which the mapping's values do not name`,
    );
  return encodeValue(field.values[key], column);
}

function matchOf(resource: Resource, object: StripeObject): string | null {
  switch (resource.match.by) {
    case "id":
      return object.id;
    case "customer":
      return customerIdOf(object);
    case "customerEmail":
      return emailOf(object)?.trim().toLowerCase() || null;
  }
}

function customerOf(object: StripeObject): string | Stripe.Customer | Stripe.DeletedCustomer | null {
  if (object.object === "customer") return object;
  return "customer" in object ? (object.customer ?? null) : null;
}

export function customerIdOf(object: StripeObject): string | null {
  const customer = customerOf(object);
  return typeof customer === "string" ? customer : (customer?.id ?? null);
}

function emailOf(object: StripeObject): string | null {
  const customer = customerOf(object);
  if (customer !== null && typeof customer !== "string" && !customer.deleted) return customer.email;
  if (object.object === "invoice") return object.customer_email;
  return object.object === "charge" ? object.billing_details.email : null;
}

function labelOf(object: StripeObject): string | null {
  const customer = customerOf(object);
  const name = customer !== null && typeof customer !== "string" && !customer.deleted ? customer.name : null;
  return emailOf(object) ?? name ?? null;
}
