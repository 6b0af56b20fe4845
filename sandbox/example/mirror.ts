// The company's tables as they were if nothing had ever gone wrong.
import type Stripe from "stripe";
import type { World } from "../world/world.ts";
import { Dice } from "./dice.ts";
import { Handwriting } from "./handwriting.ts";
import { planOf } from "./plans.ts";
import {
  type AccountRow,
  type CheckoutRow,
  type DisputeRow,
  day,
  disputeStatusOf,
  type InvoiceRow,
  idOf,
  inMajor,
  type PaymentRow,
  type PayoutRow,
  type ProfileRow,
  type RefundRow,
  statusOf,
  type UserRow,
  utc,
} from "./rows.ts";

export interface Mirror {
  users: UserRow[];
  customer_accounts: AccountRow[];
  invoices: InvoiceRow[];
  payments: PaymentRow[];
  refunds: RefundRow[];
  disputes: DisputeRow[];
  payouts: PayoutRow[];
  billing_profiles: ProfileRow[];
  checkouts: CheckoutRow[];
}

export function mirrorWorld(world: World, seed: number): Mirror {
  const pen = new Handwriting(new Dice(seed, "handwriting"));
  const dice = new Dice(seed, "rows");
  const changed = lastChanges(world);
  /** A row is written a moment after Stripe tells. */
  const updated = (object: { id: string; created: number }) =>
    new Date((changed.get(object.id) ?? object.created) * 1000 + 1_800);
  const created = (object: { created: number }) => new Date(object.created * 1000);

  return {
    users: users(world, dice, updated),
    customer_accounts: [...world.subscriptions.values()].map((s, i) => {
      const item = s.items.data[0];
      const customer = world.customers.get(idOf(s.customer) ?? "");
      return {
        id: 1001 + i,
        stripe_subscription_id: s.id,
        stripe_customer_id: idOf(s.customer),
        customer_email: customer && !customer.deleted ? pen.email(customer.email) : null,
        subscription_status: statusOf(s),
        plan: planOf(s) ?? "legacy",
        seats: item?.quantity ?? 1,
        amount_minor: (item?.price.unit_amount ?? 0) * (item?.quantity ?? 1),
        currency: pen.currency(s.currency),
        current_period_end: pen.moment(item?.current_period_end),
        canceled_at: pen.moment(s.canceled_at),
        created_at: created(s),
        updated_at: updated(s),
        deleted_at: null,
      };
    }),
    invoices: [...world.invoices.values()].map((invoice, i) => ({
      id: i + 1,
      stripe_invoice_id: invoice.id,
      number: invoice.number,
      status: invoice.status ?? "draft",
      amount_due: invoice.amount_due,
      amount_paid: inMajor(invoice.amount_paid, invoice.currency),
      currency: pen.currency(invoice.currency),
      paid: invoice.status === "paid",
      issued_on: day(invoice.created),
      due_date: utc(invoice.due_date),
      lines: invoice.lines.data.map((line) => line.description ?? ""),
      metadata: invoice.metadata ?? {},
      created_at: created(invoice),
      updated_at: updated(invoice),
    })),
    payments: [...world.charges.values()].map((charge) => ({
      id: dice.uuid(),
      stripe_charge_id: charge.id,
      status: charge.status,
      amount: pen.amount(inMajor(charge.amount, charge.currency)),
      amount_refunded: charge.amount_refunded,
      currency: pen.currency(charge.currency),
      captured: charge.captured,
      card_brand: charge.payment_method_details?.card?.brand ?? null,
      created_at: created(charge),
      updated_at: updated(charge),
    })),
    refunds: [...world.refunds.values()].map((refund, i) => ({
      id: i + 1,
      stripe_refund_id: refund.id,
      charge: idOf(refund.charge),
      status: refund.status ?? "pending",
      amount: refund.amount,
      currency: pen.currency(refund.currency),
      reason: refund.reason,
      created_at: created(refund),
      updated_at: updated(refund),
    })),
    disputes: [...world.disputes.values()].map((dispute, i) => ({
      id: `CASE-${String(i + 1).padStart(4, "0")}`,
      stripe_dispute_id: dispute.id,
      charge: idOf(dispute.charge),
      status: disputeStatusOf(dispute),
      amount: dispute.amount,
      currency: pen.currency(dispute.currency),
      reason: dispute.reason,
      due_by: pen.moment(dispute.evidence_details.due_by),
      created_at: created(dispute),
      updated_at: updated(dispute),
    })),
    payouts: [...world.payouts.values()].map((payout) => ({
      payout_id: payout.id,
      state: payout.status,
      amount: inMajor(payout.amount, payout.currency),
      currency: pen.currency(payout.currency),
      arrives_on: day(payout.arrival_date),
      automatic: payout.automatic,
      updated_at: updated(payout),
    })),
    billing_profiles: livingCustomers(world).map((customer, i) => ({
      id: i + 1,
      stripe_customer_id: customer.id,
      email: pen.email(customer.email),
      name: customer.name ?? null,
      delinquent: customer.delinquent ?? null,
      balance: customer.balance,
      metadata: pen.json(customer.metadata),
      updated_at: updated(customer),
    })),
    checkouts: [...world.paymentIntents.values()].map((intent, i) => ({
      id: i + 1,
      payment_intent: intent.id,
      state: intent.status,
      amount: Number(inMajor(intent.amount, intent.currency)),
      received: intent.amount_received,
      currency: pen.currency(intent.currency),
      started_at: utc(intent.created),
      updated_at: updated(intent),
    })),
  };
}

