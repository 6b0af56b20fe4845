// The mapping as the rest of the code sees it: checked, defaulted, one shape. `define.ts` is what people write.
import type Stripe from "stripe";
import type { AlertKind } from "../db/schema.ts";

/** The Stripe objects that can be mapped, under the names that a config uses. */
export interface StripeObjects {
  customer: Stripe.Customer;
  subscription: Stripe.Subscription;
  invoice: Stripe.Invoice;
  charge: Stripe.Charge;
  payment_intent: Stripe.PaymentIntent;
  refund: Stripe.Refund;
  dispute: Stripe.Dispute;
  payout: Stripe.Payout;
}
export type StripeType = keyof StripeObjects;
export type StripeObject = StripeObjects[StripeType];

export type Policy = "review" | "auto";

export interface Field {
  /** Local column that the value goes into. */
  column: string;
  /** Reads the value from the Stripe object. May throw: that is an error of this one row. */
  from: (object: never) => unknown;
  /** Top-level property that `from` reads, when it is nothing but that. */
  property?: string | undefined;
  /** Stripe's value → local value. A value that the map lacks is an error of that one row. */
  values: Readonly<Record<string, string | number | boolean | null>> | undefined;
  policy: Policy;
  compare: "exact" | "ignoreCase";
  /** An amount of money: its difference is the impact `money`, and changing it needs the right to. */
  money: boolean;
}

export interface Resource {
  name: string;
  stripe: StripeType;
  /** Unquoted parts of the table's name, exactly as in the catalog. */
  table: { schema: string; name: string };
  /** Local primary key column. */
  key: string;
  match: { column: string; by: "id" | "customer" | "customerEmail" };
  /** Which object stands for a customer who has several: the lowest rank, then the newest. */
  choose: (object: never) => number;
  updatedAt: string | undefined;
  label: string | undefined;
  /** SQL condition on local rows, as written in the config. */
  where: string | undefined;
  /** The part of `where` that says which rows of a table with several accounts are this one's. */
  share?: string | undefined;
  /** `expand` paths asked of Stripe for each object, e.g. `["customer"]`. */
  expand: readonly string[];
  fields: readonly Field[];
  /** Of columns that no field names, which only an insert writes. */
  policy: Policy;
  access: { field: string; granted: readonly string[] } | undefined;
  /** When objects in a final state are read again on a slower rhythm; undefined: never. */
  settled: { afterMs: number; rereadEveryMs: number } | undefined;
  missingInStripe: { set: Readonly<Record<string, unknown>> } | "report";
  missingLocal: { insert: (object: never) => Record<string, unknown> } | "report";
}

/** One Stripe account, as the config describes it. */
export interface Account {
  /** As the config calls it; null in the short form, which has one and gives it no name. */
  name: string | null;
  /** The only account that the key may belong to; undefined: whichever it does. */
  id: string | undefined;
  /** Environment variable that holds the key. */
  key: string;
  /** A connected account, which is asked through the key of its platform. */
  stripeAccount: string | undefined;
  /** Environment variable that holds the signing secrets of its webhooks. */
  webhookSecret: string;
  /** Names of the config's other accounts. */
  others: readonly string[];
}

export interface QuietHours {
  /** Times of day, as "22:00". */
  from: string;
  to: string;
  timeZone: string;
  /** What is sent all the same. */
  pass: readonly AlertKind[];
}

/** What holds for every account. */
export interface Rules {
  webhookLog:
    | { table: string; eventId: string; receivedAt: string; processedAt: string | undefined }
    | undefined;
  schedule: readonly { cron: string; mode: "incremental" | "full"; timeZone: string }[];
  fixes: {
    maxAgeMs: number;
    autoLimit: { rows: number; share: number };
    /** Bulk actions of more rows than this wait for another person; undefined: never. */
    secondPersonAbove: number | undefined;
    /** Whether whatever writes an amount of money waits for another person, be it a single row. */
    secondPersonForMoney: boolean;
  };
  alerts: {
    slack: { channel: string } | undefined;
    email: { to: readonly string[] } | undefined;
    /** A run that finds more new differences than this is told. */
    newDrift: number;
    /** So is one with more money at stake than this, in a currency's smallest unit. */
    newAtStake: Readonly<Record<string, number>>;
    quietHours: QuietHours | undefined;
    /** The time of day of the daily summary, as "08:00"; false: none. */
    digest: string | false;
    timeZone: string;
  };
  status: StatusRules;
  webhooks: {
    /** How long an event waits before its object is looked at: the company's own handler is to have its time. */
    graceMs: number;
  };
}

/** The live lookup. */
export interface StatusRules {
  /** Name of the resource that answers; undefined: the rule in lib/status/answering.ts says which. */
  resource: string | undefined;
  plan: string | undefined;
  periodEnd: string | undefined;
  ttlMs: number;
  negativeTtlMs: number;
  staleForMs: number;
  deadlineMs: number;
  fail: "open" | "closed";
  shadow: boolean;
  /** Of one API token, in this process. */
  requestsPerSecond: number;
}

/** The config as it is for one account. */
export interface Config extends Rules {
  account: Account;
  resources: readonly Resource[];
  pace: { requestsPerSecond: number; perEndpoint: number };
  /** A hash of the file that it was loaded from: functions of a mapping may use whatever else stands in it. */
  source?: string | undefined;
}

/** The config as a whole. */
export interface Configuration extends Rules {
  /** In the order of the config; the short form has one. */
  accounts: readonly [Config, ...Config[]];
}
