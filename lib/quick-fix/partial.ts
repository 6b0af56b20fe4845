// What a line of an export says about the object that it is about, in the shape in which Stripe would say it. What the line does
// not tell for certain is left out: nobody may conclude anything from it.
import type { StripeType } from "../config/resource.ts";
import { absent, TellsSome, type Told } from "../reconcile/told.ts";
import type { CellValue } from "./words.ts";

export interface Line {
  /** Of the object; that of the local row where the line names none, and null where the row does not either. */
  id: string | null;
  customer: string | null;
  /** By the names that columns.ts gives. */
  values: Readonly<Record<string, CellValue>>;
}

export interface Telling {
  /** How many seconds later than it says a column's time can be: where it is told to the minute. */
  vague: ReadonlyMap<string, number>;
  /** Take these times as late as they can be, not as early. */
  late: boolean;
  /** Properties that Stripe is asked to expand. */
  expand: readonly string[];
}

/** An object of a kind, as far as a line of an export tells it. */
export function partialOf(type: StripeType, line: Line, telling: Telling): Told {
  const read = new Cells(line.values, telling);
  const own = { ...(line.id !== null && { id: line.id }), object: type, metadata: metadataOf(line.values) };
  switch (type) {
    case "subscription":
      return { ...own, ...customerOf(line, telling), ...subscriptionOf(read) };
    case "customer":
      return { ...own, deleted: absent, ...personOf(read, ""), ...customerTimes(read) };
    case "charge":
    case "payment_intent":
      return { ...own, ...customerOf(line, telling), ...paymentOf(type, read) };
    case "payout":
      return {
        ...own,
        ...read.all({
          amount: "amount",
          created: "created",
          arrival_date: "arrival date",
          livemode: "livemode",
        }),
        ...read.lower({ currency: "currency", status: "status" }),
      };
    default:
      return own;
  }
}

/** The money that hangs on what a line is about, in minor units; 0 where it does not say. */
export function stakeOfLine(
  type: StripeType,
  { values }: Line,
): { amountMinor: number; currency: string | null } {
  const currency = typeof values.currency === "string" ? values.currency.toLowerCase() : null;
  const amount = typeof values.amount === "number" ? values.amount : 0;
  if (type !== "subscription") return { amountMinor: type === "customer" ? 0 : amount, currency };
  const quantity = typeof values.quantity === "number" ? values.quantity : 1;
  const months = { day: 12 / 365, week: 12 / 52, year: 12 }[String(values.interval)] ?? 1;
  return { amountMinor: Math.round((amount * quantity) / months), currency };
}

/** Cells under the names that Stripe has for them. An empty one tells nothing unless it is said that it tells of nothing. */
class Cells {
  readonly #values: Line["values"];
  readonly #telling: Telling;
  constructor(values: Line["values"], telling: Telling) {
    this.#values = values;
    this.#telling = telling;
  }

  of(column: string): CellValue | undefined {
    const value = this.#values[column];
    const late = this.#telling.late ? (this.#telling.vague.get(column) ?? 0) : 0;
    return typeof value === "number" ? value + late : value;
  }

  #named(
    names: Readonly<Record<string, string>>,
    told: (value: CellValue) => boolean,
  ): Record<string, CellValue> {
    const found = Object.entries(names).flatMap(([name, column]) => {
      const value = this.of(column);
      return value !== undefined && told(value) ? [[name, value] as const] : [];
    });
    return Object.fromEntries(found);
  }

  all = (names: Readonly<Record<string, string>>) => this.#named(names, (value) => value !== null);
  /** Where an empty cell stands for nothing at Stripe either. */
  orNull = (names: Readonly<Record<string, string>>) => this.#named(names, () => true);
  /** Stripe's own spelling of what has no capitals there. */
  lower = (names: Readonly<Record<string, string>>): Record<string, CellValue> =>
    Object.fromEntries(
      Object.entries(this.all(names)).map(([name, value]) => [
        name,
        typeof value === "string" ? value.toLowerCase() : value,
      ]),
    );
}

function subscriptionOf(read: Cells): Told {
  const plan = String(read.of("plan") ?? "");
  const amount = read.of("amount");
  return {
    ...read.lower({ status: "status", currency: "currency" }),
    ...read.all({ created: "created", start_date: "start date" }),
    ...read.orNull({
      canceled_at: "canceled at",
      ended_at: "ended at",
      trial_start: "trial start",
      trial_end: "trial end",
    }),
    ...(typeof read.of("cancellation reason") === "string" && {
      cancellation_details: read.all({ reason: "cancellation reason" }),
    }),
    items: {
      // The line tells of one, and there may be others.
      data: new TellsSome({
        ...read.all({
          quantity: "quantity",
          current_period_start: "current period start",
          current_period_end: "current period end",
        }),
        price: {
          // What else people see as a plan may be its name.
          ...(/^(price|plan)_\w+$/.test(plan) && { id: plan }),
          ...(/^prod_\w+$/.test(String(read.of("product") ?? "")) && { product: String(read.of("product")) }),
          ...read.lower({ currency: "currency" }),
          // Tiers, and what costs less than a cent, have no amount of their own at Stripe, and 0 here.
          ...(typeof amount === "number" && amount > 0 && { unit_amount: amount }),
          recurring: read.lower({ interval: "interval" }),
        },
      }),
    },
  };
}

/** A customer's own words; `prefix` of the columns that hold them. */
const personOf = (read: Cells, prefix: string): Told =>
  read.orNull({ email: `${prefix}email`, name: `${prefix}name`, description: `${prefix}description` });

const customerTimes = (read: Cells): Told => read.all({ created: "created", delinquent: "delinquent" });

/** Whose it is, as it stands in an object: the id, or what is known of the customer. */
function customerOf({ customer: id, values }: Line, telling: Telling): Told {
  if (id === null) return {};
  if (!isExpanded(telling)) return { customer: id };
  const person = personOf(new Cells(values, telling), "customer ");
  // One who was deleted has no address any more.
  const here = typeof person.email === "string" ? { ...person, deleted: absent } : {};
  return { customer: { id, object: "customer", ...here } };
}

export const isExpanded = ({ expand }: Pick<Telling, "expand">): boolean =>
  expand.some((path) => path === "customer" || path.startsWith("customer."));

/** What the Dashboard shows as a payment's state, of which Stripe's own are finer. */
const paid = new Map([
  ["paid", { status: "succeeded", paid: true, refunded: false }],
  ["refunded", { status: "succeeded", paid: true, refunded: true }],
  ["failed", { status: "failed", paid: false, refunded: false }],
]);

function paymentOf(type: "charge" | "payment_intent", read: Cells): Told {
  const shown = paid.get(String(read.of("status")).toLowerCase());
  const mode = String(read.of("mode")).toLowerCase();
  const common = {
    ...read.all({ amount: "amount", created: "created date" }),
    ...read.lower({ currency: "currency" }),
    ...read.orNull({ description: "description" }),
    ...(["live", "test"].includes(mode) && { livemode: mode === "live" }),
  };
  // How an intent came to fail is told by several of its states.
  if (type === "payment_intent") return shown?.paid ? { ...common, status: shown.status } : common;
  return {
    ...common,
    ...shown,
    ...read.all({ amount_refunded: "amount refunded", captured: "captured" }),
    ...(read.of("payment source type") === "card" && { payment_method_details: { type: "card" } }),
  };
}

function metadataOf(values: Line["values"]): Told {
  const prefix = "metadata.";
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) =>
      name.startsWith(prefix) && value !== null ? [[name.slice(prefix.length), String(value)] as const] : [],
    ),
  );
}