export function livingCustomers(world: World): Stripe.Customer[] {
  return [...world.customers.values()].filter((customer): customer is Stripe.Customer => !customer.deleted);
}

/** What a customer's several subscriptions come down to: the best status, then the newest. */
const order = [
  "active",
  "trialing",
  "past_due",
  "unpaid",
  "paused",
  "incomplete",
  "canceled",
  "incomplete_expired",
];
export function currentSubscriptions(world: World): Map<string, Stripe.Subscription> {
  const current = new Map<string, Stripe.Subscription>();
  for (const subscription of world.subscriptions.values()) {
    const customer = idOf(subscription.customer) ?? "";
    const other = current.get(customer);
    if (!other || beats(subscription, other)) current.set(customer, subscription);
  }
  return current;
}

function beats(a: Stripe.Subscription, b: Stripe.Subscription): boolean {
  const rank = order.indexOf(a.status) - order.indexOf(b.status);
  if (rank !== 0) return rank < 0;
  return a.created === b.created ? a.id > b.id : a.created > b.created;
}

/** Everybody who pays or once did, and customers who never subscribed: these have the status "none". */
function users(
  world: World,
  dice: Dice,
  updated: (object: { id: string; created: number }) => Date,
): UserRow[] {
  const current = currentSubscriptions(world);
  return [...world.customers.values()].flatMap((customer) => {
    const subscription = current.get(customer.id);
    if (customer.deleted && !subscription) return [];
    const known = customer.deleted ? null : customer;
    const latest = subscription ?? (known as Stripe.Customer);
    return [
      {
        id: dice.uuid(),
        email: known?.email ?? `deleted-${customer.id.slice(4).toLowerCase()}@example.invalid`,
        name: known?.name ?? "Deleted account",
        stripe_customer_id: customer.id,
        subscription_status: subscription ? statusOf(subscription) : "none",
        plan: subscription ? planOf(subscription) : null,
        current_period_end: utc(subscription?.items.data[0]?.current_period_end),
        created_at: new Date((known ?? latest).created * 1000),
        updated_at: updated(latest),
      },
    ];
  });
}

/** Object → when Stripe last told about it. */
function lastChanges(world: World): Map<string, number> {
  const latest = new Map<string, number>();
  for (const event of world.events.values()) {
    const { id } = event.data.object;
    if (event.created > (latest.get(id) ?? 0)) latest.set(id, event.created);
  }
  return latest;
}
