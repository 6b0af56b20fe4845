// A payment intent and its charge: the two always tell the same story.
import type Stripe from "stripe";
import type { Random } from "./random.ts";

export interface PaymentFacts {
  customer: Stripe.Customer;
  amount: number;
  currency: string;
  created: number;
  livemode: boolean;
  succeeded: boolean;
  /** When it was given up. */
  canceledAt: number | null;
  description: string | null;
}

export interface Payment {
  paymentIntent: Stripe.PaymentIntent;
  charge: Stripe.Charge;
}

export function makePayment(random: Random, facts: PaymentFacts): Payment {
  const paymentIntentId = random.id("pi_3", 23);
  const chargeId = random.id("ch_3", 23);
  const method = random.id("pm_1", 23);
  const { customer, amount, currency, created, livemode, succeeded } = facts;
  const charge: Stripe.Charge = {
    id: chargeId,
    object: "charge",
    amount,
    amount_captured: succeeded ? amount : 0,
    amount_refunded: 0,
    application: null,
    application_fee: null,
    application_fee_amount: null,
    balance_transaction: succeeded ? random.id("txn_3", 23) : null,
    billing_details: {
      address: null,
      email: customer.email,
      name: customer.name ?? null,
      phone: null,
      tax_id: null,
    },
    calculated_statement_descriptor: "HALYARD",
    captured: succeeded,
    created,
    currency,
    customer: customer.id,
    description: facts.description,
    disputed: false,
    failure_balance_transaction: null,
    failure_code: succeeded ? null : "card_declined",
    failure_message: succeeded ? null : "Your card was declined.",
    fraud_details: {},
    livemode,
    metadata: {},
    on_behalf_of: null,
    outcome: {
      advice_code: null,
      network_advice_code: null,
      network_decline_code: succeeded ? null : "51",
      network_status: succeeded ? "approved_by_network" : "declined_by_network",
      reason: succeeded ? null : "insufficient_funds",
      risk_level: "normal",
      risk_score: random.int(1, 60),
      seller_message: succeeded ? "Payment complete." : "The bank did not approve the payment.",
      type: succeeded ? "authorized" : "issuer_declined",
    },
    paid: succeeded,
    payment_intent: paymentIntentId,
    payment_method: method,
    payment_method_details: {
      card: {
        amount_authorized: succeeded ? amount : null,
        authorization_code: null,
        brand: random.pick(["visa", "mastercard", "amex", "jcb"]),
        checks: null,
        country: "US",
        electronic_commerce_indicator: null,
        exp_month: random.int(1, 12),
        exp_year: random.int(2027, 2031),
        fingerprint: random.id("f", 16).slice(2),
        funding: "credit",
        installments: null,
        last4: String(random.int(0, 9_999)).padStart(4, "0"),
        mandate: null,
        network: "visa",
        network_transaction_id: null,
        regulated_status: "unregulated",
        three_d_secure: null,
        transaction_link_id: null,
        wallet: null,
      },
      type: "card",
    },
    receipt_email: null,
    receipt_number: null,
    receipt_url: succeeded ? `https://pay.stripe.com/receipts/${chargeId}` : null,
    refunded: false,
    review: null,
    shipping: null,
    source: null,
    source_transfer: null,
    statement_descriptor: null,
    statement_descriptor_suffix: null,
    status: succeeded ? "succeeded" : "failed",
    transfer_data: null,
    transfer_group: null,
  };
  const paymentIntent: Stripe.PaymentIntent = {
    id: paymentIntentId,
    object: "payment_intent",
    allowed_payment_method_types: null,
    amount,
    amount_capturable: 0,
    amount_received: succeeded ? amount : 0,
    application: null,
    application_fee_amount: null,
    automatic_payment_methods: null,
    canceled_at: facts.canceledAt,
    cancellation_reason: facts.canceledAt === null ? null : "void_invoice",
    capture_method: "automatic",
    client_secret: null,
    confirmation_method: "automatic",
    created,
    currency,
    customer: customer.id,
    customer_account: null,
    description: facts.description,
    excluded_payment_method_types: null,
    last_payment_error: succeeded
      ? null
      : { charge: chargeId, code: "card_declined", message: "Your card was declined.", type: "card_error" },
    latest_charge: chargeId,
    livemode,
    managed_payments: { enabled: false },
    metadata: {},
    next_action: null,
    on_behalf_of: null,
    payment_method: succeeded ? method : null,
    payment_method_configuration_details: null,
    payment_method_options: null,
    payment_method_types: ["card"],
    payment_record: null,
    processing: null,
    receipt_email: null,
    review: null,
    setup_future_usage: "off_session",
    shipping: null,
    source: null,
    statement_descriptor: null,
    statement_descriptor_suffix: null,
    status: succeeded ? "succeeded" : facts.canceledAt === null ? "requires_payment_method" : "canceled",
    transfer_data: null,
    transfer_group: null,
  };
  return { paymentIntent, charge };
}
