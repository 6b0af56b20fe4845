// What the columns of the Dashboard's exports are called and hold. Whoever exports picks the columns and their order, so
// nothing goes by position.
import type { StripeType } from "../config/resource.ts";

export const exportKinds = ["subscriptions", "customers", "payments", "payouts"] as const;
export type ExportKind = (typeof exportKinds)[number];

/** How a cell is read. `left`: it is known, and nothing in Stripe's API is called that. */
export type CellType =
  | "id"
  | "text"
  | "email"
  | "currency"
  | "time"
  | "day"
  | "money"
  | "whole"
  | "flag"
  | "left";

export interface Column {
  /** How rows name it. */
  name: string;
  type: CellType;
}

/** What a row of a kind is about, by its id. */
export const typesOf: Record<ExportKind, readonly StripeType[]> = {
  subscriptions: ["subscription"],
  customers: ["customer"],
  payments: ["charge", "payment_intent"],
  payouts: ["payout"],
};

const subscriptions = {
  id: "id",
  "customer id": "id",
  "customer description": "text",
  "customer email": "email",
  "customer name": "text",
  plan: "text",
  product: "text",
  quantity: "whole",
  currency: "currency",
  interval: "text",
  amount: "money",
  status: "text",
  created: "time",
  start: "time",
  "start date": "time",
  "current period start": "time",
  "current period end": "time",
  "trial start": "time",
  "trial end": "time",
  "canceled at": "time",
  "ended at": "time",
  "cancellation reason": "text",
} as const;

const customers = {
  id: "id",
  description: "text",
  email: "email",
  name: "text",
  created: "time",
  delinquent: "flag",
  plan: "text",
  status: "text",
  // Sums over all of a customer's currencies, and no property of a customer.
  "total spend": "left",
  "payment count": "left",
  "refunded volume": "left",
  "dispute losses": "left",
} as const;

const payments = {
  id: "id",
  "created date": "time",
  amount: "money",
  "amount refunded": "money",
  currency: "currency",
  captured: "flag",
  "converted amount": "left",
  "converted amount refunded": "left",
  "converted currency": "left",
  fee: "left",
  "is link": "left",
  mode: "text",
  "payment source type": "text",
  status: "text",
  "taxes on fee": "left",
  description: "text",
  "customer id": "id",
  "customer email": "email",
  "invoice id": "id",
  transfer: "text",
} as const;

const payouts = {
  id: "id",
  amount: "money",
  created: "time",
  currency: "currency",
  livemode: "flag",
  "arrival date": "day",
  status: "text",
} as const;

const known: Record<ExportKind, Readonly<Record<string, CellType>>> = {
  subscriptions,
  customers,
  payments,
  payouts,
};

/** A header as it is looked up: exports write it with "(UTC)" and in their own capitals. */
export const spelledHeader = (header: string): string =>
  header
    .trim()
    .toLowerCase()
    .replace(/\s+/g, " ")
    .replace(/ \(utc\)$/, "");

/** The Dashboard can export times of any zone, and names it. */
const isUtc = (header: string): boolean => / \(utc\)$/i.test(header.trim().replace(/\s+/g, " "));

/** Whether a header is one of times whose zone is another, or not told. */
export const isOtherZone = (kind: ExportKind, header: string): boolean => {
  const name = spelledHeader(header).replace(/ \([^()]*\)$/, "");
  return !isUtc(header) && typeOf(kind, name) === "time" && columnOf(kind, header) === null;
};

/** The column that a header stands for, or null. What people call their metadata keeps its capitals. */
export function columnOf(kind: ExportKind, header: string): Column | null {
  const metadata = /^(.+) \(metadata\)$/i.exec(header.trim())?.[1];
  if (metadata !== undefined) return { name: `metadata.${metadata}`, type: "text" };
  const name = spelledHeader(header);
  const type = typeOf(kind, name);
  if (type === null || (type === "time" && !isUtc(header))) return null;
  return { name, type };
}

const typeOf = (kind: ExportKind, name: string): CellType | null =>
  Object.hasOwn(known[kind], name) ? (known[kind][name] ?? null) : null;

/** Kinds by how many of the headers are theirs, the best first; those that share it stand together. */
export function kindsByHeaders(headers: readonly string[]): { kind: ExportKind; known: number }[] {
  return exportKinds
    .map((kind) => ({ kind, known: headers.filter((header) => columnOf(kind, header) !== null).length }))
    .sort((a, b) => b.known - a.known);
}
