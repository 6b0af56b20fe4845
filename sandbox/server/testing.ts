// The sandbox and the unmodified `stripe` package that asks it.
import Stripe from "stripe";
import { generateWorld, type WorldOptions } from "../world/world.ts";
import { type Sandbox, type SandboxOptions, startSandbox } from "./server.ts";

export const now = new Date("2026-11-24T12:00:00Z");

export interface Asked {
  sandbox: Sandbox;
  stripe: Stripe;
  close(): Promise<void>;
}

export async function openSandbox(
  options: Partial<SandboxOptions> & { generate?: Partial<WorldOptions> } = {},
): Promise<Asked> {
  const { generate, ...rest } = options;
  const world = options.world ?? generateWorld({ seed: 11, customers: 120, now, ...generate });
  const sandbox = await startSandbox({ now: () => now, ...rest, world });
  return { sandbox, stripe: stripeFor(sandbox), close: sandbox.close };
}

/** Tries nothing again: a test sees each answer. */
export function stripeFor(
  sandbox: Sandbox,
  key = sandbox.secretKey,
  config: Stripe.StripeConfig = {},
): Stripe {
  const { hostname, port } = new URL(sandbox.url);
  return new Stripe(key, {
    host: hostname,
    port,
    protocol: "http",
    maxNetworkRetries: 0,
    telemetry: false,
    ...config,
  });
}
