import type { AlertKind, Impact } from "../db/schema.ts";
import type { Amount, Summary } from "../discrepancies/summary.ts";

/** What each kind of alert has to say. It is kept as JSON, so times are ISO texts. */
export interface AlertData {
  /** A run found new differences. `rows` are customers' rows, `stakes` the commonest currency first. */
  drift: { impacts: { impact: Impact; rows: number; stakes: Amount[] }[]; corrected: number };
  /** Nothing was corrected by itself in a resource, though there was something to correct. */
  held_back: { resource: string; why: string };
  /** What a policy corrected by itself. */
  corrected: { applied: number; stale: number; failed: number };
  run_trouble: { state: string; message: string | null };
  run_recovered: { runs: number };
  approval: { total: number; requestedBy: string; reason: string | null };
  digest: {
    day: string;
    open: Pick<Summary, "rows" | "affectedCustomers">;
    impacts: { impact: Impact; rows: number; stakes: Amount[] }[];
    /** Within the last 24 hours. */
    found: number;
    corrected: number;
    correctedByPolicy: number;
    resolved: number;
    waiting: number;
    checkpoint: string | null;
  };
  test: { by: string };
}

export type Raised = {
  [K in AlertKind]: {
    kind: K;
    /** One with the same key was raised already: it is the same news. */
    key: string;
    account_id?: string | null;
    run_id?: number | null;
    bulk_id?: number | null;
    data: AlertData[K];
  };
}[AlertKind];
