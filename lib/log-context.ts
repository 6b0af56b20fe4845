// What the lines of the log are about: whatever is logged inside, however deep, says so.
import { AsyncLocalStorage } from "node:async_hooks";

export interface LogContext {
  /** Of an HTTP request. */
  request?: string;
  run?: number;
  bulk?: number;
}

// On globalThis: a bundler makes several copies of this module in one process.
const key = Symbol.for("driftdesk.logContext");
const process_ = globalThis as typeof globalThis & { [key]?: AsyncLocalStorage<LogContext> };
process_[key] ??= new AsyncLocalStorage();
const current = process_[key];

export const logContext = (): LogContext => current.getStore() ?? {};

/** Everything that `work` logs says so, beside what the lines around it say. */
export const about = <T>(context: LogContext, work: () => T): T =>
  current.run({ ...logContext(), ...context }, work);

/** The same for the rest of what is going on here: for events that have no work to wrap. */
export const aboutFromHere = (context: LogContext): void => current.enterWith(context);
