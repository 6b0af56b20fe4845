import { AsyncLocalStorage } from "node:async_hooks";
import type { Priority } from "./pace.ts";

/** How long somebody is ready to try; a reader's own limits where nothing is said. */
export interface Haste {
  attempts: number;
  /** Of each request. */
  timeoutMs: number;
}

const current = new AsyncLocalStorage<{ priority: Priority; haste?: Haste | undefined }>();

/** Whatever this asks of Stripe, somebody sits and waits for: it goes before the pages of runs. */
export const whileSomebodyWaits = <T>(work: () => Promise<T>, haste = currentHaste()): Promise<T> =>
  current.run({ priority: "person", haste }, work);

/** Nobody waits for this, and it gives up soon all the same. */
export const inHaste = <T>(work: () => Promise<T>, haste: Haste): Promise<T> =>
  current.run({ priority: currentPriority(), haste }, work);

export const currentPriority = (): Priority => current.getStore()?.priority ?? "run";

export const currentHaste = (): Haste | undefined => current.getStore()?.haste;
