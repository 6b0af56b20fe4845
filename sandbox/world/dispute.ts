import type Stripe from "stripe";
import type { Random } from "./random.ts";
import { day } from "./times.ts";

export function makeDispute(
  random: Random,
  charge: Stripe.Charge,
  facts: { created: number; closed: number | null; status: Stripe.Dispute.Status; livemode: boolean },
): Stripe.Dispute {
  const id = random.id("du_1", 23);
  const open = ["needs_response", "warning_needs_response"].includes(facts.status);
  const taken = balanceTransaction(random, charge, { dispute: id, created: facts.created, reversal: false });
  const returned = balanceTransaction(random, charge, {
    dispute: id,
    created: facts.closed ?? facts.created,
    reversal: true,
  });
  return {
    id,
    object: "dispute",
    amount: charge.amount,
    // An inquiry (`warning_…`) moves no money.
    balance_transactions: facts.status.startsWith("warning")
      ? []
      : facts.status === "won"
        ? [taken, returned]
        : [taken],
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

/** The dispute after the bank has decided. */
export function closedDispute(
  random: Random,
  dispute: Stripe.Dispute,
  charge: Stripe.Charge,
  facts: { at: number; status: "won" | "lost" | "warning_closed" },
): Stripe.Dispute {
  const returned = { dispute: dispute.id, created: facts.at, reversal: true };
  return {
    ...dispute,
    balance_transactions:
      facts.status === "won"
        ? [...dispute.balance_transactions, balanceTransaction(random, charge, returned)]
        : dispute.balance_transactions,
    evidence_details: {
      ...dispute.evidence_details,
      due_by: null,
      has_evidence: true,
      submission_count: 1,
      submission_method: "manual",
    },
    status: facts.status,
  };
}

/** In the smallest unit of whichever currency. */
const disputeFee = 1_500;

/** The bank takes the money back when a dispute begins, and returns it when the dispute is won. */
function balanceTransaction(
  random: Random,
  charge: Stripe.Charge,
  facts: { dispute: string; created: number; reversal: boolean },
): Stripe.BalanceTransaction {
  const sign = facts.reversal ? 1 : -1;
  const fee = facts.reversal ? 0 : disputeFee;
  return {
    id: random.id("txn_1", 23),
    object: "balance_transaction",
    amount: sign * charge.amount,
    available_on: facts.created + 2 * day,
    balance_type: "payments",
    created: facts.created,
    currency: charge.currency,
    description: `Chargeback ${facts.reversal ? "reversal" : "withdrawal"} for ${charge.id}`,
    exchange_rate: null,
    fee,
    fee_details:
      fee === 0
        ? []
        : [
            {
              amount: fee,
              application: null,
              currency: charge.currency,
              description: "Dispute fee",
              type: "stripe_fee",
            },
          ],
    net: sign * charge.amount - fee,
    reporting_category: facts.reversal ? "dispute_reversal" : "dispute",
    source: facts.dispute,
    status: "available",
    type: "adjustment",
  };
}
