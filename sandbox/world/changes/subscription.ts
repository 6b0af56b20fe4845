import type Stripe from "stripe";
import { planOf } from "../catalogue.ts";
import { makeSubscription } from "../subscription.ts";
import { addMonths, day, secondsOf } from "../times.ts";
import { happen, type World } from "../world.ts";
import { bill, letRest, payInvoice, voidInvoice, writeOff } from "./billing.ts";
import { type Change, customerOf, of, revise, reviseCustomer } from "./change.ts";

type SubscriptionChange<More = unknown> = Change<{ subscription: string } & More, Stripe.Subscription>;

/** With a first payment, which works unless it is `declined`, or without one for a trial. */
export const subscribe: Change<
  { customer: string; price: string; quantity?: number; trialDays?: number; declined?: boolean },
  Stripe.Subscription
> = (world, now, asked) => {
  const { random, livemode } = world;
  const at = secondsOf(now);
  const customer = customerOf(world, asked.customer);
  const price = of(world.prices, asked.price);
  if (customer.currency !== null && customer.currency !== price.currency)
    throw new Error(`${customer.id} pays in ${customer.currency}, ${price.id} is in ${price.currency}`);
  const trial = asked.trialDays ? { start: at, end: at + asked.trialDays * day } : null;
  const paid = trial !== null || !asked.declined;
  const subscription = makeSubscription(random, {
    id: random.id("sub_1", 23),
    customer: customer.id,
    created: at,
    livemode,
    price,
    quantity: asked.quantity ?? 1,
    status: trial ? "trialing" : paid ? "active" : "incomplete",
    periodStart: at,
    periodEnd: trial?.end ?? addMonths(at, monthsOf(price)),
    trial,
    canceledAt: null,
    endedAt: null,
    cancelAtPeriodEnd: false,
    latestInvoice: null,
  });
  if (customer.currency === null) reviseCustomer(world, at, customer.id, { currency: price.currency });
  const amount = trial ? 0 : amountOf(subscription);
  const invoice = bill(world, at, subscription, { reason: "subscription_create", amount, paid });
  const made = world.subscriptions.put({ ...subscription, latest_invoice: invoice.id });
  happen(world, "customer.subscription.created", at, made);
  return made;
};

/** The next period begins and is paid. */
export const renew: SubscriptionChange = (world, now, asked) => nextPeriod(world, now, asked, true);

/** The next period begins, and its payment fails: the subscription is past due, the customer delinquent. */
export const failRenewal: SubscriptionChange = (world, now, asked) => nextPeriod(world, now, asked, false);

/** A retry works: the unpaid invoice is paid and the subscription active again. */
export const recover: SubscriptionChange = (world, now, asked) => {
  const at = secondsOf(now);
  payInvoice(world, at, unpaidInvoiceOf(world, asked.subscription));
  const subscription = revise(
    world,
    at,
    world.subscriptions,
    "customer.subscription.updated",
    asked.subscription,
    { status: "active" },
  );
  settleDelinquency(world, at, subscription);
  return subscription;
};

/** No retry helped: the subscription is unpaid, its invoice written off. */
export const giveUp: SubscriptionChange = (world, now, asked) => {
  const at = secondsOf(now);
  const { id } = runningOf(world, asked.subscription, ["past_due"]);
  writeOff(world, at, unpaidInvoiceOf(world, id));
  return revise(world, at, world.subscriptions, "customer.subscription.updated", id, { status: "unpaid" });
};

/** The first payment was not made in time. */
export const expire: SubscriptionChange = (world, now, asked) => {
  const at = secondsOf(now);
  const { id } = runningOf(world, asked.subscription, ["incomplete"]);
  voidInvoice(world, at, unpaidInvoiceOf(world, id));
  return revise(world, at, world.subscriptions, "customer.subscription.updated", id, {
    canceled_at: at,
    ended_at: at,
    status: "incomplete_expired",
  });
};

