import type { Cause, Impact, Kind } from "../../lib/db/schema.ts";

/** One discrepancy that a run has to find, in the words of `driftdesk.discrepancies`. */
export interface Planted {
  resource: string;
  kind: Kind;
  stripeId: string | null;
  localKey: string | null;
  /** Columns that differ, sorted. Of a missing row all that Stripe has a value for; of a row that is missing there, those that the mapping sets. */
  fields: string[];
  impact: Impact;
  cause: Cause;
  /** The row cannot be compared in full: the mapping does not know what Stripe says. */
  rowError: boolean;
  /** What happened, for people. */
  why: string;
}
