// `expand`: ids replaced by the objects they name, and properties that are only there when they are asked for.
import type { World } from "../world/world.ts";
import { own, shelves, type Wire } from "./endpoints.ts";
import { invalid } from "./refusal.ts";

type Tree = Record<string, unknown>;

interface Target {
  /** The type of what comes in its place, for paths that go on. */
  type: string | null;
  make: (world: World, holder: Tree, value: unknown) => unknown;
}

const one = (type: string, shelf: (world: World) => ReadonlyMap<string, Wire>): Target => ({
  type,
  make: (world, _, value) => {
    const found = typeof value === "string" ? shelf(world).get(value) : undefined;
    return found ? plain(found) : value;
  },
});
const list = (
  type: string,
  url: (id: string) => string,
  find: (world: World, id: string) => readonly Wire[],
): Target => ({
  type,
  make: (world, holder) => {
    const id = String(holder.id);
    const found = find(world, id);
    return {
      object: "list",
      data: found.slice(0, 10).map((object) => plain(object)),
      has_more: found.length > 10,
      url: url(id),
    };
  },
});
/** Can be expanded, but is empty in every object that we have. */
const nothing: Target = { type: null, make: (_, __, value) => value };

const customer = one("customer", shelves.customers);
const subscription = one("subscription", shelves.subscriptions);
const charge = one("charge", shelves.charges);
const paymentIntent = one("payment_intent", shelves.paymentIntents);
const product = one("product", shelves.products);

const targets: Record<string, Record<string, Target>> = {
  customer: {
    default_source: nothing,
    subscriptions: list(
      "subscription",
      (id) => `/v1/customers/${id}/subscriptions`,
      (world, id) => world.subscriptions.having("customer", id).filter((each) => each.status !== "canceled"),
    ),
    test_clock: nothing,
  },
  subscription: {
    customer,
    latest_invoice: one("invoice", shelves.invoices),
    "items.data.price.product": product,
    default_payment_method: nothing,
    default_source: nothing,
    discounts: nothing,
    pending_setup_intent: nothing,
    schedule: nothing,
    test_clock: nothing,
  },
  invoice: {
    customer,
    "parent.subscription_details.subscription": subscription,
    payments: {
      type: "invoice_payment",
      make: (world, holder) => world.invoices.get(String(holder.id))?.payments,
    },
    default_payment_method: nothing,
    discounts: nothing,
    test_clock: nothing,
  },
  invoice_payment: { "payment.payment_intent": paymentIntent, "payment.charge": charge },
  charge: {
    customer,
    payment_intent: paymentIntent,
    refunds: list(
      "refund",
      (id) => `/v1/charges/${id}/refunds`,
      (world, id) => world.refunds.having("charge", id),
    ),
    review: nothing,
    application: nothing,
  },
  payment_intent: { customer, latest_charge: charge, review: nothing, source: nothing },
  refund: { charge, customer, payment_intent: paymentIntent },
  dispute: { charge, payment_intent: paymentIntent },
  payout: { original_payout: nothing, reversed_by: nothing },
  price: { product },
  product: { default_price: one("price", shelves.prices) },
};

/** What Stripe leaves out of an object until it is asked for. */
const leftOut: Record<string, string> = { invoice: "payments" };

/** A copy of an object as Stripe sends it unasked. */
export function plain(object: Wire): Tree {
  const copy: Tree = { ...object };
  const name = own(leftOut, String(copy.object));
  if (name !== undefined) delete copy[name];
  if (copy.object === "event") {
    const data = copy.data as { object: Wire };
    copy.data = { ...data, object: plain(data.object) };
  }
  return copy;
}

/** The path without what a list puts in front of it, checked step by step. */
export function expandable(type: string, given: string, inList: boolean): string[] {
  const steps = given.split(".");
  const refuse = (more = "") => invalid(`This property cannot be expanded (${given}).${more}`, "expand");
  if (inList && steps.shift() !== "data")
    throw refuse(` You may want to try expanding 'data.${given}' instead.`);
  if (steps.length + (inList ? 1 : 0) > 4)
    throw invalid(`You cannot expand more than 4 levels of a property (property: ${given}).`, "expand");
  let rest = steps;
  let at: string | null = type;
  do {
    const match: Match | null = at === null ? null : matchOf(at, rest);
    if (!match) throw refuse();
    at = match.target.type;
    rest = match.rest;
  } while (rest.length > 0);
  return steps;
}

export function expanded(world: World, type: string, object: Wire, paths: readonly string[][]): Tree {
  const copy = plain(object);
  // A deleted customer is an id and nothing more.
  if (copy.deleted !== true) for (const steps of paths) expand(world, type, copy, steps);
  return copy;
}

interface Match {
  path: string[];
  target: Target;
  rest: string[];
}

function matchOf(type: string, steps: readonly string[]): Match | null {
  for (let n = 1; n <= steps.length; n++) {
    const target = own(own(targets, type), steps.slice(0, n).join("."));
    if (!target) continue;
    const rest = steps.slice(n);
    return { path: steps.slice(0, n), target, rest: rest[0] === "data" ? rest.slice(1) : rest };
  }
  return null;
}

function expand(world: World, type: string, holder: Tree, steps: readonly string[]): void {
  if (holder.deleted === true) return;
  const match = matchOf(type, steps);
  if (!match) return;
  const { path, target, rest } = match;
  each(holder, path.slice(0, -1), (inner) => {
    const name = path.at(-1) as string;
    const value = inner[name];
    if (value === null || value === undefined || typeof value === "string")
      inner[name] = target.make(world, inner, value);
    const made = inner[name];
    if (rest.length === 0 || target.type === null || made === null || typeof made !== "object") return;
    const next = target.type;
    if ((made as Tree).object === "list") {
      inner[name] = { ...made };
      each(inner[name] as Tree, ["data"], (entry) => expand(world, next, entry, rest));
    } else expand(world, next, made as Tree, rest);
  });
}

/** Copies the way down, so that the objects of the world stay as they are. */
function each(holder: Tree, path: readonly string[], visit: (inner: Tree) => void): void {
  const [name, ...rest] = path;
  if (name === undefined) {
    visit(holder);
    return;
  }
  const value = holder[name];
  if (Array.isArray(value)) {
    const copies = value.map((entry: Tree) => ({ ...entry }));
    holder[name] = copies;
    for (const copy of copies) each(copy, rest, visit);
  } else if (value !== null && typeof value === "object") {
    const copy = { ...(value as Tree) };
    holder[name] = copy;
    each(copy, rest, visit);
  }
}
