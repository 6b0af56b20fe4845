// What Stripe is asked about its deliveries: a bounded number of pages, whatever happened.
import type Stripe from "stripe";
import type { PipelineLook } from "../db/schema.ts";
import type { Desk } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";
import { type EventType, eventOverlapMs, eventsInReachMs, typesPerList } from "../stripe/events.ts";

/** Pages of a hundred events. */
const pages = { fresh: 50, recheck: 5, firstDelivered: 5 };

export interface Endpoint {
  id: string;
  url: string;
  listens: readonly string[];
  enabled: boolean;
  madeAt: Date;
  /** It is Driftdesk's own receiver. */
  ours: boolean;
}

/** Undelivered events between two times are known: what was pending there and is not in the list was delivered. */
export interface Covered {
  from: Date;
  to: Date;
}

export interface Deliveries {
  /** Null when the key may not list them. */
  endpoints: Endpoint[] | null;
  /** Nothing of what is kept holds any more: endpoints have names by now, or have lost them. */
  anew: boolean;
  eventsReadable: boolean;
  undelivered: Stripe.Event[];
  covered: Covered[];
  /** The newest that every endpoint has taken. */
  delivered: Stripe.Event[];
  place: Pick<PipelineLook, "listedTo" | "gapAfter" | "gapAt" | "gapFrom" | "recheckAfter" | "recheckAt">;
}

/** What is new since the last look, what an earlier one had to leave out, and some of what was pending. */
export async function readDeliveries(desk: Desk, before: PipelineLook): Promise<Deliveries> {
  const began = desk.now();
  const endpoints = await unlessForbidden(() => desk.stripe.webhookEndpoints());
  const anew = before.endpointsReadable !== (endpoints !== null);
  const place = anew ? { ...before, ...nowhere } : before;
  const oldest = new Date(began.getTime() - eventsInReachMs);
  const from = later(oldest, place.listedTo && new Date(place.listedTo.getTime() - eventOverlapMs));
  const fresh = await unlessForbidden(() => walk(desk, { from, to: null, after: null, most: pages.fresh }));
  const read: Deliveries = {
    endpoints: endpoints?.map((endpoint) => endpointOf(desk, endpoint)) ?? null,
    anew,
    eventsReadable: fresh !== null,
    undelivered: fresh?.events ?? [],
    covered: fresh ? [fresh.covered] : [],
    delivered: [],
    place,
  };
  if (!fresh) return read;
  read.place = { ...place, listedTo: began };
  for (const more of [
    await fillGap(desk, read, place, fresh),
    await recheck(desk, read, { place, fresh, oldest }),
  ]) {
    if (!more) continue;
    read.undelivered.push(...more.events);
    read.covered.push(more.covered);
  }
  const first = place.listedTo === null;
  read.delivered = await newestDelivered(desk, from, first ? pages.firstDelivered : 1);
  return read;
}

const nowhere = {
  listedTo: null,
  gapAfter: null,
  gapAt: null,
  gapFrom: null,
  recheckAfter: null,
  recheckAt: null,
};

/** What a look left out: the rest of its own list, or of an earlier one's. */
async function fillGap(
  desk: Desk,
  read: Deliveries,
  before: PipelineLook,
  fresh: Walk,
): Promise<Walk | null> {
  const { gapAfter, gapAt, gapFrom } = before;
  if (fresh.last) {
    // Down to where the older gap ends: its beginning is listed once more.
    const from = gapFrom && gapFrom < fresh.from ? gapFrom : fresh.from;
    read.place = { ...read.place, gapAfter: fresh.last.id, gapAt: fresh.last.at, gapFrom: from };
    return null;
  }
  if (gapAfter === null || gapAt === null || gapFrom === null) return null;
  const found = await walk(desk, { from: gapFrom, to: gapAt, after: gapAfter, most: pages.fresh });
  read.place = {
    ...read.place,
    gapAfter: found.last?.id ?? null,
    gapAt: found.last?.at ?? null,
    gapFrom: found.last ? gapFrom : null,
  };
  return found;
}

