// What became of each event on its way from Stripe to the company's own code, as far as anybody says. Nothing is called lost
// or undelivered that could as well be something else.
import type Stripe from "stripe";
import type { Logged } from "../local/webhook-log.ts";
import type { Evidence } from "./evidence.ts";
import type { Listing, Pulse } from "./listing.ts";

export type Fate =
  | "undelivered"
  | "lost"
  | "failed"
  | "processed"
  /** It may still arrive, or be processed. */
  | "on_its_way"
  /** Delivered, and no log says what came of it. */
  | "no_log"
  /** No endpoint takes it. */
  | "nobody_listens"
  | "unclear";

export interface Sources {
  nowMs: number;
  listing: Pick<Listing, "from" | "pulse">;
  /** The company's log of the listed events; null when the mapping names none. */
  log: { logged: ReadonlyMap<string, Logged>; saysProcessed: boolean } | null;
  /** When our own receiver got them. */
  received: ReadonlyMap<string, Date>;
  /** Those that are enabled; null when the key may not list them. */
  endpoints: readonly Pick<Stripe.WebhookEndpoint, "url" | "enabled_events" | "created">[] | null;
}

/** Stripe tries at once, and a handler takes its time. */
const onItsWayMs = 5 * 60_000;
const inWorkMs = 10 * 60_000;
/** One that takes longer was not taken at the first try. */
const atOnceMs = 10 * 60_000;

type Told = Pick<Stripe.Event, "id" | "type" | "created" | "pending_webhooks">;

export class Deliveries {
  readonly #sources: Sources;
  /** Oldest first. */
  readonly #pulse: readonly Pulse[];

  constructor(sources: Sources) {
    this.#sources = sources;
    this.#pulse = [...sources.listing.pulse.values()].sort((a, b) => a.created - b.created);
  }

  logged(event: Pick<Told, "id">): Logged | undefined {
    return this.#sources.log?.logged.get(event.id);
  }

  receivedHere(event: Pick<Told, "id">): Date | undefined {
    return this.#sources.received.get(event.id);
  }

  fateOf(event: Told): Fate {
    const { log, nowMs } = this.#sources;
    const logged = this.logged(event);
    if (log && logged) {
      if (!log.saysProcessed) return "no_log";
      if (logged.processedAt) return "processed";
      const age = nowMs - (logged.receivedAt?.getTime() ?? event.created * 1000);
      if (age <= inWorkMs) return "on_its_way";
      return this.#isHandled(event) ? "failed" : "unclear";
    }
    if (nowMs - event.created * 1000 < onItsWayMs) return "on_its_way";
    if (event.pending_webhooks > 0) return this.#isPendingAtTheirs(event) ? "undelivered" : "unclear";
    if (this.#takersOf(event)?.length === 0) return "nobody_listens";
    if (!log) return "no_log";
    return this.#isLogged(event) ? "lost" : "unclear";
  }

  /** Of the endpoints that take the event some have not, and it may be another than the company's. */
  #isPendingAtTheirs(event: Told): boolean {
    const takers = this.#takersOf(event)?.length;
    const here = this.#sources.received;
    if (takers === undefined)
      // We are one of them where we get others; then it could be only us who did not.
      return here.size === 0 || here.has(event.id);
    return event.pending_webhooks >= takers - (here.has(event.id) ? 1 : 0);
  }

  /** Endpoints that Stripe sends such an event to; undefined when nobody can say. */
  #takersOf({ type, created }: Pick<Told, "type" | "created">) {
    return this.#sources.endpoints?.filter(
      (endpoint) =>
        endpoint.created <= created &&
        endpoint.enabled_events.some((wanted) => wanted === "*" || wanted === type),
    );
  }

  /**
   * Whether the log is one that should have it: it has earlier events of its type, so it was listened for by then and is
   * not older than the log reaches; it has later ones of any type, so it was kept at that time; and it has most of them.
   */
  #isLogged(event: Told): boolean {
    const same = this.#pulse.filter(({ type }) => type === event.type);
    const has = (one: Pulse) => this.logged(one) !== undefined;
    return (
      same.some((one) => one.created <= event.created && has(one)) &&
      this.#pulse.some((one) => one.created >= event.created && has(one)) &&
      same.filter(has).length * 2 >= same.length
    );
  }

  /** Some logs have every event, and handlers for a few types: what is never processed has not failed. */
  #isHandled({ type }: Told): boolean {
    return this.#pulse.some((one) => one.type === type && this.logged(one)?.processedAt);
  }

  /** Where Stripe sends such events, as far as it can be named. */
  endpointOf(event: Pick<Told, "type" | "created">): Evidence["endpoint"] {
    const takers = this.#takersOf(event) ?? [];
    const [only, ...others] = takers;
    if (!only) return undefined;
    return others.length === 0 ? { url: only.url } : { of: takers.length };
  }

  /**
   * Since when events were not delivered, up to this one without a break: of all types, or of its own where only these
   * were not. Those that were taken later, when Stripe tried again, count among them.
   */
  since(event: Told): NonNullable<Evidence["since"]> {
    const all = this.#seriesUpTo(event, () => true);
    const own = this.#seriesUpTo(event, ({ type }) => type === event.type);
    const { created, open } = own.created < all.created ? own : all;
    return { at: new Date(created * 1000).toISOString(), open };
  }

  /** It begins after the last time that the endpoint took anything: at the first try, or when Stripe tried again. */
  #seriesUpTo(event: Told, counts: (one: Pulse) => boolean): { created: number; open: boolean } {
    const known = this.#sources.listing.from;
    const before = this.#pulse.filter(
      (one) => one.created <= event.created && one.created >= known && counts(one),
    );
    const taken = before
      .map((one) => this.#takenAtMs(one))
      .filter((at) => at !== null && at <= event.created * 1000) as number[];
    const lastMs = Math.max(Number.NEGATIVE_INFINITY, ...taken);
    const { created } =
      before.find((one) => one.created * 1000 > lastMs && !this.#isTakenAtOnce(one)) ?? event;
    return { created, open: taken.length === 0 };
  }

  /** Null where it was not, or where nobody knows. */
  #takenAtMs(event: Pulse): number | null {
    if (this.#sources.log) return this.logged(event)?.receivedAt?.getTime() ?? null;
    return event.pending_webhooks === 0 ? event.created * 1000 : null;
  }

  #isTakenAtOnce(event: Pulse): boolean {
    const at = this.#takenAtMs(event);
    return at === null ? event.pending_webhooks === 0 : at - event.created * 1000 <= atOnceMs;
  }
}
