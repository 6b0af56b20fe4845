// What the columns of the Dashboard's exports say about the objects of a world. The headers are the Dashboard's own.
import type Stripe from "stripe";
import { feeOf } from "../world/payout.ts";
import type { World } from "../world/world.ts";

/** A value before it is written: what form it takes is the file's matter. */
export type Cell =
  | string
  | boolean
  | null
  | { minor: number; currency: string }
  /** Unix seconds. Some exports leave the seconds out. */
  | { at: number; seconds: boolean };
type Columns<T> = Readonly<Record<string, (object: T, world: World) => Cell>>;

const idOf = (reference: string | { id: string } | null | undefined): string | null =>
  typeof reference === "string" ? reference : (reference?.id ?? null);
const minutes = (at: number | null | undefined): Cell => (at == null ? null : { at, seconds: false });
const customerOf = (world: World, reference: string | { id: string } | null): Stripe.Customer | null => {
  const customer = world.customers.get(idOf(reference) ?? "");
  return customer && !customer.deleted ? customer : null;
};

export const subscriptionColumns: Columns<Stripe.Subscription> = {
  id: (s) => s.id,
  "Customer ID": (s) => idOf(s.customer),
  "Customer Description": (s, world) => customerOf(world, s.customer)?.description ?? null,
  "Customer Email": (s, world) => customerOf(world, s.customer)?.email ?? null,
  "Customer Name": (s, world) => customerOf(world, s.customer)?.name ?? null,
  Plan: (s) => s.items.data[0]?.price.id ?? null,
  Quantity: (s) => String(s.items.data[0]?.quantity ?? ""),
  Currency: (s) => s.currency,
  Interval: (s) => s.items.data[0]?.price.recurring?.interval ?? null,
  Amount: (s) => ({ minor: s.items.data[0]?.price.unit_amount ?? 0, currency: s.currency }),
  Status: (s) => s.status,
  "Created (UTC)": (s) => minutes(s.created),
  "Start (UTC)": (s) => minutes(s.items.data[0]?.created),
  "Start Date (UTC)": (s) => minutes(s.start_date),
  "Current Period Start (UTC)": (s) => minutes(s.items.data[0]?.current_period_start),
  "Current Period End (UTC)": (s) => minutes(s.items.data[0]?.current_period_end),
  "Trial Start (UTC)": (s) => minutes(s.trial_start),
  "Trial End (UTC)": (s) => minutes(s.trial_end),
  "Canceled At (UTC)": (s) => minutes(s.canceled_at),
  "Ended At (UTC)": (s) => minutes(s.ended_at),
  "Cancellation Reason": (s) => s.cancellation_details?.reason ?? null,
};

const newestOf = (world: World, customer: Stripe.Customer) =>
  world.subscriptions.having("customer", customer.id)[0];
const chargesOf = (world: World, customer: Stripe.Customer) => world.charges.having("customer", customer.id);
const sumOf = (customer: Stripe.Customer, amounts: number[]): Cell => ({
  minor: amounts.reduce((sum, amount) => sum + amount, 0),
  currency: customer.currency ?? "usd",
});

export const customerColumns: Columns<Stripe.Customer> = {
  id: (c) => c.id,
  Description: (c) => c.description,
  Email: (c) => c.email,
  Name: (c) => c.name ?? null,
  "Created (UTC)": (c) => minutes(c.created),
  Delinquent: (c) => c.delinquent ?? false,
  Plan: (c, world) => newestOf(world, c)?.items.data[0]?.price.id ?? null,
  Status: (c, world) => newestOf(world, c)?.status ?? null,
  "Total Spend": (c, world) =>
    sumOf(
      c,
      chargesOf(world, c).map((charge) => charge.amount_captured),
    ),
  "Payment Count": (c, world) => String(chargesOf(world, c).filter(({ paid }) => paid).length),
  "Refunded Volume": (c, world) =>
    sumOf(
      c,
      chargesOf(world, c).map((charge) => charge.amount_refunded),
    ),
  "Dispute Losses": (c, world) =>
    sumOf(
      c,
      chargesOf(world, c)
        .flatMap((charge) => world.disputes.having("charge", charge.id))
        .map((dispute) => (dispute.status === "lost" ? dispute.amount : 0)),
    ),
};

const invoiceOf = (world: World, charge: Stripe.Charge): string | null => {
  for (const invoice of world.invoices.having("customer", charge.customer))
    for (const { payment } of invoice.payments?.data ?? [])
      if (idOf(payment.payment_intent) === idOf(charge.payment_intent)) return invoice.id ?? null;
  return null;
};
const statusOf = (charge: Stripe.Charge): string =>
  charge.status === "failed" ? "Failed" : charge.refunded ? "Refunded" : "Paid";

export const paymentColumns: Columns<Stripe.Charge> = {
  id: (c) => c.id,
  "Created date (UTC)": (c) => ({ at: c.created, seconds: true }),
  Amount: (c) => ({ minor: c.amount, currency: c.currency }),
  "Amount Refunded": (c) => ({ minor: c.amount_refunded, currency: c.currency }),
  Currency: (c) => c.currency,
  Captured: (c) => c.captured,
  "Converted Amount": (c) => ({ minor: c.amount, currency: c.currency }),
  "Converted Amount Refunded": (c) => ({ minor: c.amount_refunded, currency: c.currency }),
  "Converted Currency": (c) => c.currency,
  Fee: (c) => ({ minor: c.paid ? feeOf(c.amount, c.currency) : 0, currency: c.currency }),
  "Is Link": () => false,
  Mode: (c) => (c.livemode ? "Live" : "Test"),
  "Payment Source Type": (c) => c.payment_method_details?.type ?? null,
  Status: statusOf,
  "Taxes On Fee": (c) => ({ minor: 0, currency: c.currency }),
  Description: (c) => c.description,
  "Customer ID": (c) => idOf(c.customer),
  "Customer Email": (c, world) => customerOf(world, c.customer)?.email ?? null,
  "Invoice ID": (c, world) => invoiceOf(world, c),
  Transfer: (c) => idOf(c.transfer),
};

export const payoutColumns: Columns<Stripe.Payout> = {
  id: (p) => p.id,
  Amount: (p) => ({ minor: p.amount, currency: p.currency }),
  "Created (UTC)": (p) => minutes(p.created),
  Currency: (p) => p.currency,
  Livemode: (p) => p.livemode,
  "Arrival Date (UTC)": (p) => minutes(p.arrival_date),
  Status: (p) => p.status,
};