/** Goes on where the last look stopped, and begins anew at the end: in the end all that was pending was looked at again. */
async function recheck(
  desk: Desk,
  read: Deliveries,
  { place, fresh, oldest }: { place: PipelineLook; fresh: Walk; oldest: Date },
): Promise<Walk | null> {
  const [pending] = await desk.sql<{ from: Date | null }[]>`
    SELECT min(created) AS "from" FROM driftdesk.pipeline_undelivered WHERE account_id = ${place.accountId}`;
  if (!pending?.from || pending.from >= fresh.from) {
    read.place = { ...read.place, recheckAfter: null, recheckAt: null };
    return null;
  }
  const listed = fresh.events.at(-1);
  const start = place.recheckAfter
    ? { after: place.recheckAfter, to: place.recheckAt }
    : { after: listed?.id ?? null, to: listed ? timeOf(listed) : null };
  const found = await walk(desk, { ...start, from: later(oldest, pending.from), most: pages.recheck });
  read.place = { ...read.place, recheckAfter: found.last?.id ?? null, recheckAt: found.last?.at ?? null };
  return found;
}

interface Walk {
  from: Date;
  events: Stripe.Event[];
  covered: Covered;
  /** Where it had to stop; null when it came to the end. */
  last: { id: string; at: Date } | null;
}

/** Undelivered events, newest first. */
async function walk(
  { stripe, now }: Desk,
  { from, to, after, most }: { from: Date; to: Date | null; after: string | null; most: number },
): Promise<Walk> {
  const events: Stripe.Event[] = [];
  const filter = { createdFrom: secondsOf(from), delivered: false };
  // Whoever it begins after may be among those that have the same second: they count as not covered.
  const end = to ?? new Date(now().getTime() + eventOverlapMs);
  let more = true;
  for (let page = 0; more && page < most; page++) {
    const startingAfter = events.at(-1)?.id ?? after ?? undefined;
    const found = await stripe.events({ ...filter, startingAfter }).catch((error) => {
      // Stripe has forgotten the event at which to go on, and all that is older.
      if (error instanceof DriftdeskError && error.code === "stripe_cursor_gone") return null;
      throw error;
    });
    events.push(...(found?.data ?? []));
    more = found?.hasMore ?? false;
  }
  const stopped = more ? events.at(-1) : undefined;
  const last = stopped ? { id: stopped.id, at: timeOf(stopped) } : null;
  const begin = last ? new Date(last.at.getTime() + 1_000) : new Date(secondsOf(from) * 1_000);
  return { from, events, last, covered: { from: begin, to: end } };
}

async function newestDelivered({ stripe }: Desk, from: Date, most: number): Promise<Stripe.Event[]> {
  const events: Stripe.Event[] = [];
  let more = true;
  for (let page = 0; more && page < most; page++) {
    const startingAfter = events.at(-1)?.id;
    const found = await stripe.events({ createdFrom: secondsOf(from), delivered: true, startingAfter });
    events.push(...found.data);
    more = found.hasMore;
  }
  return events;
}

/** Types of which nothing seems to be taken since a time; all of them when none is named. */
export interface Doubt {
  types: readonly string[];
  since: Date;
}

/** Delivered events that speak against a doubt: the newest of a type is not always among the newest hundred of all. */
export async function readDoubt({ stripe }: Desk, { types, since }: Doubt): Promise<Stripe.Event[]> {
  const { data } = await stripe.events({
    types: types.length > 0 ? (types.slice(0, typesPerList) as EventType[]) : undefined,
    createdFrom: secondsOf(since),
    delivered: true,
  });
  return data;
}

/** Null when the key may not. */
async function unlessForbidden<T>(ask: () => Promise<T>): Promise<T | null> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof DriftdeskError && error.code === "stripe_permission_missing") return null;
    throw error;
  }
}

function endpointOf({ environment }: Desk, endpoint: Stripe.WebhookEndpoint): Endpoint {
  const { id, url, enabled_events: listens, status, created } = endpoint;
  const ours = new URL("/api/webhooks/stripe", environment.nextAuthUrl).href === url;
  return { id, url, listens, enabled: status === "enabled", madeAt: new Date(created * 1_000), ours };
}

export const timeOf = ({ created }: Pick<Stripe.Event, "created">): Date => new Date(created * 1_000);
const secondsOf = (date: Date): number => Math.floor(date.getTime() / 1_000);
const later = (one: Date, other: Date | null): Date => (other && other > one ? other : one);
