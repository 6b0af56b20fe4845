import type Stripe from "stripe";
import { planOf } from "./catalogue.ts";
import type { Random } from "./random.ts";

export interface SubscriptionFacts {
  id: string;
  customer: string;
  created: number;
  livemode: boolean;
  price: Stripe.Price;
  quantity: number;
  status: Stripe.Subscription.Status;
  periodStart: number;
  periodEnd: number;
  trial: { start: number; end: number } | null;
  canceledAt: number | null;
  endedAt: number | null;
  cancelAtPeriodEnd: boolean;
  latestInvoice: string | null;
}

export function makeSubscription(random: Random, facts: SubscriptionFacts): Stripe.Subscription {
  const item: Stripe.SubscriptionItem = {
    id: random.id("si"),
    object: "subscription_item",
    billing_thresholds: null,
    created: facts.created,
    current_period_end: facts.periodEnd,
    current_period_start: facts.periodStart,
    current_trial: null,
    discounts: [],
    metadata: {},
    plan: planOf(facts.price),
    price: facts.price,
    quantity: facts.quantity,
    subscription: facts.id,
    tax_rates: [],
  };
  return {
    id: facts.id,
    object: "subscription",
    application: null,
    application_fee_percent: null,
    automatic_tax: { disabled_reason: null, enabled: false, liability: null },
    billing_cycle_anchor: facts.created,
    billing_cycle_anchor_config: null,
    billing_mode: { flexible: null, type: "classic" },
    billing_schedules: [],
    billing_thresholds: null,
    cancel_at: facts.cancelAtPeriodEnd ? facts.periodEnd : null,
    cancel_at_period_end: facts.cancelAtPeriodEnd,
    canceled_at: facts.canceledAt,
    cancellation_details: {
      comment: null,
      feedback: null,
      feedback_option: null,
      reason: facts.canceledAt === null ? null : "cancellation_requested",
    },
    collection_method: "charge_automatically",
    created: facts.created,
    currency: facts.price.currency,
    customer: facts.customer,
    customer_account: null,
    days_until_due: null,
    default_payment_method: null,
    default_source: null,
    default_tax_rates: [],
    description: null,
    discounts: [],
    ended_at: facts.endedAt,
    invoice_settings: {
      account_tax_ids: null,
      custom_fields: null,
      description: null,
      footer: null,
      issuer: { type: "self" },
    },
    items: {
      object: "list",
      data: [item],
      has_more: false,
      url: `/v1/subscription_items?subscription=${facts.id}`,
    },
    latest_invoice: facts.latestInvoice,
    livemode: facts.livemode,
    managed_payments: { enabled: false },
    metadata: {},
    next_pending_invoice_item_invoice: null,
    on_behalf_of: null,
    pause_collection: null,
    payment_settings: {
      payment_method_options: null,
      payment_method_types: null,
      save_default_payment_method: "off",
    },
    pending_invoice_item_interval: null,
    pending_setup_intent: null,
    pending_update: null,
    schedule: null,
    start_date: facts.created,
    status: facts.status,
    test_clock: null,
    transfer_data: null,
    trial_end: facts.trial?.end ?? null,
    trial_settings: {
      end_behavior: { billing_cycle_anchor: null, missing_payment_method: "create_invoice" },
    },
    trial_start: facts.trial?.start ?? null,
  };
}
