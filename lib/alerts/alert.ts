import type { AlertKind, BulkKind, Impact } from "../db/schema.ts";
import type { Amount, Summary } from "../discrepancies/summary.ts";

/** Rows of one impact. `stakes`: the commonest currency first; per month where it is about access. */
export interface ImpactCount {
  impact: Impact;
  rows: number;
  stakes: Amount[];
}

/** What each kind of alert has to say. It is kept as JSON and sent to webhooks as it is, so times are ISO texts. */
export interface AlertData {
  /** A run found new differences. */
  drift: { impacts: ImpactCount[]; corrected: number };
  /** Nothing was corrected by itself in a resource, though there was something to correct. */
  held_back: { resource: string; why: string };
  /** What a policy corrected by itself. */
  corrected: { applied: number; stale: number; failed: number };
  run_trouble: { state: string; message: string | null };
  run_recovered: { runs: number };
  /** A run did not begin when its schedule said, or does not end. `missed`: how many due times there were until now. */
  run_overdue: {
    schedule: string;
    mode: string;
    due: string | null;
    why: "not_begun" | "not_ended";
    missed: number;
  };
  /** Stripe cannot deliver events to an endpoint. */
  pipeline_broken: {
    /** Null where the key may not list endpoints. */
    endpoint: string | null;
    url: string | null;
    since: string | null;
    undelivered: number;
    types: string[];
  };
  pipeline_recovered: {
    endpoint: string | null;
    url: string | null;
    since: string | null;
    until: string | null;
    undelivered: number;
  };
  /** A request that waits for a second person. `kind` is missing in what older versions wrote. */
  approval: { kind?: BulkKind; total: number; requestedBy: string; reason: string | null };
  /** Evidence has to be there within so many days. */
  dispute_due: Amount & {
    dispute: string;
    charge: string | null;
    customer: string | null;
    reason: string;
    due: string;
    days: number;
    livemode: boolean;
  };
  digest: {
    day: string;
    open: Pick<Summary, "rows" | "affectedCustomers">;
    impacts: ImpactCount[];
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
