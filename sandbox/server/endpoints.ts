// Which lists there are, and what each of them can be filtered by. Stripe refuses what is not in here, and so do we.
import type { Shelf } from "../world/shelf.ts";
import { day } from "../world/times.ts";
import type { World } from "../world/world.ts";
import { invalid } from "./refusal.ts";

export type Wire = { id: string };
type Test = (object: Wire) => boolean;

interface Filter {
  test: (value: string) => Test;
  /** The property that must have the value, when the filter is as simple as that. */
  property?: string;
  /** Where the object that the value names has to be. */
  names?: { of: string; shelf: (world: World) => Shelf<Wire> };
}

export interface Endpoint {
  /** The `object` of its objects. */
  type: string;
  /** As Stripe calls one in its messages. */
  name: string;
  /** Permission of a restricted key. */
  permission: string;
  shelf: (world: World) => Shelf<Wire>;
  filters: Record<string, Filter>;
  /** Parameters that come as lists (`types[]`). */
  listFilters?: Record<string, (values: string[]) => Test>;
  /** Properties that can be narrowed by gt, gte, lt and lte, besides `created`. */
  ranges?: Record<string, (object: Wire) => unknown>;
  /** Not even by `created`, as nearly all others can be. */
  undated?: true;
  /** What is left out when a filter is not given. */
  unless?: Record<string, Test>;
  /** What a list never shows. */
  hidden?: (object: Wire, nowSeconds: number) => boolean;
  /** What cannot be retrieved either. */
  forgotten?: (object: Wire, nowSeconds: number) => boolean;
}

const shelf = <T extends Wire>(pick: (world: World) => Shelf<T>) =>
  pick as unknown as (world: World) => Shelf<Wire>;
export const shelves = {
  customers: shelf((world) => world.customers),
  subscriptions: shelf((world) => world.subscriptions),
  invoices: shelf((world) => world.invoices),
  charges: shelf((world) => world.charges),
  paymentIntents: shelf((world) => world.paymentIntents),
  refunds: shelf((world) => world.refunds),
  prices: shelf((world) => world.prices),
  products: shelf((world) => world.products),
};

/** What a table holds under a name that came from outside: `constructor` is not in any. */
export const own = <T>(table: Readonly<Record<string, T>> | undefined, name: string): T | undefined =>
  table && Object.hasOwn(table, name) ? table[name] : undefined;

/** A property however deep, as `items.data.0.price.id`. */
function property(object: Wire, path: string): unknown {
  let value: unknown = object;
  for (const step of path.split("."))
    value =
      value === null || typeof value !== "object" ? undefined : (value as Record<string, unknown>)[step];
  return value;
}

const is = (path: string): Filter => ({
  test: (value) => (object) => String(property(object, path)) === value,
  ...(!path.includes(".") && { property: path }),
});
const named = (path: string, of: string, shelf: (world: World) => Shelf<Wire>): Filter => ({
  ...is(path),
  names: { of, shelf },
});
const oneOf = (param: string, allowed: string, test?: (value: string) => Test): Filter => ({
  test: (value) => {
    const values = allowed.split(" ");
    if (!values.includes(value))
      throw invalid(
        `Invalid ${param}: must be one of ${values.slice(0, -1).join(", ")}, or ${values.at(-1)}`,
        param,
      );
    return test?.(value) ?? ((object) => property(object, param) === value);
  },
});
const yesOrNo = (param: string, test: (yes: boolean) => Test): Filter => ({
  test: (value) => {
    if (value !== "true" && value !== "false") throw invalid(`Invalid boolean: ${value}`, param);
    return test(value === "true");
  },
});
const active = yesOrNo("active", (yes) => (object) => property(object, "active") === yes);
const customer = named("customer", "customer", shelves.customers);
const charge = named("charge", "charge", shelves.charges);
const paymentIntent = named("payment_intent", "payment_intent", shelves.paymentIntents);
const collection = oneOf("collection_method", "charge_automatically send_invoice");

const isOver = (object: Wire) =>
  ["canceled", "incomplete_expired"].includes(String(property(object, "status")));
const older = (days: number) => (object: Wire, now: number) =>
  Number(property(object, "created")) <= now - days * day;

