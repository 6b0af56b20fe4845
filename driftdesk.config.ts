// How an example company's tables relate to Stripe: what `npm run demo` reconciles. Start from here for your own.
import { date, defineConfig } from "driftdesk/config";

/** Stripe's price → what our tables call the plan. A price that is missing here is shown as an error of its row. */
const plans: Record<string, string> = {
  price_starter_monthly_usd: "starter",
  price_starter_monthly_eur: "starter",
  price_starter_monthly_jpy: "starter",
  price_starter_yearly_usd: "starter",
  price_starter_yearly_eur: "starter",
  price_starter_yearly_jpy: "starter",
  price_pro_monthly_usd: "pro",
  price_pro_monthly_eur: "pro",
  price_pro_monthly_jpy: "pro",
  price_pro_yearly_usd: "pro",
  price_pro_yearly_eur: "pro",
  price_pro_yearly_jpy: "pro",
  price_team_monthly_usd: "team",
  price_team_monthly_eur: "team",
  price_team_monthly_jpy: "team",
  price_team_yearly_usd: "team",
  price_team_yearly_eur: "team",
  price_team_yearly_jpy: "team",
  price_enterprise_monthly_usd: "enterprise",
  price_enterprise_monthly_eur: "enterprise",
  price_enterprise_monthly_jpy: "enterprise",
  price_enterprise_yearly_usd: "enterprise",
  price_enterprise_yearly_eur: "enterprise",
};

/** Both of our tables say "canceled" for a subscription that never got past its first payment. */
const subscriptionStates: Record<string, string> = {
  incomplete: "incomplete",
  incomplete_expired: "canceled",
  trialing: "trialing",
  active: "active",
  past_due: "past_due",
  unpaid: "unpaid",
  paused: "paused",
  canceled: "canceled",
};

const disputeStates: Record<string, string> = {
  warning_needs_response: "needs_response",
  needs_response: "needs_response",
  warning_under_review: "under_review",
  under_review: "under_review",
  appeal_needs_response: "needs_response",
  appeal_under_review: "under_review",
  won: "won",
  prevented: "won",
  lost: "lost",
  warning_closed: "closed",
};

/** Stripe counts in the smallest unit, some of our columns in the largest. Written as text: no floating point. */
function major(minor: number, currency: string): string {
  const decimals = ["jpy", "krw"].includes(currency) ? 0 : 2;
  const digits = String(Math.abs(minor)).padStart(decimals + 1, "0");
  const whole = digits.slice(0, digits.length - decimals);
  return `${minor < 0 ? "-" : ""}${whole}${decimals > 0 ? `.${digits.slice(-decimals)}` : ""}`;
}

