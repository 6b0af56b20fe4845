// What the life of a customer leaves behind in an account, from their first day until now.
import type Stripe from "stripe";
import {
  begunOf,
  draftOf,
  failedOf,
  hopefulOf,
  openOf,
  runningOf,
  unansweredOf,
  unpaidOf,
} from "./before.ts";
import type { currencies } from "./catalogue.ts";
import { makeCustomer } from "./customer.ts";
import { makeDispute } from "./dispute.ts";
import type { EventType, ObjectOf } from "./event.ts";
import { makeInvoice } from "./invoice.ts";
import { makePayment } from "./payment.ts";
import { makeRefund, refundedCharge } from "./refund.ts";
import { makeSubscription } from "./subscription.ts";
import { addMonths, day, hour } from "./times.ts";
import { happen, type World } from "./world.ts";

type Status = Stripe.Subscription.Status;
type Outcome = "paid" | "failed" | "written_off" | "void" | "draft";

/** Stripe gives up on a first payment after 23 hours, and on a later one after some weeks of retries. */
export const firstPaymentWithin = 23 * hour;
const retriesFor = 21 * day;
const trialLength = 14 * day;

export class Life {
  readonly #world: World;
  readonly #now: number;
  readonly #invoices: number;
  #invoiceNumber = 0;

  constructor(world: World, now: number, invoices: number) {
    this.#world = world;
    this.#now = now;
    this.#invoices = invoices;
  }

  ofCustomer(number: number, createdAt: number): void {
    const { random, livemode, customers } = this.#world;
    const currency = random.weighted({ usd: 70, eur: 22, jpy: 8 } satisfies Record<
      (typeof currencies)[number],
      number
    >);
    const subscriptions = Number(random.weighted({ "0": 12, "1": 70, "2": 14, "3": 4 }));
    const age = this.#now - createdAt;
    const deletedAt = random.chance(0.03) ? createdAt + Math.floor(age * (0.5 + 0.5 * random.next())) : null;
    const until = deletedAt ?? this.#now;
    const customer = makeCustomer(random, {
      created: createdAt,
      livemode,
      number,
      currency: subscriptions > 0 ? currency : null,
      delinquent: false,
    });
    customers.put(customer);
    this.#happen("customer.created", createdAt, customer);
    let delinquent = false;
    for (let i = 0; i < subscriptions; i++) {
      const began = createdAt + Math.floor(((until - createdAt) * i) / subscriptions) + (i === 0 ? 60 : 0);
      // Of several the newest is the one that counts; the others are over, or run beside it.
      const over = deletedAt !== null || (i < subscriptions - 1 && random.chance(0.8));
      const status = over ? "canceled" : this.#statusAt(this.#now - began);
      const made = this.#subscription(customer, currency, { began, until, status });
      delinquent ||= made === "past_due" || made === "unpaid";
    }
    if (delinquent) customers.put({ ...customer, delinquent });
    if (deletedAt === null) return;
    customers.put({ id: customer.id, object: "customer", deleted: true });
    this.#happen("customer.deleted", deletedAt, customer);
  }

