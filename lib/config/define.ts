// The configuration as people write it. `defineConfig` only adds types: a plain default-exported object is as good.
import type { AlertKind } from "../db/schema.ts";
import type { Duration } from "./duration.ts";
import type { Policy, StripeObjects, StripeType } from "./resource.ts";

/** The value of a local column for a Stripe object: null and undefined both mean NULL. */
type Project<T> = (object: T) => unknown;

export interface FieldDefinition<T> {
  /** Top-level property of the Stripe object, or a function of it. */
  from: (keyof T & string) | Project<T>;
  /** Stripe's value → the local one. A value that is not listed is an error of its row. */
  values?: Readonly<Record<string, string | number | boolean | null>>;
  /**
   * Who decides about a difference: a person, or nobody, within `fixes.autoLimit`. A record is corrected by itself where
   * everything that would be written is `auto`. Default: the resource's; for an amount of money always `review`.
   */
  policy?: Policy;
  /** Default `exact`. */
  compare?: "exact" | "ignoreCase";
  /** An amount of money: a difference has the impact `money`, and only those with the right to may change it. Default false. */
  money?: boolean;
}

interface ResourceOf<K extends StripeType, T = StripeObjects[K]> {
  /** Kind of Stripe object. */
  stripe: K;
  /** Local table, `name` or `schema.name`, taken as written: no folding to lower case. */
  table: string;
  /** Primary key column of the local table. */
  key: string;
  /** Column that holds the Stripe id; short for `match: { column, by: "id" }`. */
  stripeId?: string;
  /** Column that says whose the row is. */
  match?: { column: string; by: "id" | "customer" | "customerEmail" };
  /**
   * Which of a customer's several objects counts. `current`: active, trialing, past_due, unpaid, paused, incomplete,
   * canceled, anything else; then the newest. A function gives a rank: the lowest wins, then the newest. Default `current`.
   */
  choose?: "current" | ((object: T) => number);
  /** Column that a fix sets to now(). */
  updatedAt?: string;
  /** Column with what people call this row. */
  label?: string;
  /** SQL condition that local rows have to meet, e.g. `deleted_at IS NULL`. */
  where?: string;
  /** Properties that Stripe shall expand in each object, e.g. `["customer"]`. */
  expand?: readonly string[];
  /** Local column → where its value comes from. */
  fields: Readonly<Record<string, (keyof T & string) | Project<T> | FieldDefinition<T>>>;
  /** Default for fields, and for whatever else an insert writes. Default `review`. */
  policy?: Policy;
  /** Which values (as the local column spells them) let a customer in; gives impact its meaning. */
  access?: { field: string; granted: readonly string[] };
  /** What to write into a row that Stripe does not know. Default `report`. */
  missingInStripe?: "report" | { set: Readonly<Record<string, unknown>> };
  /**
   * Objects that have been in a final state and in order for `after` are read again every `rereadEvery` only: a
   * difference that Stripe's side makes in one of them may stay unseen for that long. Not for customers, who have no
   * final state. Default: every full run reads everything.
   */
  settled?: { after: Duration; rereadEvery: Duration };
  /**
   * The columns of the row to insert for an object that has none; `account` is the account's name among `accounts`, null
   * in the short form. Default `report`.
   */
  missingLocal?: "report" | { insert: (object: T, account: string | null) => Record<string, unknown> };
}

export type ResourceDefinition = { [K in StripeType]: ResourceOf<K> }[StripeType];

interface RulesDefinition {
  /**
   * Your own log of received webhooks, if you keep one: a row for each event. Without it no webhook is called lost, and no
   * handler failed. `processedAt` is NULL while the handler is not done.
   */
  webhookLog?: { table: string; eventId: string; receivedAt: string; processedAt?: string };
  /** When runs start by themselves; of every account. `timeZone` as in "Europe/Berlin", default "UTC". */
  schedule?: readonly { cron: string; mode: "incremental" | "full"; timeZone?: string }[];
  fixes?: {
    /** Older observations are read again at Stripe before anything is written. Default `15m`. */
    maxAge?: Duration;
    /**
     * Of one resource. When more rows, or a larger share of those that have their object in Stripe, would be corrected by
     * themselves, none is, and all wait for a person. Default 500 rows, 0.02. 0 turns automatic corrections off.
     */
    autoLimit?: { rows?: number; share?: number };
    /** Bulk actions of more rows need a second person. Default: never. */
    secondPersonAbove?: number;
    /** Whether a fix that writes a field marked `money` needs a second person, a single one too. Default true. */
    secondPersonForMoney?: boolean;
  };
  alerts?: {
    /** Where alerts go: the channel of the webhook in `SLACK_WEBHOOK_URL`, as people call it. */
    slack?: { channel: string };
    /** Who gets alerts by e-mail, through the server in `SMTP_URL`. */
    email?: { to: readonly string[] };
    /** A run that finds more new differences than this is told. Default 0: any. */
    newDrift?: number;
    /** So is one with more money at stake than this, whatever the number: `{ usd: 10_000 }` are 100 dollars. */
    newAtStake?: Readonly<Record<string, number>>;
    /** Nothing is sent from one time of day to the other, but for what may `pass`; then what waited comes as one message. */
    quietHours?: {
      /** As in "22:00". */
      from: string;
      to: string;
      /** Default: that of all alerts. */
      timeZone?: string;
      /** What is sent all the same. Default `["pipeline_broken", "held_back", "run_trouble"]`. */
      pass?: readonly Exclude<AlertKind, "digest" | "test">[];
    };
    /** When the daily summary goes out, as in "08:00", or `false`. Default "08:00". */
    digest?: string | false;
    /** Of the daily summary, and of the times in messages. Default "UTC". */
    timeZone?: string;
  };
  /** The live lookup, `GET /api/status/KEY`. */
  status?: StatusDefinition;
  webhooks?: {
    /** How long after an event its object is looked at: longer than your own handler takes. Default `1m`. */
    grace?: Duration;
  };
  /** Requests per second, for a whole account and for each endpoint. Default 80 and 20. */
  pace?: PaceDefinition;
}

