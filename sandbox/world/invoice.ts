import Stripe from "stripe";
import type { Random } from "./random.ts";

export interface InvoiceFacts {
  id: string;
  number: string | null;
  customer: Stripe.Customer;
  subscription: Stripe.Subscription;
  created: number;
  period: { start: number; end: number };
  status: "draft" | "open" | "paid" | "uncollectible" | "void";
  reason: "subscription_create" | "subscription_cycle" | "subscription_update";
  /** Zero for a trial. */
  amount: number;
  paymentIntent: string | null;
  attempts: number;
  nextAttempt: number | null;
  /** When it was paid, voided or written off. */
  settledAt: number | null;
}

export function makeInvoice(random: Random, facts: InvoiceFacts): Stripe.Invoice {
  const { customer, subscription, amount, status, created } = facts;
  const item = subscription.items.data[0] as Stripe.SubscriptionItem;
  const paid = status === "paid";
  const final = status !== "draft";
  const line: Stripe.InvoiceLineItem = {
    id: random.id("il_1", 23),
    object: "line_item",
    amount,
    currency: subscription.currency,
    description: `${item.quantity ?? 1} × ${item.price.nickname}`,
    discount_amounts: [],
    discountable: true,
    discounts: [],
    invoice: facts.id,
    livemode: subscription.livemode,
    metadata: {},
    parent: {
      invoice_item_details: null,
      subscription_item_details: {
        invoice_item: null,
        proration: false,
        proration_details: null,
        subscription: subscription.id,
        subscription_item: item.id,
      },
      type: "subscription_item_details",
    },
    period: facts.period,
    pretax_credit_amounts: [],
    pricing: {
      price_details: { price: item.price.id, product: String(item.price.product) },
      type: "price_details",
      unit_amount_decimal: item.price.unit_amount_decimal,
    },
    quantity: item.quantity ?? 1,
    quantity_decimal: Stripe.Decimal.from(String(item.quantity ?? 1)),
    subscription: subscription.id,
    subtotal: amount,
    taxes: [],
  };
  const payment: Stripe.InvoicePayment[] =
    facts.paymentIntent === null
      ? []
      : [
          {
            id: random.id("inpay_1", 23),
            object: "invoice_payment",
            amount_paid: paid ? amount : null,
            amount_requested: amount,
            created,
            currency: subscription.currency,
            invoice: facts.id,
            is_default: true,
            livemode: subscription.livemode,
            payment: { payment_intent: facts.paymentIntent, type: "payment_intent" },
            status: paid ? "paid" : status === "void" ? "canceled" : "open",
            status_transitions: {
              canceled_at: status === "void" ? facts.settledAt : null,
              paid_at: paid ? facts.settledAt : null,
            },
          },
        ];
  return {
    id: facts.id,
    object: "invoice",
    account_country: "US",
    account_name: "Halyard",
    account_tax_ids: null,
    amount_due: amount,
    amount_overpaid: 0,
    amount_paid: paid ? amount : 0,
    amount_remaining: paid ? 0 : amount,
    amount_shipping: 0,
    application: null,
    attempt_count: facts.attempts,
    attempted: facts.attempts > 0,
    auto_advance: facts.nextAttempt !== null,
    automatic_tax: { disabled_reason: null, enabled: false, liability: null, provider: null, status: null },
    automatically_finalizes_at: null,
    billing_reason: facts.reason,
    collection_method: "charge_automatically",
    created,
    currency: subscription.currency,
    custom_fields: null,
    customer: customer.id,
    customer_account: null,
    customer_address: null,
    customer_email: customer.email,
    customer_name: customer.name ?? null,
    customer_phone: null,
    customer_shipping: null,
    customer_tax_exempt: "none",
    customer_tax_ids: [],
    default_payment_method: null,
    default_source: null,
    default_tax_rates: [],
    description: null,
    discounts: [],
    due_date: null,
    effective_at: final ? created : null,
    ending_balance: final ? 0 : null,
    footer: null,
    from_invoice: null,
    hosted_invoice_url: final ? `https://invoice.stripe.com/i/${facts.id}` : null,
    invoice_pdf: final ? `https://pay.stripe.com/invoice/${facts.id}/pdf` : null,
    issuer: { type: "self" },
    last_finalization_error: null,
    latest_revision: null,
    lines: { object: "list", data: [line], has_more: false, url: `/v1/invoices/${facts.id}/lines` },
    livemode: subscription.livemode,
    metadata: { source: "billing" },
    next_payment_attempt: facts.nextAttempt,
    number: final ? facts.number : null,
    on_behalf_of: null,
    parent: {
      quote_details: null,
      subscription_details: { metadata: {}, subscription: subscription.id },
      type: "subscription_details",
    },
    payment_settings: { default_mandate: null, payment_method_options: null, payment_method_types: null },
    payments: { object: "list", data: payment, has_more: false, url: "/v1/invoice_payments" },
    period_end: facts.period.end,
    period_start: facts.period.start,
    post_payment_credit_notes_amount: 0,
    pre_payment_credit_notes_amount: 0,
    receipt_number: null,
    rendering: null,
    shipping_cost: null,
    shipping_details: null,
    starting_balance: 0,
    statement_descriptor: null,
    status,
    status_transitions: {
      finalized_at: final ? created : null,
      marked_uncollectible_at: status === "uncollectible" ? facts.settledAt : null,
      paid_at: paid ? facts.settledAt : null,
      voided_at: status === "void" ? facts.settledAt : null,
    },
    subtotal: amount,
    subtotal_excluding_tax: amount,
    test_clock: null,
    total: amount,
    total_discount_amounts: [],
    total_excluding_tax: amount,
    total_pretax_credit_amounts: [],
    total_taxes: [],
    webhooks_delivered_at: final ? created : null,
  };
}