/** At once, or when the period is over. */
export const cancel: SubscriptionChange<{ atPeriodEnd?: boolean }> = (world, now, asked) => {
  const at = secondsOf(now);
  const subscription = runningOf(world, asked.subscription);
  const cancellation_details = {
    comment: null,
    feedback: null,
    feedback_option: null,
    ...subscription.cancellation_details,
    reason: "cancellation_requested",
  } as const;
  if (asked.atPeriodEnd)
    return revise(world, at, world.subscriptions, "customer.subscription.updated", subscription.id, {
      cancel_at: itemOf(subscription).current_period_end,
      cancel_at_period_end: true,
      canceled_at: at,
      cancellation_details,
    });
  const canceled = world.subscriptions.put({
    ...subscription,
    canceled_at: subscription.canceled_at ?? at,
    cancellation_details,
    ended_at: at,
    status: "canceled",
  });
  happen(world, "customer.subscription.deleted", at, canceled);
  const invoice = world.invoices.get(String(canceled.latest_invoice));
  if (invoice) letRest(world, at, invoice);
  settleDelinquency(world, at, canceled);
  return canceled;
};

/** From the next invoice on; nothing is prorated. */
export const changePlan: SubscriptionChange<{ price: string; quantity?: number }> = (world, now, asked) => {
  const subscription = runningOf(world, asked.subscription);
  const price = of(world.prices, asked.price);
  if (price.currency !== subscription.currency)
    throw new Error(`${subscription.id} is in ${subscription.currency}, ${price.id} in ${price.currency}`);
  const item = itemOf(subscription);
  const changed = { ...item, plan: planOf(price), price, quantity: asked.quantity ?? item.quantity ?? 1 };
  const items = { ...subscription.items, data: [changed] };
  const at = secondsOf(now);
  return revise(world, at, world.subscriptions, "customer.subscription.updated", subscription.id, { items });
};

function nextPeriod(
  world: World,
  now: Date,
  asked: { subscription: string },
  paid: boolean,
): Stripe.Subscription {
  const at = secondsOf(now);
  const subscription = runningOf(world, asked.subscription, ["active", "trialing", "past_due"]);
  const item = itemOf(subscription);
  // Asked for before its time, the period that runs is cut short.
  const start = Math.min(item.current_period_end, at);
  const items = {
    ...subscription.items,
    data: [
      {
        ...item,
        current_period_start: start,
        current_period_end: addMonths(start, monthsOf(item.price)),
      },
    ],
  };
  const invoice = bill(
    world,
    at,
    { ...subscription, items },
    { reason: "subscription_cycle", amount: amountOf(subscription), paid },
  );
  const next = revise(world, at, world.subscriptions, "customer.subscription.updated", subscription.id, {
    ...(start < item.current_period_end && { billing_cycle_anchor: start }),
    items,
    latest_invoice: invoice.id,
    status: paid ? "active" : "past_due",
  });
  settleDelinquency(world, at, next);
  return next;
}

/** Who owes on any subscription is delinquent. */
function settleDelinquency(world: World, at: number, { customer }: Stripe.Subscription): void {
  const delinquent = world.subscriptions
    .having("customer", customer)
    .some((each) => each.status === "past_due" || each.status === "unpaid");
  reviseCustomer(world, at, String(customer), { delinquent });
}

function runningOf(
  world: World,
  id: string,
  possible?: readonly Stripe.Subscription.Status[],
): Stripe.Subscription {
  const subscription = of(world.subscriptions, id);
  const { status } = subscription;
  if (subscription.ended_at !== null || (possible && !possible.includes(status)))
    throw new Error(`${id} is ${status}: this cannot happen to it`);
  return subscription;
}

function unpaidInvoiceOf(world: World, subscriptionId: string): Stripe.Invoice {
  const invoice = of(world.invoices, String(runningOf(world, subscriptionId).latest_invoice));
  if (invoice.status !== "open" && invoice.status !== "uncollectible")
    throw new Error(`${subscriptionId} has nothing to pay: its latest invoice is ${invoice.status}`);
  return invoice;
}

function itemOf(subscription: Stripe.Subscription): Stripe.SubscriptionItem {
  const item = subscription.items.data[0];
  if (!item) throw new Error(`${subscription.id} has no item`);
  return item;
}
const amountOf = (subscription: Stripe.Subscription): number => {
  const { price, quantity } = itemOf(subscription);
  return (price.unit_amount ?? 0) * (quantity ?? 1);
};
const monthsOf = (price: Stripe.Price): number => (price.recurring?.interval === "year" ? 12 : 1);
