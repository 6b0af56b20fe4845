// Stripe's events about what differs, as many as a run may ask for: newest first, until they reach back far enough or the
// requests are used up. A busy account has a million of them in thirty days.
import type Stripe from "stripe";
import type { Resource } from "../config/resource.ts";
import { DriftdeskError } from "../errors.ts";
import {
  type EventType,
  eventTypesFor,
  followsCustomers,
  subjectOf,
  typesPerList,
} from "../stripe/events.ts";
import type { StripeReader } from "../stripe/reader.ts";

/** What somebody wants to hear of, of one resource. */
export interface Wanted {
  resource: Resource;
  objects: ReadonlySet<string>;
  customers: ReadonlySet<string>;
}

/** Of every event that was listed, whatever it is about. */
export type Pulse = Pick<Stripe.Event, "id" | "type" | "created" | "pending_webhooks">;

interface EventList {
  types: EventType[];
  /** Unix seconds. */
  reached: number;
  /** The event after which the next page begins. */
  last: string | undefined;
}

export class Listing {
  /** Every event since then is known, Unix seconds; infinite before the first page. */
  from = Number.POSITIVE_INFINITY;
  /** The same of those that were not delivered. */
  undeliveredFrom = Number.POSITIVE_INFINITY;
  /** Requests that may still be made. */
  left: number;
  readonly pulse = new Map<string, Pulse>();
  readonly #stripe: StripeReader;
  readonly #wanted: ReadonlyMap<string, Wanted>;
  readonly #types: readonly EventType[][];
  #all: EventList[] | undefined;
  readonly #about = new Map<string, Map<string, Stripe.Event>>();

  constructor(stripe: StripeReader, wanted: readonly Wanted[], requests: number) {
    this.#stripe = stripe;
    this.#wanted = new Map(wanted.map((one) => [one.resource.name, one]));
    this.left = requests;
    const types = [...new Set(wanted.flatMap(({ resource }) => eventTypesFor(resource)))].sort();
    this.#types = Array.from({ length: Math.ceil(types.length / typesPerList) }, (_, i) =>
      types.slice(i * typesPerList, (i + 1) * typesPerList),
    );
  }

  /** Those that name something that is wanted. */
  get wanted(): Stripe.Event[] {
    return [...this.#about.values()].flatMap((events) => [...events.values()]);
  }

  /** Events that name an object or its customer, oldest first. */
  about(resource: string, objectId: string | null, customerId: string | null): Stripe.Event[] {
    const { resource: of } = this.#wanted.get(resource) ?? {};
    const own = this.#about.get(`${resource} ${objectId}`)?.values() ?? [];
    const whole = of && (of.match.by !== "id" || followsCustomers(of));
    const others = (whole && this.#about.get(`${resource} ${customerId}`)?.values()) || [];
    // Stripe lists those of one second newest first as well.
    const order = new Map([...this.pulse.keys()].map((id, i) => [id, i]));
    return [...new Map([...own, ...others].map((event) => [event.id, event])).values()].sort(
      (a, b) => a.created - b.created || (order.get(b.id) ?? 0) - (order.get(a.id) ?? 0),
    );
  }

  /** Reads those that were not delivered, as far back as `from`. */
  async readUndelivered(from: number, requests: number, signal: AbortSignal): Promise<void> {
    this.undeliveredFrom = await this.#read({ from, delivered: false, requests, signal });
  }

  /** Reads everything as far back as `from`, on from where it was read to before. */
  async readAll(from: number, requests: number, signal: AbortSignal): Promise<void> {
    this.#all ??= this.#begin();
    this.from = await this.#read({ from, requests, signal }, this.#all);
  }

  #begin(): EventList[] {
    return this.#types.map((types) => ({ types, reached: Number.POSITIVE_INFINITY, last: undefined }));
  }

  async #read(
    asked: { from: number; delivered?: boolean; requests: number; signal: AbortSignal },
    lists: EventList[] = this.#begin(),
  ): Promise<number> {
    const { from, delivered, signal } = asked;
    for (let requests = Math.min(asked.requests, this.left); requests > 0; requests--) {
      // The one that is behind: what all of them reach is what is known.
      const list = lists.reduce((one, other) => (other.reached > one.reached ? other : one));
      if (list.reached <= from) break;
      signal.throwIfAborted();
      this.left--;
      const page = await this.#stripe
        .events({ types: list.types, createdFrom: from, delivered, startingAfter: list.last })
        .catch((error) => {
          // It was thirty days old meanwhile: all that Stripe still has was read.
          if (error instanceof DriftdeskError && error.code === "stripe_cursor_gone") return null;
          throw error;
        });
      for (const event of page?.data ?? []) this.#hear(event);
      const last = page?.data.at(-1);
      list.last = last?.id ?? list.last;
      // Others of the last event's second may be on the next page.
      list.reached = page?.hasMore && last ? last.created + 1 : from;
    }
    return Math.max(...lists.map((list) => list.reached));
  }

  #hear(event: Stripe.Event): void {
    const { id, type, created, pending_webhooks } = event;
    this.pulse.set(id, { id, type, created, pending_webhooks });
    for (const { resource, objects, customers } of this.#wanted.values()) {
      const subject = subjectOf(event, resource.stripe);
      for (const object of subject.objects) if (objects.has(object)) this.#keep(resource, object, event);
      for (const customer of subject.customers)
        if (customers.has(customer)) this.#keep(resource, customer, event);
    }
  }

  #keep({ name }: Resource, id: string, event: Stripe.Event): void {
    const key = `${name} ${id}`;
    const events = this.#about.get(key);
    if (events) events.set(event.id, event);
    else this.#about.set(key, new Map([[event.id, event]]));
  }
}
