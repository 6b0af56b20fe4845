// Money that goes back, and money that arrives.
import type Stripe from "stripe";
import { closedDispute, makeDispute } from "../dispute.ts";
import { makeRefund, refundedCharge } from "../refund.ts";
import { secondsOf } from "../times.ts";
import { happen, type World } from "../world.ts";
import { type Change, of, revise } from "./change.ts";

/** All that is left of a charge, or a part of it. */
export const refund: Change<{ charge: string; amount?: number }, Stripe.Refund> = (world, now, asked) => {
  const at = secondsOf(now);
  const charge = paidCharge(world, asked.charge);
  if (charge.disputed) throw new Error(`${charge.id} is disputed: the bank decides about its money`);
  const left = charge.amount - charge.amount_refunded;
  const amount = asked.amount ?? left;
  if (amount < 1 || amount > left) throw new Error(`${charge.id} has ${left} left to refund, not ${amount}`);
  const made = world.refunds.put(
    makeRefund(world.random, charge, { amount, created: at, status: "succeeded" }),
  );
  const { amount_refunded, refunded } = refundedCharge(charge, made);
  happen(world, "refund.created", at, made);
  revise(world, at, world.charges, "charge.refunded", charge.id, { amount_refunded, refunded });
  return made;
};

/** The money has arrived at the customer's bank. */
export const settleRefund: Change<{ refund: string }, Stripe.Refund> = (world, now, asked) =>
  revise(world, secondsOf(now), world.refunds, "refund.updated", asked.refund, {
    balance_transaction: world.random.id("txn_3", 23),
    status: "succeeded",
  });

/** The customer's bank takes the payment back until it has decided. */
export const dispute: Change<{ charge: string }, Stripe.Dispute> = (world, now, asked) => {
  const at = secondsOf(now);
  const charge = paidCharge(world, asked.charge);
  if (charge.disputed) throw new Error(`${charge.id} is disputed already`);
  const facts = { created: at, closed: null, status: "needs_response", livemode: world.livemode } as const;
  const made = world.disputes.put(makeDispute(world.random, charge, facts));
  revise(world, at, world.charges, "charge.updated", charge.id, { disputed: true });
  happen(world, "charge.dispute.created", at, made);
  happen(world, "charge.dispute.funds_withdrawn", at, made);
  return made;
};

/** The bank has decided; an inquiry, which moved no money, is only closed. */
export const closeDispute: Change<{ dispute: string; outcome: "won" | "lost" }, Stripe.Dispute> = (
  world,
  now,
  asked,
) => {
  const at = secondsOf(now);
  const open = of(world.disputes, asked.dispute);
  if (!/needs_response|under_review/.test(open.status))
    throw new Error(`${open.id} is ${open.status} already`);
  const charge = of(world.charges, String(open.charge));
  const status = open.status.startsWith("warning") ? "warning_closed" : asked.outcome;
  const { id, ...closed } = closedDispute(world.random, open, charge, { at, status });
  const made = revise(world, at, world.disputes, "charge.dispute.closed", id, closed);
  if (status === "won") happen(world, "charge.dispute.funds_reinstated", at, made);
  return made;
};

/** The money arrives at the bank. */
export const settlePayout: Change<{ payout: string }, Stripe.Payout> = (world, now, asked) => {
  const { id, status } = of(world.payouts, asked.payout);
  if (status !== "pending" && status !== "in_transit") throw new Error(`${id} is ${status} already`);
  return revise(world, secondsOf(now), world.payouts, "payout.paid", id, {
    reconciliation_status: "completed",
    status: "paid",
  });
};

function paidCharge(world: World, id: string): Stripe.Charge {
  const charge = of(world.charges, id);
  if (charge.status !== "succeeded") throw new Error(`${id} was not paid: it is ${charge.status}`);
  return charge;
}
