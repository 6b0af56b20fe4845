// Which lists there are, what each of them can be filtered by, and what can be expanded in its objects.
import type { Shelf } from "../world/shelf.ts";
import { day } from "../world/times.ts";
import type { World } from "../world/world.ts";
import { invalid } from "./refusal.ts";

type Wire = { id: string };
type Test = (object: Wire) => boolean;

export interface Endpoint {
  /** As Stripe calls one in its messages. */
  name: string;
  /** Permission of a restricted key. */
  permission: string;
  shelf: (world: World) => Shelf<Wire>;
  /** Parameter → what its value lets through. */
  filters: Record<string, (value: string) => Test>;
  /** Parameters that come as lists (`types[]`). */
  listFilters?: Record<string, (values: string[]) => Test>;
  /** What is left out when the filter is not given. */
  unless?: Record<string, Test>;
  /** Whether a list can be narrowed by `created`. */
  created: boolean;
  /** Property → where the object of its id is. */
  expand: Record<string, (world: World) => Shelf<Wire>>;
  /** What a list never shows, though it can be retrieved. */
  hidden?: (object: Wire, nowSeconds: number) => boolean;
}

const shelf = <T extends Wire>(pick: (world: World) => Shelf<T>) =>
  pick as unknown as (world: World) => Shelf<Wire>;
const property = (object: Wire, name: string): unknown =>
  (object as unknown as Record<string, unknown>)[name];
const is =
  (name: string) =>
  (value: string): Test =>
  (object) =>
    String(property(object, name)) === value;

const customers = shelf((world) => world.customers);
const charges = shelf((world) => world.charges);
const paymentIntents = shelf((world) => world.paymentIntents);
const invoices = shelf((world) => world.invoices);

const oneOf =
  (param: string, allowed: readonly string[], test: (value: string) => Test) => (value: string) => {
    if (!allowed.includes(value))
      throw invalid(
        `Invalid ${param}: must be one of ${allowed.slice(0, -1).join(", ")}, or ${allowed.at(-1)}`,
        param,
      );
    return test(value);
  };

const over = ["canceled", "incomplete_expired"];
const subscriptionStatus = oneOf(
  "status",
  [
    "active",
    "past_due",
    "unpaid",
    "canceled",
    "incomplete",
    "incomplete_expired",
    "trialing",
    "all",
    "ended",
    "paused",
  ],
  (value) => (object) =>
    value === "all" ||
    (value === "ended"
      ? over.includes(String(property(object, "status")))
      : property(object, "status") === value),
);

export const endpoints: Record<string, Endpoint> = {
  customers: {
    name: "customer",
    permission: "rak_customer_read",
    shelf: customers,
    filters: { email: is("email") },
    created: true,
    expand: {},
    hidden: (object) => property(object, "deleted") === true,
  },
  subscriptions: {
    name: "subscription",
    permission: "rak_subscription_read",
    shelf: shelf((world) => world.subscriptions),
    filters: {
      customer: is("customer"),
      status: subscriptionStatus,
      collection_method: is("collection_method"),
      price: (value) => (object) =>
        JSON.stringify(property(object, "items")).includes(`"id":"${value}","object":"price"`),
    },
    // A list of subscriptions leaves canceled ones out unless it is asked for them.
    unless: { status: (object) => !over.includes(String(property(object, "status"))) },
    created: true,
    expand: { customer: customers, latest_invoice: invoices },
  },
  invoices: {
    name: "invoice",
    permission: "rak_invoice_read",
    shelf: invoices,
    filters: {
      customer: is("customer"),
      status: oneOf("status", ["draft", "open", "paid", "uncollectible", "void"], is("status")),
      collection_method: is("collection_method"),
      subscription: (value) => (object) =>
        JSON.stringify(property(object, "parent")).includes(`"subscription":"${value}"`),
    },
    created: true,
    expand: { customer: customers },
  },
  charges: {
    name: "charge",
    permission: "rak_charge_read",
    shelf: charges,
    filters: { customer: is("customer"), payment_intent: is("payment_intent") },
    created: true,
    expand: { customer: customers, payment_intent: paymentIntents },
  },
  payment_intents: {
    name: "payment_intent",
    permission: "rak_payment_intent_read",
    shelf: paymentIntents,
    filters: { customer: is("customer") },
    created: true,
    expand: { customer: customers, latest_charge: charges },
  },
  refunds: {
    name: "refund",
    permission: "rak_charge_read",
    shelf: shelf((world) => world.refunds),
    filters: { charge: is("charge"), payment_intent: is("payment_intent") },
    created: true,
    expand: { charge: charges, payment_intent: paymentIntents },
  },
  disputes: {
    name: "dispute",
    permission: "rak_dispute_read",
    shelf: shelf((world) => world.disputes),
    filters: { charge: is("charge"), payment_intent: is("payment_intent") },
    created: true,
    expand: { charge: charges, payment_intent: paymentIntents },
  },
  payouts: {
    name: "payout",
    permission: "rak_payout_read",
    shelf: shelf((world) => world.payouts),
    filters: {
      status: oneOf("status", ["pending", "paid", "failed", "canceled", "in_transit"], is("status")),
      destination: is("destination"),
      arrival_date: is("arrival_date"),
    },
    created: true,
    expand: {},
  },
  events: {
    name: "event",
    permission: "rak_event_read",
    shelf: shelf((world) => world.events),
    filters: {
      type: (value) => {
        const whole = value.endsWith("*") ? value.slice(0, -1) : null;
        return (object) => {
          const type = String(property(object, "type"));
          return whole === null ? type === value : type.startsWith(whole);
        };
      },
      delivery_success: (value) => (object) =>
        (property(object, "pending_webhooks") === 0) === (value === "true"),
    },
    listFilters: {
      types: (values) => {
        if (values.length > 20) throw invalid("You may only specify up to 20 event types.", "types");
        return (object) => values.includes(String(property(object, "type")));
      },
    },
    created: true,
    expand: {},
    hidden: (object, now) => Number(property(object, "created")) <= now - 30 * day,
  },
  prices: {
    name: "price",
    permission: "rak_plan_read",
    shelf: shelf((world) => world.prices),
    filters: { product: is("product"), currency: is("currency"), active: is("active") },
    created: true,
    expand: {},
  },
  products: {
    name: "product",
    permission: "rak_product_read",
    shelf: shelf((world) => world.products),
    filters: { active: is("active") },
    created: true,
    expand: {},
  },
};
