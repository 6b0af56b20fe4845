import { type OpenDesk, openDesk } from "@/lib/desk.ts";

// On globalThis: a bundler makes several copies of this module in one process, which still has one desk.
const process_ = globalThis as typeof globalThis & { driftdesk?: Promise<OpenDesk> };

/** The desk of this process, opened by whoever asks first. An opening that failed is tried again by the next. */
export function getDesk(): Promise<OpenDesk> {
  process_.driftdesk ??= openDesk().catch((error) => {
    process_.driftdesk = undefined;
    throw error;
  });
  return process_.driftdesk;
}
