import type { StripeType } from "../config/resource.ts";

/** How ids of each kind begin. */
export const prefixes: Record<StripeType, RegExp> = {
  customer: /^cus_/,
  subscription: /^sub_/,
  invoice: /^in_/,
  charge: /^(ch|py)_/,
  payment_intent: /^pi_/,
  refund: /^(re|pyr)_/,
  dispute: /^(dp|du|pdp)_/,
  payout: /^po_/,
};

/** What kind of object an id names, by how it begins; null for none that can be mapped. */
export function typeOfId(id: string): StripeType | null {
  const found = Object.entries(prefixes).find(([, prefix]) => prefix.test(id));
  return (found?.[0] as StripeType | undefined) ?? null;
}
