import type Stripe from "stripe";

export function makeAccount(id: string, created: number): Stripe.Account {
  return {
    id,
    object: "account",
    business_profile: {
      mcc: "5734",
      minority_owned_business_designation: null,
      name: "Halyard",
      product_description: null,
      specified_commercial_transactions_act_url: null,
      support_address: null,
      support_email: null,
      support_phone: null,
      support_url: null,
      url: "https://halyard.example.com",
    },
    business_type: "company",
    charges_enabled: true,
    country: "US",
    created,
    default_currency: "usd",
    details_submitted: true,
    email: "billing@halyard.example.com",
    metadata: {},
    payouts_enabled: true,
    type: "standard",
  };
}