export default defineConfig({
  resources: {
    // A row per subscription.
    subscriptions: {
      stripe: "subscription",
      expand: ["customer"],
      table: "public.customer_accounts",
      key: "id",
      stripeId: "stripe_subscription_id",
      updatedAt: "updated_at",
      label: "customer_email",
      where: "deleted_at IS NULL",
      fields: {
        subscription_status: { from: (s) => s.status, values: subscriptionStates },
        plan: { from: (s) => s.items.data[0]?.price.id, values: plans },
        seats: (s) => s.items.data[0]?.quantity,
        amount_minor: {
          from: (s) => (s.items.data[0]?.price.unit_amount ?? 0) * (s.items.data[0]?.quantity ?? 1),
          money: true,
        },
        currency: { from: "currency", compare: "ignoreCase" },
        current_period_end: (s) => date(s.items.data[0]?.current_period_end),
        canceled_at: (s) => date(s.canceled_at),
        customer_email: {
          from: (s) => (typeof s.customer === "object" && !s.customer.deleted ? s.customer.email : null),
          compare: "ignoreCase",
        },
      },
      access: { field: "subscription_status", granted: ["active", "trialing"] },
      missingInStripe: { set: { subscription_status: "canceled" } },
      missingLocal: {
        insert: (s) => ({
          stripe_subscription_id: s.id,
          stripe_customer_id: s.customer,
          customer_email: typeof s.customer === "object" && !s.customer.deleted ? s.customer.email : null,
          subscription_status: subscriptionStates[s.status],
          plan: plans[s.items.data[0]?.price.id ?? ""],
          seats: s.items.data[0]?.quantity ?? 1,
          amount_minor: (s.items.data[0]?.price.unit_amount ?? 0) * (s.items.data[0]?.quantity ?? 1),
          currency: s.currency,
          current_period_end: date(s.items.data[0]?.current_period_end),
          canceled_at: date(s.canceled_at),
          created_at: date(s.created),
        }),
      },
    },

    // A row per person: of a customer's several subscriptions the one that counts now.
    users: {
      stripe: "subscription",
      table: "public.users",
      key: "id",
      match: { column: "stripe_customer_id", by: "customer" },
      choose: "current",
      updatedAt: "updated_at",
      label: "email",
      fields: {
        subscription_status: { from: (s) => s.status, values: subscriptionStates },
        plan: { from: (s) => s.items.data[0]?.price.id, values: plans },
        current_period_end: (s) => date(s.items.data[0]?.current_period_end),
      },
      access: { field: "subscription_status", granted: ["active", "trialing"] },
      missingInStripe: { set: { subscription_status: "none", plan: null, current_period_end: null } },
    },

    invoices: {
      stripe: "invoice",
      table: "public.invoices",
      key: "id",
      stripeId: "stripe_invoice_id",
      updatedAt: "updated_at",
      label: "number",
      fields: {
        number: "number",
        status: "status",
        amount_due: { from: "amount_due", money: true },
        amount_paid: { from: (i) => major(i.amount_paid, i.currency), money: true },
        currency: { from: "currency", compare: "ignoreCase" },
        paid: (i) => i.status === "paid",
        issued_on: (i) => date(i.created),
        due_date: (i) => date(i.due_date),
        lines: (i) => i.lines.data.map((line) => line.description),
        metadata: (i) => i.metadata ?? {},
      },
      missingLocal: {
        insert: (i) => ({
          stripe_invoice_id: i.id,
          number: i.number,
          status: i.status,
          amount_due: i.amount_due,
          amount_paid: major(i.amount_paid, i.currency),
          currency: i.currency,
          paid: i.status === "paid",
          issued_on: date(i.created),
          due_date: date(i.due_date),
          lines: i.lines.data.map((line) => line.description),
          metadata: i.metadata ?? {},
          created_at: date(i.created),
        }),
      },
    },

    payments: {
      stripe: "charge",
      table: "public.payments",
      key: "id",
      stripeId: "stripe_charge_id",
      updatedAt: "updated_at",
      fields: {
        status: "status",
        amount: { from: (c) => major(c.amount, c.currency), money: true },
        amount_refunded: { from: "amount_refunded", money: true },
        currency: { from: "currency", compare: "ignoreCase" },
        captured: "captured",
        card_brand: (c) => c.payment_method_details?.card?.brand,
      },
      missingLocal: {
        insert: (c) => ({
          stripe_charge_id: c.id,
          status: c.status,
          amount: major(c.amount, c.currency),
          amount_refunded: c.amount_refunded,
          currency: c.currency,
          captured: c.captured,
          card_brand: c.payment_method_details?.card?.brand,
          created_at: date(c.created),
        }),
      },
    },

    refunds: {
      stripe: "refund",
      table: "public.refunds",
      key: "id",
      stripeId: "stripe_refund_id",
      updatedAt: "updated_at",
      fields: {
        charge: "charge",
        status: (r) => r.status ?? "pending",
        amount: { from: "amount", money: true },
        currency: { from: "currency", compare: "ignoreCase" },
        reason: "reason",
      },
      missingLocal: {
        insert: (r) => ({
          stripe_refund_id: r.id,
          charge: r.charge,
          status: r.status ?? "pending",
          amount: r.amount,
          currency: r.currency,
          reason: r.reason,
          created_at: date(r.created),
        }),
      },
    },

    // Somebody has to answer these in time: `due_by` is the bank's deadline.
    disputes: {
      stripe: "dispute",
      table: "public.disputes",
      key: "id",
      stripeId: "stripe_dispute_id",
      updatedAt: "updated_at",
      fields: {
        charge: "charge",
        status: { from: (d) => d.status, values: disputeStates },
        amount: { from: "amount", money: true },
        currency: { from: "currency", compare: "ignoreCase" },
        reason: "reason",
        due_by: (d) => date(d.evidence_details.due_by),
      },
      missingLocal: {
        insert: (d) => ({
          stripe_dispute_id: d.id,
          charge: d.charge,
          status: disputeStates[d.status],
          amount: d.amount,
          currency: d.currency,
          reason: d.reason,
          due_by: date(d.evidence_details.due_by),
          created_at: date(d.created),
        }),
      },
    },

    // Stripe's id is the primary key of this table.
    payouts: {
      stripe: "payout",
      table: "public.payouts",
      key: "payout_id",
      stripeId: "payout_id",
      updatedAt: "updated_at",
      label: "payout_id",
      fields: {
        state: "status",
        amount: { from: (p) => major(p.amount, p.currency), money: true },
        currency: { from: "currency", compare: "ignoreCase" },
        arrives_on: (p) => date(p.arrival_date),
        automatic: "automatic",
      },
    },
  },
  webhookLog: {
    table: "public.stripe_events",
    eventId: "event_id",
    receivedAt: "received_at",
    processedAt: "processed_at",
  },
  schedule: [
    { cron: "0 * * * *", mode: "incremental" },
    { cron: "0 3 * * *", mode: "full" },
  ],
  fixes: { maxAge: "15m", autoLimit: { rows: 500, share: 0.02 }, secondPersonAbove: 50 },
  status: { resource: "users", plan: "plan", periodEnd: "current_period_end", ttl: "5m", shadow: true },
  pace: { requestsPerSecond: 80, perEndpoint: 20 },
});
