import type { Impact } from "../../lib/db/schema.ts";

const letIn = (status: string) => status === "active" || status === "trialing";

/** What it means to a customer that our row says one thing and Stripe another. */
export function accessImpact(local: string, stripe: string, otherwise: Impact = "other"): Impact {
  if (letIn(stripe) && !letIn(local)) return "paid_no_access";
  if (letIn(local) && !letIn(stripe)) return "access_no_pay";
  return otherwise;
}
