// What can follow a payment: refunds, disputes, and the payout to the company's bank.
import type Stripe from "stripe";
import type { Random } from "./random.ts";
import { day } from "./times.ts";

export function makeRefund(
  random: Random,
  charge: Stripe.Charge,
  facts: { amount: number; created: number; status: "succeeded" | "pending" | "failed" },
): Stripe.Refund {
  return {
    id: random.id("re", 24),
    object: "refund",
    amount: facts.amount,
    balance_transaction: facts.status === "succeeded" ? random.id("txn", 24) : null,
    charge: charge.id,
    created: facts.created,
    currency: charge.currency,
    customer: charge.customer,
    customer_account: null,
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

export function makeDispute(
  random: Random,
  charge: Stripe.Charge,
  facts: { created: number; status: Stripe.Dispute.Status; livemode: boolean },
): Stripe.Dispute {
  const id = random.id("du", 24);
  const open = ["needs_response", "warning_needs_response"].includes(facts.status);
  const transaction: Stripe.BalanceTransaction = {
    id: random.id("txn", 24),
    object: "balance_transaction",
    amount: -charge.amount,
    available_on: facts.created + 2 * day,
    balance_type: "payments",
    created: facts.created,
    currency: charge.currency,
    description: `Chargeback withdrawal for ${charge.id}`,
    exchange_rate: null,
    fee: 1_500,
    fee_details: [
      {
        amount: 1_500,
        application: null,
        currency: charge.currency,
        description: "Dispute fee",
        type: "stripe_fee",
      },
    ],
    net: -charge.amount - 1_500,
    reporting_category: "dispute",
    source: id,
    status: "available",
    type: "adjustment",
  };
  return {
    id,
    object: "dispute",
    amount: charge.amount,
    balance_transactions: facts.status.startsWith("warning") ? [] : [transaction],
    charge: charge.id,
    created: facts.created,
    currency: charge.currency,
    enhanced_eligibility_types: [],
    evidence: {
      access_activity_log: null,
      billing_address: null,
      cancellation_policy: null,
      cancellation_policy_disclosure: null,
      cancellation_rebuttal: null,
      customer_communication: null,
      customer_email_address: charge.billing_details.email,
      customer_name: charge.billing_details.name,
      customer_purchase_ip: null,
      customer_signature: null,
      duplicate_charge_documentation: null,
      duplicate_charge_explanation: null,
      duplicate_charge_id: null,
      enhanced_evidence: {},
      product_description: null,
      receipt: null,
      refund_policy: null,
      refund_policy_disclosure: null,
      refund_refusal_explanation: null,
      service_date: null,
      service_documentation: null,
      shipping_address: null,
      shipping_carrier: null,
      shipping_date: null,
      shipping_documentation: null,
      shipping_tracking_number: null,
      uncategorized_file: null,
      uncategorized_text: null,
    },
    evidence_details: {
      due_by: open ? facts.created + 14 * day : null,
      enhanced_eligibility: {},
      has_evidence: !open,
      past_due: false,
      submission_count: open ? 0 : 1,
      submission_method: open ? "not_submitted" : "manual",
    },
    intended_submission_method: null,
    is_charge_refundable: facts.status.startsWith("warning"),
    livemode: facts.livemode,
    metadata: {},
    network_reason_code: "10.4",
    payment_intent: charge.payment_intent,
    reason: random.pick(["fraudulent", "product_not_received", "subscription_canceled"]),
    status: facts.status,
  };
}

export function makePayout(
  random: Random,
  facts: { created: number; amount: number; currency: string; status: string; livemode: boolean },
): Stripe.Payout {
  const failed = facts.status === "failed";
  return {
    id: random.id("po", 24),
    object: "payout",
    amount: facts.amount,
    application_fee: null,
    application_fee_amount: null,
    arrival_date: facts.created + 2 * day,
    automatic: true,
    balance_transaction: random.id("txn", 24),
    created: facts.created,
    currency: facts.currency,
    description: "STRIPE PAYOUT",
    destination: "ba_1HalyardOperatingAccount",
    failure_balance_transaction: failed ? random.id("txn", 24) : null,
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
