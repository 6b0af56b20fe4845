import type { Impact } from "../db/schema.ts";

/** What people read for an impact, in the desk and outside of it. */
export const impactWords: Record<Impact, { long: string; short: string; meaning: string }> = {
  paid_no_access: {
    long: "Paid, locked out",
    short: "locked out",
    meaning: "Stripe says they pay. Your record keeps them out.",
  },
  access_no_pay: {
    long: "Let in, not paid",
    short: "not paid",
    meaning: "Your record lets them in. Stripe says they do not pay.",
  },
  money: { long: "Amounts differ", short: "amount", meaning: "Both sides know it, with different amounts." },
  other: { long: "Other", short: "other", meaning: "Details differ that touch neither access nor money." },
};
