import type Stripe from "stripe";
import type { Random } from "./random.ts";

export function makeRefund(
  random: Random,
  charge: Stripe.Charge,
  facts: { amount: number; created: number; status: "succeeded" | "pending" | "failed" },
): Stripe.Refund {
  return {
    id: random.id("re_3", 23),
    object: "refund",
    amount: facts.amount,
    balance_transaction: facts.status === "succeeded" ? random.id("txn_3", 23) : null,
    charge: charge.id,
    created: facts.created,
    currency: charge.currency,
    customer: charge.customer,
    customer_account: null,
    ...(facts.status === "failed" && {
      failure_balance_transaction: random.id("txn_3", 23),
      failure_reason: "lost_or_stolen_card",
    }),
    metadata: {},
    payment_intent: charge.payment_intent,
    payment_method: charge.payment_method,
    reason: random.pick(["requested_by_customer", "duplicate", null]),
    receipt_number: null,
    source_transfer_reversal: null,
    status: facts.status,
    transfer_reversal: null,
  };
}

/** The charge as it is after a refund. */
export function refundedCharge(charge: Stripe.Charge, refund: Stripe.Refund): Stripe.Charge {
  if (refund.status === "failed") return charge;
  const amount = charge.amount_refunded + refund.amount;
  return { ...charge, amount_refunded: amount, refunded: amount === charge.amount };
}
