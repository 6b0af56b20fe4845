// An invoice and the payment that goes with it, from the first attempt to the last.
import type Stripe from "stripe";
import { draftOf, openOf } from "../before.ts";
import { makeInvoice } from "../invoice.ts";
import { makePayment } from "../payment.ts";
import { day } from "../times.ts";
import { happen, type World } from "../world.ts";
import { customerOf, of, revise } from "./change.ts";

interface Bill {
  reason: "subscription_create" | "subscription_cycle";
  /** Zero for a trial. */
  amount: number;
  paid: boolean;
}

/** An invoice for the period that a subscription is in. */
export function bill(
  world: World,
  at: number,
  subscription: Stripe.Subscription,
  { amount, paid, reason }: Bill,
): Stripe.Invoice {
  const { random, livemode } = world;
  const customer = customerOf(world, String(subscription.customer));
  const item = subscription.items.data[0] as Stripe.SubscriptionItem;
  const payment =
    amount > 0
      ? makePayment(random, {
          customer,
          amount,
          currency: subscription.currency,
          created: at,
          livemode,
          succeeded: paid,
          canceledAt: null,
          description: reason === "subscription_create" ? "Subscription creation" : "Subscription update",
        })
      : null;
  const invoice = world.invoices.put(
    makeInvoice(random, {
      id: random.id("in_1", 23),
      number: `HAL-${String(world.invoices.size + 1).padStart(6, "0")}`,
      customer,
      subscription,
      created: at,
      period: { start: item.current_period_start, end: item.current_period_end },
      status: paid ? "paid" : "open",
      reason,
      amount,
      paymentIntent: payment?.paymentIntent.id ?? null,
      attempts: payment ? 1 : 0,
      nextAttempt: paid ? null : at + 3 * day,
      settledAt: paid ? at : null,
    }),
  );
  happen(world, "invoice.created", at, draftOf(invoice));
  happen(world, "invoice.finalized", at, openOf(invoice));
  if (payment) {
    const { charge, paymentIntent } = payment;
    world.paymentIntents.put(paymentIntent);
    world.charges.put(charge);
    happen(world, paid ? "charge.succeeded" : "charge.failed", at, charge);
    happen(world, paid ? "payment_intent.succeeded" : "payment_intent.payment_failed", at, paymentIntent);
  }
  happen(world, paid ? "invoice.paid" : "invoice.payment_failed", at, invoice);
  return invoice;
}

/** Another attempt, which works: a new charge of the same payment intent. */
export function payInvoice(world: World, at: number, invoice: Stripe.Invoice): Stripe.Invoice {
  const intent = of(world.paymentIntents, String(invoice.payments?.data[0]?.payment.payment_intent));
  const attempt = makePayment(world.random, {
    customer: customerOf(world, String(invoice.customer)),
    amount: invoice.amount_due,
    currency: invoice.currency,
    created: at,
    livemode: world.livemode,
    succeeded: true,
    canceledAt: null,
    description: intent.description,
  });
  const charge = world.charges.put({ ...attempt.charge, payment_intent: intent.id });
  happen(world, "charge.succeeded", at, charge);
  revise(world, at, world.paymentIntents, "payment_intent.succeeded", intent.id, {
    amount_received: intent.amount,
    last_payment_error: null,
    latest_charge: charge.id,
    payment_method: attempt.paymentIntent.payment_method,
    status: "succeeded",
  });
  return revise(world, at, world.invoices, "invoice.paid", invoice.id, {
    amount_paid: invoice.amount_due,
    amount_remaining: 0,
    attempt_count: invoice.attempt_count + 1,
    auto_advance: false,
    next_payment_attempt: null,
    payments: invoice.payments && {
      ...invoice.payments,
      data: invoice.payments.data.map((payment) => ({
        ...payment,
        amount_paid: payment.amount_requested,
        status: "paid",
        status_transitions: { ...payment.status_transitions, paid_at: at },
      })),
    },
    status: "paid",
    status_transitions: { ...invoice.status_transitions, paid_at: at },
  });
}

export const writeOff = (world: World, at: number, invoice: Stripe.Invoice): Stripe.Invoice =>
  revise(world, at, world.invoices, "invoice.marked_uncollectible", invoice.id, {
    auto_advance: false,
    next_payment_attempt: null,
    status: "uncollectible",
    status_transitions: { ...invoice.status_transitions, marked_uncollectible_at: at },
  });

/** Nobody tries to collect it any more; it can still be paid. */
export function letRest(world: World, at: number, invoice: Stripe.Invoice): void {
  if (invoice.status !== "open") return;
  const rest = { auto_advance: false, next_payment_attempt: null };
  revise(world, at, world.invoices, "invoice.updated", invoice.id, rest);
}

/** With its payment intent, which nobody can pay any more. */
export function voidInvoice(world: World, at: number, invoice: Stripe.Invoice): Stripe.Invoice {
  const intent = of(world.paymentIntents, String(invoice.payments?.data[0]?.payment.payment_intent));
  revise(world, at, world.paymentIntents, "payment_intent.canceled", intent.id, {
    canceled_at: at,
    cancellation_reason: "void_invoice",
    status: "canceled",
  });
  return revise(world, at, world.invoices, "invoice.voided", invoice.id, {
    auto_advance: false,
    next_payment_attempt: null,
    payments: invoice.payments && {
      ...invoice.payments,
      data: invoice.payments.data.map((payment) => ({
        ...payment,
        status: "canceled",
        status_transitions: { ...payment.status_transitions, canceled_at: at },
      })),
    },
    status: "void",
    status_transitions: { ...invoice.status_transitions, voided_at: at },
  });
}
