// What a lookup answers. Nothing but types: the client, which runs in other people's programs, has them too.

/**
 * Where an answer is from: a cache, Stripe just now, a cache that is past its time because Stripe does not answer, or
 * nowhere, so that `access` is what the config says for that case.
 */
export type Source = "cache" | "stripe" | "stale" | "none";

/** What Stripe says of one key, in the words of the mapping. */
export interface Known {
  /** Whether Stripe has anything of the mapped kind for it. */
  found: boolean;
  customer: string | null;
  /** The object that counts, e.g. `sub_…`. */
  stripeId: string | null;
  /** What the local column that decides about access should hold. */
  status: string | null;
  plan: string | null;
  /** A time as ISO text, or what the mapped column should hold. */
  periodEnd: string | null;
  /** Null where the mapping cannot say. */
  access: boolean | null;
  /** Why something above is missing, for a person. */
  problem: string | null;
}

export interface StatusAnswer extends Omit<Known, "access" | "found"> {
  /** As it was asked. */
  key: string;
  /** Name of the account; null where there is only one. */
  account: string | null;
  /** Null: nobody knows. */
  found: boolean | null;
  /** Whether to let the customer in. */
  access: boolean;
  source: Source;
  /** How old the answer is; null where there is none. */
  ageMs: number | null;
}
