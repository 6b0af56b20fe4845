import type { Cause, DiscrepancyState, Impact, Kind } from "../db/schema.ts";

// What people read for the codes of the schema, in one place: table, filters, panel and sentences say the same.

export const impactWords: Record<Impact, string> = {
  paid_no_access: "Paid, locked out",
  access_no_pay: "Let in, not paid",
  money: "Amounts differ",
  other: "Other",
};

export const causeWords: Record<Cause, string> = {
  webhook_undelivered: "Undelivered",
  webhook_lost: "Webhook lost",
  handler_failed: "Handler failed",
  local_edit: "Local edit",
  unknown: "Not known yet",
};

export const kindWords: Record<Kind, string> = {
  mismatch: "Values differ",
  missing_local: "No local record",
  missing_in_stripe: "Not in Stripe",
  duplicate: "Several local records",
};

export const stateWords: Record<DiscrepancyState, string> = {
  open: "Open",
  waiting: "Waiting",
  snoozed: "Snoozed",
  applying: "Applying",
  fixed: "Fixed",
  rejected: "Rejected",
  resolved: "Resolved",
};

/** `current_period_end` as people say it: "current period end". */
export const columnWords = (column: string): string => column.replaceAll("_", " ").trim();
