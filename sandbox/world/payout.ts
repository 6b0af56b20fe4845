import type Stripe from "stripe";
import { sentOf } from "./before.ts";
import type { Random } from "./random.ts";
import { day } from "./times.ts";
import { happen, type World } from "./world.ts";

const week = 7 * day;

/** Once a week and currency the company gets what came in during the week before, less what went back and the fees. */
export function addPayouts(world: World, began: number, now: number): void {
  const { random, livemode } = world;
  const weeks = new Map<string, number>();
  const book = (at: number, currency: string, amount: number) => {
    const key = `${Math.floor((at - began) / week)} ${currency}`;
    weeks.set(key, (weeks.get(key) ?? 0) + amount);
  };
  for (const charge of world.charges.values())
    if (charge.status === "succeeded")
      book(charge.created, charge.currency, charge.amount - feeOf(charge.amount, charge.currency));
  for (const refund of world.refunds.values())
    if (refund.status === "succeeded") book(refund.created, refund.currency, -refund.amount);
  for (const dispute of world.disputes.values())
    for (const transaction of dispute.balance_transactions)
      book(dispute.created, transaction.currency, transaction.net);
  // What a bad week leaves owing is kept back from the week after.
  const owed = new Map<string, number>();
  const order = [...weeks].map(([key, amount]) => ({ key, amount, week: Number.parseInt(key, 10) }));
  for (const { key, amount, week: number } of order.sort(
    (a, b) => a.week - b.week || (a.key < b.key ? -1 : 1),
  )) {
    const currency = key.slice(key.indexOf(" ") + 1);
    const created = began + (number + 1) * week;
    if (created > now) continue;
    const left = amount + (owed.get(currency) ?? 0);
    owed.set(currency, Math.min(0, left));
    if (left <= 0) continue;
    const age = now - created;
    const failed = random.chance(0.02);
    const status = age < day ? "pending" : age < 2 * day ? "in_transit" : failed ? "failed" : "paid";
    const payout = world.payouts.put(
      makePayout(random, { created, amount: left, currency, status, livemode }),
    );
    if (now - created < 30 * day) happen(world, "payout.created", created, sentOf(payout));
    const arrived = created + 2 * day;
    if (status !== "paid" && status !== "failed") continue;
    if (now - arrived < 30 * day) happen(world, `payout.${status}`, arrived, payout);
  }
}

/** What Stripe keeps of a payment. */
export const feeOf = (amount: number, currency: string): number =>
  Math.round(amount * 0.029) + (currency === "jpy" ? 0 : 30);

function makePayout(
  random: Random,
  facts: { created: number; amount: number; currency: string; status: string; livemode: boolean },
): Stripe.Payout {
  const failed = facts.status === "failed";
  return {
    id: random.id("po_1", 23),
    object: "payout",
    amount: facts.amount,
    application_fee: null,
    application_fee_amount: null,
    arrival_date: facts.created + 2 * day,
    automatic: true,
    balance_transaction: random.id("txn_1", 23),
    created: facts.created,
    currency: facts.currency,
    description: "STRIPE PAYOUT",
    destination: `ba_1HalyardOperating${facts.currency.toUpperCase()}`,
    failure_balance_transaction: failed ? random.id("txn_1", 23) : null,
    failure_code: failed ? "account_closed" : null,
    failure_message: failed ? "The bank account has been closed." : null,
    livemode: facts.livemode,
    metadata: {},
    method: "standard",
    original_payout: null,
    payout_method: null,
    reconciliation_status: facts.status === "paid" ? "completed" : "in_progress",
    reversed_by: null,
    source_type: "card",
    statement_descriptor: null,
    status: facts.status,
    trace_id: null,
    type: "bank_account",
  };
}
