// The words people read for what stands as a code in the database. One place, so that every page says the same.
import type {
  Cause,
  DiscrepancyState,
  Kind,
  Role,
  RunResourceState,
  RunState,
  RunTrigger,
} from "@/lib/db/schema.ts";

export { count, plural } from "@/lib/count.ts";
export { impactWords } from "@/lib/discrepancies/impact-words.ts";

export const causeWords: Record<Cause, { long: string; short: string; meaning: string }> = {
  webhook_undelivered: {
    long: "Webhook not delivered",
    short: "undelivered",
    meaning: "Stripe tried to send the change, and could not deliver it.",
  },
  webhook_lost: {
    long: "Webhook never arrived",
    short: "lost",
    meaning: "Stripe says it was delivered; your log has no trace of it.",
  },
  handler_failed: {
    long: "Handler failed",
    short: "handler failed",
    meaning: "The webhook arrived, and your code did not finish with it, or took it in the wrong order.",
  },
  local_edit: {
    long: "Edited locally",
    short: "edited locally",
    meaning: "The record was changed on your side after Stripe's last change.",
  },
  unknown: { long: "Not known", short: "not known", meaning: "Nothing that Driftdesk can see explains it." },
};

export const stateWords: Record<DiscrepancyState, { long: string; meaning: string }> = {
  open: { long: "Open", meaning: "Nobody has decided yet." },
  waiting: { long: "Waiting", meaning: "Decided by one person; a second one has to agree." },
  snoozed: { long: "Snoozed", meaning: "Put off until a set time." },
  applying: { long: "Applying", meaning: "The correction is being written." },
  fixed: { long: "Fixed", meaning: "The local record was corrected from here." },
  rejected: { long: "Rejected", meaning: "Somebody decided to leave the record as it is." },
  resolved: { long: "Resolved", meaning: "Both sides agree again, without a correction from here." },
};

export const kindWords: Record<Kind, { long: string; short: string }> = {
  mismatch: { long: "Values differ", short: "differs" },
  missing_local: { long: "No local record", short: "no local record" },
  missing_in_stripe: { long: "Not in Stripe", short: "not in Stripe" },
  duplicate: { long: "More than one local record", short: "duplicate" },
};

export const runStateWords: Record<RunState, string> = {
  queued: "Waiting to start",
  running: "Running",
  succeeded: "Complete",
  incomplete: "Incomplete",
  suspicious: "Suspicious",
  failed: "Failed",
  cancelled: "Stopped",
};

export const runTriggerWords: Record<RunTrigger, string> = {
  person: "By hand",
  schedule: "Schedule",
  cron: "Cron request",
  command: "Command line",
  import: "Import",
  webhook: "Webhooks",
};

export const stepWords: Record<RunResourceState, string> = {
  waiting: "Waiting",
  fetching: "Reading Stripe",
  comparing: "Comparing",
  confirming: "Looking again",
  recording: "Writing down",
  done: "Done",
  incomplete: "Incomplete",
  suspicious: "Suspicious",
  failed: "Failed",
};

export const roleWords: Record<Role, { long: string; meaning: string }> = {
  viewer: { long: "Viewer", meaning: "Sees everything, changes nothing." },
  support: { long: "Support", meaning: "Decides single cases that do not change amounts of money." },
  finance: { long: "Finance", meaning: "Decides everything, also in bulk." },
  admin: { long: "Admin", meaning: "Decides everything and manages people." },
};

/** Who did something, within a sentence. */
export const actorWords = (email: string) =>
  email === "policy" ? "the policy" : email === "system" ? "Driftdesk" : email;

/** `customer_accounts` → "customer accounts": a resource's name as people say it. */
export const resourceWords = (name: string) => name.replaceAll("_", " ");
/** The same at the beginning of a line. */
export const resourceTitle = (name: string) => {
  const words = resourceWords(name);
  return words.charAt(0).toUpperCase() + words.slice(1);
};
