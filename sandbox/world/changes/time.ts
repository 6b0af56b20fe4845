import type Stripe from "stripe";
import { firstPaymentWithin } from "../life.ts";
import { day, secondsOf } from "../times.ts";
import type { World } from "../world.ts";
import { settlePayout, settleRefund } from "./money.ts";
import { cancel, expire, failRenewal, giveUp, recover, renew } from "./subscription.ts";

/** How much of what is due goes wrong; each is a share from 0 to 1. */
export interface Luck {
  /** Renewals whose payment fails. */
  failedRenewals: number;
  /** Of payments that are tried again, those that work; the others are given up. */
  recovered: number;
}
const ordinaryLuck: Luck = { failedRenewals: 0.08, recovered: 0.7 };

/** Lets everything happen that is due by now, in order and each at its own time: renewals, retries, ends, refunds, payouts. */
export function passTime(world: World, now: Date, luck: Luck = ordinaryLuck): void {
  const until = secondsOf(now);
  const queue: Due[] = [];
  const wait = (due: Due | null, since = 0) => {
    if (due === null || due.at > until) return;
    const at = Math.max(due.at, since);
    const place = queue.findLastIndex((other) => other.at <= at) + 1;
    queue.splice(place, 0, { ...due, at });
  };
  for (const payout of world.payouts.values()) wait(arrivalOf(world, payout));
  for (const refund of world.refunds.values()) wait(settlementOf(world, refund));
  for (const subscription of world.subscriptions.values()) wait(nextOf(world, subscription, luck));
  for (let due = queue.shift(); due; due = queue.shift()) {
    due.happen(new Date(due.at * 1000));
    const subscription = world.subscriptions.get(due.id);
    if (subscription) wait(nextOf(world, subscription, luck), due.at);
  }
}

interface Due {
  id: string;
  at: number;
  happen: (when: Date) => unknown;
}

function arrivalOf(world: World, { id, status, arrival_date: at }: Stripe.Payout): Due | null {
  if (status !== "pending" && status !== "in_transit") return null;
  return { id, at, happen: (when) => settlePayout(world, when, { payout: id }) };
}

/** Banks take some days. */
const refundWithin = 5 * day;

function settlementOf(world: World, { id, status, created }: Stripe.Refund): Due | null {
  if (status !== "pending") return null;
  return { id, at: created + refundWithin, happen: (when) => settleRefund(world, when, { refund: id }) };
}

/** What a subscription waits for. Nothing when it is over, unpaid or paused: then somebody has to do something. */
function nextOf(world: World, subscription: Stripe.Subscription, luck: Luck): Due | null {
  const { random } = world;
  const { id, status } = subscription;
  const asked = { subscription: id };
  const periodEnd = subscription.items.data[0]?.current_period_end ?? 0;
  const invoice = world.invoices.get(String(subscription.latest_invoice));
  if (status === "incomplete" && invoice)
    return {
      id,
      at: subscription.created + firstPaymentWithin,
      happen: (when) => expire(world, when, asked),
    };
  if (status === "past_due" && invoice?.next_payment_attempt)
    return {
      id,
      at: invoice.next_payment_attempt,
      happen: (when) => (random.chance(luck.recovered) ? recover : giveUp)(world, when, asked),
    };
  if (status !== "active" && status !== "trialing") return null;
  const renewal = () => (random.chance(luck.failedRenewals) ? failRenewal : renew);
  return {
    id,
    at: periodEnd,
    happen: (when) => (subscription.cancel_at_period_end ? cancel : renewal())(world, when, asked),
  };
}