  #statusAt(age: number): Status {
    const { random } = this.#world;
    if (age < firstPaymentWithin) return random.weighted({ trialing: 5, active: 4, incomplete: 2 });
    if (age < trialLength)
      return random.weighted({ trialing: 6, active: 6, incomplete_expired: 1, canceled: 1 });
    return random.weighted({
      active: 70,
      past_due: 6,
      unpaid: 3,
      paused: 2,
      incomplete_expired: 2,
      canceled: 17,
    });
  }

  #subscription(
    customer: Stripe.Customer,
    currency: string,
    facts: { began: number; until: number; status: Status },
  ): Status {
    const { began } = facts;
    const { random, livemode, prices, subscriptions } = this.#world;
    const plan = random.weighted({ starter: 40, pro: 40, team: 16, enterprise: 4 });
    const every = random.chance(0.85) ? "monthly" : "yearly";
    const price = prices.get(`price_${plan}_${every}_${currency}`) as Stripe.Price;
    const months = every === "monthly" ? 1 : 12;
    const quantity = plan === "team" ? random.int(2, 12) : 1;
    const lived = facts.until - began;
    const over =
      facts.status === "canceled" ? began + Math.floor(lived * (0.3 + 0.65 * random.next())) : null;
    let cycles = 0;
    while (addMonths(began, (cycles + 1) * months) <= (over ?? this.#now)) cycles++;
    const status = possible(facts.status, cycles, this.#now - addMonths(began, cycles * months));
    const trial =
      status === "trialing" || status === "paused" ? { start: began, end: began + trialLength } : null;
    const expiredAt = status === "incomplete_expired" ? began + firstPaymentWithin : null;
    if (trial || expiredAt !== null || status === "incomplete") cycles = 0;
    const periodStart = addMonths(began, cycles * months);
    const cancelAtPeriodEnd = status === "active" && random.chance(0.04);
    const subscription = makeSubscription(random, {
      id: random.id("sub_1", 23),
      customer: customer.id,
      created: began,
      livemode,
      price,
      quantity,
      status,
      periodStart,
      periodEnd: trial ? trial.end : addMonths(began, (cycles + 1) * months),
      trial,
      canceledAt: over ?? expiredAt ?? (cancelAtPeriodEnd ? Math.min(this.#now, periodStart + hour) : null),
      endedAt: over ?? expiredAt,
      cancelAtPeriodEnd,
      latestInvoice: null,
    });
    const firstPeriodEnd = trial ? trial.end : addMonths(began, months);
    this.#happen("customer.subscription.created", began, begunOf(subscription, firstPeriodEnd));
    let latest: Stripe.Invoice | null = null;
    for (let cycle = Math.max(0, cycles - this.#invoices + 1); cycle <= cycles && this.#invoices > 0; cycle++)
      latest = this.#invoice(customer, subscription, {
        at: addMonths(began, cycle * months),
        end: cycle === 0 && trial ? trial.end : addMonths(began, (cycle + 1) * months),
        amount: trial ? 0 : (price.unit_amount ?? 0) * quantity,
        first: cycle === 0,
        outcome: cycle < cycles ? "paid" : this.#outcomeOf(status, cycle),
      });
    const now = subscriptions.put({ ...subscription, latest_invoice: latest?.id ?? null });
    if (cycles > 0)
      this.#happen("customer.subscription.updated", periodStart, runningOf(now, "active"), {
        items: {
          data: [
            {
              current_period_start: addMonths(began, (cycles - 1) * months),
              current_period_end: periodStart,
            },
          ],
        },
      });
    const turned = (at: number, from: Status, to: Status) =>
      this.#happen("customer.subscription.updated", at, { ...now, status: to }, { status: from });
    if (status === "past_due" || status === "unpaid") turned(periodStart + hour, "active", "past_due");
    if (status === "unpaid") turned(periodStart + retriesFor, "past_due", status);
    if (expiredAt !== null) turned(expiredAt, "incomplete", status);
    if (status === "paused" && trial)
      this.#happen("customer.subscription.paused", trial.end, now, { status: "trialing" });
    if (cancelAtPeriodEnd)
      this.#happen("customer.subscription.updated", subscription.canceled_at ?? periodStart, now, {
        cancel_at: null,
        cancel_at_period_end: false,
        canceled_at: null,
      });
    if (over !== null) this.#happen("customer.subscription.deleted", over, now);
    return status;
  }

  #outcomeOf(status: Status, cycle: number): Outcome {
    const { random } = this.#world;
    if (status === "past_due" || status === "incomplete") return "failed";
    if (status === "unpaid") return random.chance(0.5) ? "written_off" : "failed";
    if (status === "incomplete_expired") return "void";
    return status === "active" && cycle > 0 && random.chance(0.01) ? "draft" : "paid";
  }

  #invoice(
    customer: Stripe.Customer,
    subscription: Stripe.Subscription,
    facts: { at: number; end: number; amount: number; first: boolean; outcome: Outcome },
  ): Stripe.Invoice {
    const world = this.#world;
    const { random, livemode } = world;
    const { at, amount, outcome, first } = facts;
    const paid = outcome === "paid";
    const number = `HAL-${String(++this.#invoiceNumber).padStart(6, "0")}`;
    const retrying = outcome === "failed" && subscription.status !== "unpaid";
    const payment =
      amount > 0 && outcome !== "draft"
        ? makePayment(random, {
            customer,
            amount,
            currency: subscription.currency,
            created: at + 5,
            livemode,
            succeeded: paid,
            canceledAt: outcome === "void" ? at + firstPaymentWithin : null,
            description: first ? "Subscription creation" : "Subscription update",
          })
        : null;
    const invoice = world.invoices.put(
      makeInvoice(random, {
        id: random.id("in_1", 23),
        number,
        customer,
        subscription,
        created: at,
        period: { start: at, end: facts.end },
        status: statusOf[outcome],
        reason: first ? "subscription_create" : "subscription_cycle",
        amount,
        paymentIntent: payment?.paymentIntent.id ?? null,
        attempts: payment ? (paid || first ? 1 : random.int(1, 4)) : 0,
        nextAttempt: retrying && !first ? this.#now + random.int(1, 72) * hour : null,
        settledAt:
          outcome === "void"
            ? at + firstPaymentWithin
            : outcome === "written_off"
              ? at + retriesFor
              : paid
                ? at + 7
                : null,
      }),
    );
    this.#happen("invoice.created", at, draftOf(invoice));
    if (outcome !== "draft") this.#happen("invoice.finalized", at + 1, openOf(invoice));
    if (payment) {
      const { charge, paymentIntent } = payment;
      world.paymentIntents.put(paymentIntent);
      world.charges.put(charge);
      this.#happen(paid ? "charge.succeeded" : "charge.failed", at + 5, charge);
      this.#happen(
        paid ? "payment_intent.succeeded" : "payment_intent.payment_failed",
        at + 6,
        unpaidOf(paymentIntent),
      );
      if (!paid) this.#happen("invoice.payment_failed", at + 7, failedOf(invoice));
      if (paid) this.#afterwards(charge);
    }
    if (paid) this.#happen("invoice.paid", at + 7, invoice);
    if (outcome === "void") this.#happen("invoice.voided", at + firstPaymentWithin, invoice);
    if (outcome === "written_off") this.#happen("invoice.marked_uncollectible", at + retriesFor, invoice);
    return invoice;
  }

  /** Some payments are refunded, fewer are disputed. */
  #afterwards(charge: Stripe.Charge): void {
    const world = this.#world;
    const { random, livemode } = world;
    const at = charge.created + random.int(1, 20) * day - random.int(0, 80_000);
    if (at > this.#now) return;
    const age = this.#now - at;
    if (random.chance(0.03)) {
      const amount = random.chance(0.4) ? Math.floor(charge.amount / 2) : charge.amount;
      const pending = age < 3 * day && random.chance(0.5);
      const status = pending ? "pending" : random.chance(0.05) ? "failed" : "succeeded";
      const refund = world.refunds.put(makeRefund(random, charge, { amount, created: at, status }));
      const refunded = world.charges.put(refundedCharge(charge, refund));
      this.#happen("refund.created", at, hopefulOf(refund));
      if (status === "failed") this.#happen("refund.failed", at + hour, refund);
      else this.#happen("charge.refunded", at, refunded, { amount_refunded: 0, refunded: false });
    } else if (random.chance(0.012)) {
      const open = age < 14 * day;
      const status = open
        ? random.pick([
            "needs_response",
            "under_review",
            "warning_needs_response",
            "warning_under_review",
          ] as const)
        : random.pick(["won", "lost", "lost", "warning_closed"] as const);
      const closed = open ? null : at + 14 * day;
      const dispute = world.disputes.put(
        makeDispute(random, charge, { created: at, closed, status, livemode }),
      );
      const disputed = world.charges.put({ ...charge, disputed: true });
      this.#happen("charge.dispute.created", at, unansweredOf(dispute));
      this.#happen("charge.updated", at, disputed, { disputed: false });
      if (dispute.balance_transactions.length > 0)
        this.#happen("charge.dispute.funds_withdrawn", at, unansweredOf(dispute));
      if (closed !== null) this.#happen("charge.dispute.closed", closed, dispute, { status: "under_review" });
    }
  }

  /** Stripe keeps events for thirty days: older ones were never there for us. */
  #happen<T extends EventType>(
    type: T,
    at: number,
    object: ObjectOf<T>,
    previous?: Record<string, unknown>,
  ): void {
    if (this.#now - at < 30 * day && at <= this.#now) happen(this.#world, type, at, object, previous);
  }
}

const statusOf = {
  paid: "paid",
  failed: "open",
  written_off: "uncollectible",
  void: "void",
  draft: "draft",
} as const;

/** A payment can only be overdue once a first one was made, and is given up only after the retries. */
function possible(wanted: Status, cycles: number, sinceRenewal: number): Status {
  if ((wanted === "past_due" || wanted === "unpaid") && (cycles === 0 || sinceRenewal < hour))
    return "active";
  return wanted === "unpaid" && sinceRenewal < retriesFor ? "past_due" : wanted;
}
