import type Stripe from "stripe";
import type { StripeObject } from "../config/resource.ts";

export interface Stake {
  /** Per month for what recurs, once for what does not; in the currency's smallest unit. */
  amountMinor: number;
  currency: string | null;
}

/** The money that hangs on a Stripe object. */
export function stakeOf(object: StripeObject): Stake {
  switch (object.object) {
    case "customer":
      return { amountMinor: 0, currency: object.currency ?? null };
    case "subscription":
      return { amountMinor: monthlyAmount(object), currency: object.currency };
    case "invoice":
      return { amountMinor: object.total, currency: object.currency };
    default:
      return { amountMinor: object.amount, currency: object.currency };
  }
}

/** An interval that Stripe adds later counts as one month rather than breaking a run. */
const monthsIn = new Map<string, number>([
  ["day", 12 / 365],
  ["week", 12 / 52],
  ["month", 1],
  ["year", 12],
]);

function monthlyAmount(subscription: Stripe.Subscription): number {
  const total = subscription.items.data.reduce((sum, item) => {
    const { unit_amount: unitAmount, recurring } = item.price;
    if (unitAmount === null || recurring === null) return sum;
    const months = (monthsIn.get(recurring.interval) ?? 1) * recurring.interval_count;
    return sum + (unitAmount * (item.quantity ?? 1)) / months;
  }, 0);
  return Math.round(total);
}
