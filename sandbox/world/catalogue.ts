// What the example company sells.
import Stripe from "stripe";

const plans = [
  { key: "starter", name: "Starter", amounts: { usd: 1_900, eur: 1_800, jpy: 2_900 } },
  { key: "pro", name: "Pro", amounts: { usd: 4_900, eur: 4_500, jpy: 7_400 } },
  { key: "team", name: "Team", amounts: { usd: 9_900, eur: 9_200, jpy: 14_800 } },
  { key: "enterprise", name: "Enterprise", amounts: { usd: 49_900, eur: 46_000, jpy: 74_000 } },
] as const;
const intervals = [
  { key: "monthly", interval: "month", times: 1 },
  { key: "yearly", interval: "year", times: 10 },
] as const;

export const currencies = ["usd", "eur", "jpy"] as const;

export function makeProducts(created: number, livemode: boolean): Stripe.Product[] {
  return plans.map((plan) => ({
    id: `prod_${plan.key}`,
    object: "product",
    active: true,
    created,
    default_price: `price_${plan.key}_monthly_usd`,
    description: null,
    images: [],
    livemode,
    marketing_features: [],
    metadata: {},
    name: plan.name,
    package_dimensions: null,
    shippable: null,
    tax_code: null,
    tax_details: null,
    type: "service",
    updated: created,
    url: null,
  }));
}

/** `price_pro_monthly_usd` and the like: every plan, monthly and yearly, in every currency. */
export function makePrices(created: number, livemode: boolean): Stripe.Price[] {
  return plans.flatMap((plan) =>
    intervals.flatMap((every) =>
      currencies.map((currency): Stripe.Price => {
        const amount = plan.amounts[currency] * every.times;
        return {
          id: `price_${plan.key}_${every.key}_${currency}`,
          object: "price",
          active: true,
          billing_scheme: "per_unit",
          created,
          currency,
          custom_unit_amount: null,
          livemode,
          lookup_key: null,
          metadata: {},
          nickname: `${plan.name}, ${every.key}`,
          product: `prod_${plan.key}`,
          recurring: {
            interval: every.interval,
            interval_count: 1,
            meter: null,
            trial_period_days: null,
            usage_type: "licensed",
          },
          tax_behavior: "unspecified",
          tiers_mode: null,
          transform_quantity: null,
          type: "recurring",
          unit_amount: amount,
          unit_amount_decimal: Stripe.Decimal.from(String(amount)),
        };
      }),
    ),
  );
}

/** The older twin of a price, which Stripe still sends along. */
export function planOf(price: Stripe.Price): Stripe.Plan {
  return {
    id: price.id,
    object: "plan",
    active: price.active,
    amount: price.unit_amount,
    amount_decimal: price.unit_amount_decimal,
    billing_scheme: price.billing_scheme,
    created: price.created,
    currency: price.currency,
    interval: price.recurring?.interval ?? "month",
    interval_count: price.recurring?.interval_count ?? 1,
    livemode: price.livemode,
    metadata: {},
    meter: null,
    nickname: price.nickname,
    product: price.product,
    tiers_mode: null,
    transform_usage: null,
    trial_period_days: null,
    usage_type: "licensed",
  };
}
