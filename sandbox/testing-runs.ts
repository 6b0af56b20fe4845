// Runs of test desks: asked for, taken to their end, held at a request to Stripe.
import type { StripeType } from "../lib/config/resource.ts";
import { type Desk, systemActor } from "../lib/desk.ts";
import { type ExecuteOptions, executeRun } from "../lib/reconcile/run.ts";
import { type RunRequest, type RunView, requestRun } from "../lib/reconcile/runs.ts";
import type { StripeReader } from "../lib/stripe/reader.ts";

/** Asks for a run, a full one unless it is said otherwise; answers its number. */
export async function request(desk: Desk, asked: Partial<RunRequest> = {}): Promise<number> {
  const { run, alreadyRunning } = await requestRun(desk, {
    mode: "full",
    trigger: "command",
    actor: systemActor,
    ...asked,
  });
  if (alreadyRunning) throw new Error(`run ${run.id} is ${run.state}`);
  return run.id;
}

/** Asks for a run and takes it to its end. */
export const run = async (
  desk: Desk,
  asked?: Partial<RunRequest>,
  options?: ExecuteOptions,
): Promise<RunView> => executeRun(desk, await request(desk, asked), options);

interface Gate {
  stripe: StripeReader;
  reached: Promise<void>;
  open(): void;
}

/** A reader that stops before the requests that `which` picks: a process that sleeps there. */
export function gated(
  stripe: StripeReader,
  which: (call: "list" | "retrieve", count: number, type: StripeType) => boolean,
): Gate {
  const reached = Promise.withResolvers<void>();
  const opened = Promise.withResolvers<void>();
  const counts = { list: 0, retrieve: 0 };
  const pass = async (call: "list" | "retrieve", type: StripeType) => {
    if (!which(call, ++counts[call], type)) return;
    reached.resolve();
    await opened.promise;
  };
  return {
    reached: reached.promise,
    open: opened.resolve,
    stripe: {
      ...stripe,
      counts: stripe.counts,
      list: async (...args) => {
        await pass("list", args[0]);
        return stripe.list(...args);
      },
      retrieve: async (...args) => {
        await pass("retrieve", args[0]);
        return stripe.retrieve(...args);
      },
    },
  };
}