interface StatusDefinition {
  /**
   * The resource that says whether a customer is let in: one with `access`. Default: the first of those whose rows belong
   * to a customer, else the first.
   */
  resource?: string;
  /** Columns among its fields with the plan and the end of the paid period. Default: Stripe's price id and its own time. */
  plan?: string;
  periodEnd?: string;
  /** How long an answer of Stripe's is taken for fresh, at most. Default `5m`. */
  ttl?: Duration;
  /** The same where Stripe has nothing. Default `30s`. */
  negativeTtl?: Duration;
  /** How long the last known answer is given, marked as stale, while Stripe does not answer. Default `24h`. */
  staleFor?: Duration;
  /** After this a lookup is answered, whatever Stripe does. Default `2s`. */
  deadline?: Duration;
  /** What `access` is where nothing is known and Stripe does not answer: `closed` keeps out, `open` lets in. Default `closed`. */
  fail?: "open" | "closed";
  /** Whether answers that came from Stripe are compared with the local row; where it differs, the record is checked. Default false. */
  shadow?: boolean;
  /** Lookups of one API token, in each process. Default 1000. */
  requestsPerSecond?: number;
}

interface PaceDefinition {
  requestsPerSecond?: number;
  perEndpoint?: number;
}

type Resources = Readonly<Record<string, ResourceDefinition>>;

/** The short form: one account, whose key is in `STRIPE_SECRET_KEY`. */
export interface OneAccountDefinition extends RulesDefinition {
  /** Pins the Stripe account; checked before anything is compared. */
  account?: { id: string };
  resources: Resources;
  accounts?: undefined;
}

/** Several accounts, each with a key of its own or, as a connected account, through its platform's. */
export interface SeveralAccountsDefinition extends RulesDefinition {
  /** Name → account. People see the name. */
  accounts: Readonly<Record<string, AccountDefinition>>;
  /** The mapping of every account that has none of its own. */
  resources?: Resources;
  account?: undefined;
}

export interface AccountDefinition {
  /** Pins the Stripe account; checked before anything is compared. */
  id?: string;
  /** Name of the environment variable that holds the key: never the key itself. */
  key: string;
  /** A connected account (`acct_…`): asked with the `Stripe-Account` header, through the key of its platform. */
  stripeAccount?: string;
  /**
   * Name of the environment variable that holds the signing secret of its webhook endpoint. Default
   * `STRIPE_WEBHOOK_SECRET`, which fits when all events come through one platform's endpoint: an event that names no
   * connected account is told by its secret alone.
   */
  webhookSecret?: string;
  /** Default: the `pace` that all accounts share. */
  pace?: PaceDefinition;
  /** A mapping of its own, instead of the shared one. */
  resources?: Resources;
  /**
   * Resource → SQL condition that says which rows of its table are this account's, where the table has several
   * accounts' rows, e.g. `{ subscriptions: "region = 'eu'" }`. Beside the resource's own `where`.
   */
  where?: Readonly<Record<string, string>>;
}

export type ConfigDefinition = OneAccountDefinition | SeveralAccountsDefinition;

/** `Name` are the names of the accounts; none in the short form. */
export function defineConfig<Name extends string = never>(
  config: ConfigDefinition & { accounts?: Readonly<Record<Name, AccountDefinition>> },
) {
  return config as [Name] extends [never] ? OneAccountDefinition : SeveralAccountsDefinition;
}

/** A Stripe time (Unix seconds) as a Date; null where Stripe has none. */
export function date(seconds: number | null | undefined): Date | null {
  return seconds === null || seconds === undefined ? null : new Date(seconds * 1000);
}
