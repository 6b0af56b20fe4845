import { join } from "node:path";
import { startProcess } from "./process.ts";
import type { StripeProcessOptions, StripeReady } from "./stripe-process.ts";

export const configFile = join(import.meta.dirname, "driftdesk.config.ts");
/** Of a live account, as Stripe documents them. */
export const limits = { requestsPerSecond: 100, perEndpoint: 25 };
/** Of a page of a hundred objects. */
const latencyMs = 200;

export interface BenchStripe {
  url: string;
  secretKey: string;
  secretKeys: readonly string[];
  /** Changes so many customers of the first account. */
  change(count: number): Promise<void>;
}

/** Starts Stripe in a process of its own, does something with it, and ends it. */
export async function withStripe<T>(
  options: Pick<StripeProcessOptions, "localUrl" | "objects" | "kinds"> & Partial<StripeProcessOptions>,
  work: (stripe: BenchStripe) => Promise<T>,
): Promise<T> {
  const given: StripeProcessOptions = { accounts: 1, limits, latencyMs, ...options };
  const stripe = startProcess("stripe-process.ts", [JSON.stringify(given)], {}, [
    "--max-old-space-size=16000",
    "--heap-growing-percent=300",
    "--expose-gc",
  ]);
  try {
    const { url, secretKeys } = (await stripe.line()) as StripeReady;
    return await work({
      url,
      secretKeys,
      secretKey: secretKeys[0] as string,
      async change(count) {
        stripe.say(String(count));
        await stripe.line();
      },
    });
  } finally {
    stripe.end();
    await stripe.ended;
  }
}
