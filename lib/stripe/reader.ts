import type Stripe from "stripe";
import type { StripeObjects, StripeType } from "../config/resource.ts";
import type { EventType } from "./events.ts";

export interface ListPage<T> {
  data: T[];
  hasMore: boolean;
}

export interface ListFilter {
  /** Half-open range of `created`, Unix seconds. */
  createdFrom?: number | undefined;
  createdTo?: number | undefined;
  /** Id after which the page begins; pages run newest first. */
  startingAfter?: string | undefined;
  /** For subscriptions and invoices. */
  status?: string | undefined;
  customer?: string | undefined;
  email?: string | undefined;
  /** Only for what belongs to a charge: refunds and disputes. */
  charge?: string | undefined;
  /** At most 100, the default. */
  limit?: number | undefined;
  expand?: readonly string[] | undefined;
}

export interface EventFilter {
  /** 20 at most; all types without. */
  types?: readonly EventType[] | undefined;
  /** Unix seconds. Stripe keeps events for 30 days. */
  createdFrom: number;
  /** Only those that every webhook endpoint has taken, or only those that one at least has not. */
  delivered?: boolean | undefined;
  startingAfter?: string | undefined;
}

/** All that Driftdesk does with Stripe. Every call is paced, retried with jitter and counted; none of them writes. */
export interface StripeReader {
  /** Whether the key is a live one, told from its prefix. */
  readonly livemode: boolean;
  /** `created`: Unix seconds, where Stripe says it. */
  account(): Promise<{ id: string; name: string | null; created?: number | undefined }>;
  /** Subscriptions are listed with `status: "all"`: Stripe leaves canceled ones out otherwise. */
  list<T extends StripeType>(type: T, filter: ListFilter): Promise<ListPage<StripeObjects[T]>>;
  /** Null when Stripe knows no such id, or when it is a customer who was deleted. */
  retrieve<T extends StripeType>(
    type: T,
    id: string,
    expand?: readonly string[],
  ): Promise<StripeObjects[T] | null>;
  /** Newest first, 100 a page. */
  events(filter: EventFilter): Promise<ListPage<Stripe.Event>>;
  /** Where Stripe sends the account's events, as far as a hundred go. Their secrets are not in it. */
  webhookEndpoints(): Promise<Stripe.WebhookEndpoint[]>;
  /** Stripe's own clock, by its latest answer; null before there was one. */
  time(): Date | null;
  /** Whether more requests want to list this than its budget lets through: more of them at once would gain nothing. */
  crowded(type: StripeType): boolean;
  /** Counted since this reader was made. */
  readonly counts: { requests: number; rateLimited: number };
}
