// Which endpoint has an event and which has not. Stripe only says how many have not; whom it was sent to, what our own
// receiver knows, and who is silent anyway often tells the rest. What stays open is said of several: of one of them.
import type Stripe from "stripe";
import { type Deliveries, type Endpoint, timeOf } from "./pipeline-read.ts";

/** All endpoints together, where the key may not list them. */
export const unnamed = "";

/** Of one endpoint, or of one among several: their ids with commas between. */
export interface Sighting {
  endpoint: string;
  eventId: string;
  type: string;
  created: Date;
}

export interface Whereabouts {
  missing: Sighting[];
  taken: Sighting[];
}

interface Known {
  endpoints: readonly Endpoint[] | null;
  /** Events that our own receiver has. */
  received: ReadonlySet<string>;
  /** Endpoints that take nothing at present. */
  silent: ReadonlySet<string>;
  /** Where an event was missing when it was listed before. */
  before: ReadonlyMap<string, readonly string[]>;
}

/** Where events are missing, and who has taken which. */
export function whereaboutsOf(
  { undelivered, delivered }: Pick<Deliveries, "undelivered" | "delivered">,
  known: Known,
): Whereabouts {
  const everywhere = takenOf(delivered, known.endpoints);
  // Whoever certainly misses events, and takes none that are newer, misses those too of which it is not certain.
  const first = attribute(undelivered, known);
  const taken = newest([...first.taken, ...everywhere]);
  const silent = new Set(known.silent);
  for (const [endpoint, at] of newest(first.missing))
    if (at > (taken.get(endpoint) ?? 0)) silent.add(endpoint);
  const found = attribute(undelivered, { ...known, silent });
  return { missing: found.missing, taken: [...found.taken, ...everywhere] };
}

/** Who has taken events that Stripe says are delivered. */
export const takenOf = (events: readonly Stripe.Event[], endpoints: readonly Endpoint[] | null): Sighting[] =>
  events.flatMap((event) =>
    (endpoints ? addressedBy(event, endpoints) : [unnamed]).map((id) => sighting(event, id)),
  );

function attribute(events: readonly Stripe.Event[], known: Known): Whereabouts {
  const found: Whereabouts = { missing: [], taken: [] };
  for (const event of events) {
    const { missing, taken } = split(event, known);
    found.missing.push(...missing.map((id) => sighting(event, id)));
    found.taken.push(...taken.map((id) => sighting(event, id)));
  }
  return found;
}

function split(
  event: Stripe.Event,
  { endpoints, received, silent, before }: Known,
): { missing: readonly string[]; taken: readonly string[] } {
  if (!endpoints) return { missing: [unnamed], taken: [] };
  const known = before.get(event.id) ?? [];
  // One that was switched off meanwhile still has not got what it had not got.
  if (
    known.length === event.pending_webhooks &&
    endpoints.some(({ id, enabled }) => !enabled && known.includes(id))
  )
    return { missing: known, taken: [] };
  const addressed = addressedBy(event, endpoints);
  const ours = endpoints
    .filter((endpoint) => endpoint.ours && addressed.includes(endpoint.id))
    .map(({ id }) => id);
  const has = received.has(event.id);
  const others = addressed.filter((id) => !ours.includes(id));
  const without = event.pending_webhooks - (has ? 0 : ours.length);
  const missing = has ? [] : ours;
  const taken = has ? ours : [];
  if (without <= 0) return { missing, taken: [...taken, ...others] };
  if (without >= others.length) {
    // More than there are now: one is gone, or was switched off before it was looked at.
    const off = without > others.length ? switchedOff(event, endpoints) : [];
    return { missing: [...missing, ...others, ...off], taken };
  }
  const likely = others.filter((id) => silent.has(id));
  if (likely.length === without)
    return { missing: [...missing, ...likely], taken: [...taken, ...others.filter((id) => !silent.has(id))] };
  return { missing: [...missing, [...others].sort().join(",")], taken };
}

const addressedBy = (event: Stripe.Event, endpoints: readonly Endpoint[]): string[] =>
  endpoints.filter((endpoint) => endpoint.enabled && listensTo(endpoint, event)).map(({ id }) => id);

const switchedOff = (event: Stripe.Event, endpoints: readonly Endpoint[]): string[] =>
  endpoints.filter((endpoint) => !endpoint.enabled && listensTo(endpoint, event)).map(({ id }) => id);

const listensTo = ({ listens, madeAt }: Endpoint, event: Stripe.Event): boolean =>
  madeAt <= timeOf(event) && listens.some((type) => type === "*" || type === event.type);

const sighting = (event: Stripe.Event, endpoint: string): Sighting => ({
  endpoint,
  eventId: event.id,
  type: event.type,
  created: timeOf(event),
});

function newest(sightings: readonly Sighting[]): Map<string, number> {
  const found = new Map<string, number>();
  for (const { endpoint, created } of sightings)
    found.set(endpoint, Math.max(found.get(endpoint) ?? 0, created.getTime()));
  return found;
}