export const endpoints: Record<string, Endpoint> = {
  customers: {
    type: "customer",
    name: "customer",
    permission: "rak_customer_read",
    shelf: shelves.customers,
    // Stripe compares addresses as they are written, upper and lower case apart.
    filters: { email: is("email"), test_clock: is("test_clock") },
    hidden: (object) => property(object, "deleted") === true,
  },
  subscriptions: {
    type: "subscription",
    name: "subscription",
    permission: "rak_subscription_read",
    shelf: shelves.subscriptions,
    filters: {
      customer,
      customer_account: is("customer_account"),
      "automatic_tax[enabled]": yesOrNo(
        "automatic_tax",
        (yes) => (object) => property(object, "automatic_tax.enabled") === yes,
      ),
      test_clock: is("test_clock"),
      price: named("items.data.0.price.id", "price", shelves.prices),
      plan: named("items.data.0.plan.id", "plan", shelves.prices),
      collection_method: collection,
      status: oneOf(
        "status",
        "active past_due unpaid canceled incomplete incomplete_expired trialing paused all ended",
        (value) => (object) =>
          value === "all" || (value === "ended" ? isOver(object) : property(object, "status") === value),
      ),
    },
    ranges: {
      current_period_start: (object) => property(object, "items.data.0.current_period_start"),
      current_period_end: (object) => property(object, "items.data.0.current_period_end"),
    },
    // A list of subscriptions leaves canceled ones out unless it is asked for them.
    unless: { status: (object) => property(object, "status") !== "canceled" },
  },
  invoices: {
    type: "invoice",
    name: "invoice",
    permission: "rak_invoice_read",
    shelf: shelves.invoices,
    filters: {
      customer,
      customer_account: is("customer_account"),
      status: oneOf("status", "draft open paid uncollectible void"),
      collection_method: collection,
      subscription: named("parent.subscription_details.subscription", "subscription", shelves.subscriptions),
    },
    ranges: { due_date: (object) => property(object, "due_date") },
  },
  charges: {
    type: "charge",
    name: "charge",
    permission: "rak_charge_read",
    shelf: shelves.charges,
    filters: { customer, payment_intent: paymentIntent, transfer_group: is("transfer_group") },
  },
  payment_intents: {
    type: "payment_intent",
    name: "payment_intent",
    permission: "rak_payment_intent_read",
    shelf: shelves.paymentIntents,
    filters: { customer, customer_account: is("customer_account") },
  },
  refunds: {
    type: "refund",
    name: "refund",
    permission: "rak_charge_read",
    shelf: shelves.refunds,
    filters: { charge, payment_intent: paymentIntent },
  },
  disputes: {
    type: "dispute",
    name: "dispute",
    permission: "rak_dispute_read",
    shelf: shelf((world) => world.disputes),
    filters: { charge, payment_intent: paymentIntent },
  },
  payouts: {
    type: "payout",
    name: "payout",
    permission: "rak_payout_read",
    shelf: shelf((world) => world.payouts),
    filters: {
      status: oneOf("status", "pending paid failed canceled in_transit"),
      destination: is("destination"),
    },
    ranges: { arrival_date: (object) => property(object, "arrival_date") },
  },
  events: {
    type: "event",
    name: "event",
    permission: "rak_event_read",
    shelf: shelf((world) => world.events),
    filters: {
      type: {
        test: (value) => {
          const begin = value.endsWith("*") ? value.slice(0, -1) : null;
          return (object) => {
            const type = String(property(object, "type"));
            return begin === null ? type === value : type.startsWith(begin);
          };
        },
      },
      delivery_success: yesOrNo(
        "delivery_success",
        (yes) => (object) => (property(object, "pending_webhooks") === 0) === yes,
      ),
    },
    listFilters: {
      types: (values) => {
        if (values.length > 20) throw invalid("You may only specify up to 20 event types.", "types");
        return (object) => values.includes(String(property(object, "type")));
      },
    },
    hidden: older(30),
    forgotten: older(30),
  },
  prices: {
    type: "price",
    name: "price",
    permission: "rak_plan_read",
    shelf: shelves.prices,
    filters: {
      active,
      currency: is("currency"),
      product: is("product"),
      type: oneOf("type", "one_time recurring"),
      "recurring[interval]": is("recurring.interval"),
    },
    listFilters: {
      lookup_keys: (values) => (object) => values.includes(String(property(object, "lookup_key"))),
    },
  },
  products: {
    type: "product",
    name: "product",
    permission: "rak_product_read",
    shelf: shelves.products,
    filters: { active },
    listFilters: { ids: (values) => (object) => values.includes(object.id) },
  },
  webhook_endpoints: {
    type: "webhook_endpoint",
    name: "webhook endpoint",
    permission: "rak_webhook_read",
    shelf: shelf((world) => world.webhookEndpoints),
    filters: {},
    undated: true,
  },
};
