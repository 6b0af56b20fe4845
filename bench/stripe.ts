import { join } from "node:path";
import { startProcess } from "./process.ts";
import type { StripeProcessOptions } from "./stripe-process.ts";

export const configFile = join(import.meta.dirname, "driftdesk.config.ts");
/** Of a live account, as Stripe documents them. */
export const limits = { requestsPerSecond: 100, perEndpoint: 25 };
/** Of a page of a hundred objects. */
const latencyMs = 200;

/** Starts Stripe in a process of its own, does something with it, and ends it. */
export async function withStripe<T>(
  options: Omit<StripeProcessOptions, "limits" | "latencyMs">,
  work: (stripe: { url: string; secretKey: string }) => Promise<T>,
): Promise<T> {
  const given: StripeProcessOptions = { ...options, limits, latencyMs };
  const stripe = startProcess("stripe-process.ts", [JSON.stringify(given)], {}, [
    "--max-old-space-size=16000",
  ]);
  try {
    return await work((await stripe.line()) as { url: string; secretKey: string });
  } finally {
    stripe.end();
    await stripe.ended;
  }
}
