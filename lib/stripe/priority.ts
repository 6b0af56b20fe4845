import { AsyncLocalStorage } from "node:async_hooks";
import type { Priority } from "./pace.ts";

const current = new AsyncLocalStorage<Priority>();

/** Whatever this asks of Stripe, somebody sits and waits for: it goes before the pages of runs. */
export const whileSomebodyWaits = <T>(work: () => Promise<T>): Promise<T> => current.run("person", work);

export const currentPriority = (): Priority => current.getStore() ?? "run";
