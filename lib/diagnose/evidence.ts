// Why two sides differ, and what that was concluded from. It is kept with the difference, and the browser reads it too.

/** Finer than a cause: which of the rules said so, or why none could. */
export type Why =
  /** Stripe could not deliver it. */
  | "undelivered"
  /** Stripe says it was delivered, and the log lacks it. */
  | "lost"
  /** In the log, and not processed. */
  | "failed"
  /** An event was processed after a later one, and overwrote it. */
  | "order"
  /** Everything that Stripe told was processed, and the record was changed after that. */
  | "edited"
  /** A run found both sides equal, and Stripe has told of no change since. */
  | "edited_since"
  // From here on the cause is unknown.
  /** The key may not read events. */
  | "unreadable"
  /** There were more events than a run looks at. */
  | "not_looked"
  /** No event that Stripe still keeps changed it. */
  | "too_old"
  /** It may still be delivered, or processed. */
  | "on_its_way"
  /** Delivered, and nobody says what became of it then. */
  | "no_log"
  /** No endpoint takes events of this kind. */
  | "nobody_listens"
  /** Processed, and the record says what it said before. */
  | "unapplied"
  /** Stripe has no such object, and no event says that it had. */
  | "not_in_stripe"
  /** Several records claim the object. */
  | "several"
  /** The mapping does not know what Stripe says. */
  | "row_error"
  /** The sources do not fit together. */
  | "unclear";

/** What happened, in the order of time. */
export type Step = { at: string } & (
  | { what: "told"; type: string; event: string; changes: Change[] }
  | { what: "undelivered" | "unlogged" | "unprocessed"; type: string }
  /** `at` is when the company's log has it, or when our own receiver got it. */
  | { what: "arrived" | "received"; type: string }
  | { what: "processed"; type: string; overwrote?: boolean }
  | { what: "equal"; run: number }
  | { what: "row_changed" }
  | { what: "found"; run: number | null }
);

/** A column as it would have been before the event, and as the event says; undefined where nobody can know. */
export interface Change {
  name: string;
  from?: string | null | undefined;
  to: string | null;
}

export interface Evidence {
  why: Why;
  /** The event that it hangs on. */
  event?: { id: string; type: string; created: string } | undefined;
  /** Where Stripe sends such events: the one endpoint, or how many there are. Unknown where the key may not list them. */
  endpoint?: { url: string } | { of: number } | undefined;
  /** The oldest event of the unbroken series that was not delivered; `open`: there may be older ones that were not looked at. */
  since?: { at: string; open: boolean } | undefined;
  /** How far back Stripe's events were looked at. */
  from?: string | undefined;
  timeline: Step[];
}
