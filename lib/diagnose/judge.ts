// One difference, one verdict. Each rule names what has to hold before it may speak; where several could, or none, the cause
// stays unknown: a wrong one sends people the wrong way.
import type Stripe from "stripe";
import type { Resource } from "../config/resource.ts";
import type { Cause } from "../db/schema.ts";
import type { LocalTable } from "../local/catalog.ts";
import type { Deliveries, Fate } from "./deliveries.ts";
import type { Due } from "./due.ts";
import type { Change, Evidence, Why } from "./evidence.ts";
import { fold, isBirth, type State } from "./states.ts";
import { type Story, timelineOf } from "./timeline.ts";

export interface Verdict {
  cause: Cause;
  evidence: Evidence;
}

export interface Case {
  due: Due;
  resource: Resource;
  table: LocalTable;
  /** Every event that names its object or its customer, oldest first. */
  events: readonly Stripe.Event[];
  /** Of those that carry an object of the mapped kind. */
  states: readonly State[];
  /** When the row was changed, by its own account; null when it does not say. */
  changedAt: Date | null;
  /** That far two times may be apart that are written by different clocks, or in unknown time zones. */
  apartMs: number;
  /** All events since then were looked at, Unix seconds; and whether Stripe has no older ones. */
  from: number;
  whole: boolean;
  /** Whether an event that says nothing of it can be ruled out: then what differs by itself was changed here. */
  told: boolean;
  /** Whether no event that is not known came late, after both sides were found equal. */
  noneLate: boolean;
}

const causeOf: Partial<Record<Why, Cause>> = {
  undelivered: "webhook_undelivered",
  lost: "webhook_lost",
  failed: "handler_failed",
  order: "handler_failed",
  edited: "local_edit",
  edited_since: "local_edit",
};

/** What a rule says, and what it says it of. */
interface Said {
  why: Why;
  story: Story;
}

export function judge(deliveries: Deliveries, given: Case): Verdict {
  const { due, from } = given;
  const { why, story } = say(deliveries, given);
  const { event } = story;
  const at = (seconds: number) => new Date(seconds * 1000).toISOString();
  return {
    cause: causeOf[why] ?? "unknown",
    evidence: {
      why,
      ...(event && { event: { id: event.id, type: event.type, created: at(event.created) } }),
      ...(why === "undelivered" &&
        event && { endpoint: deliveries.endpointOf(event), since: deliveries.since(event) }),
      ...(Number.isFinite(from) && { from: at(from) }),
      timeline: timelineOf(deliveries, { due, changedAt: given.changedAt, why, story }),
    },
  };
}

function say(deliveries: Deliveries, given: Case): Said {
  const { due } = given;
  if (due.rowError !== null) return { why: "row_error", story: {} };
  if (due.kind === "duplicate") return { why: "several", story: {} };
  if (isEditedSince(deliveries, given)) return { why: "edited_since", story: {} };
  switch (due.kind) {
    case "missing_local":
      return sayOf(
        deliveries,
        given,
        given.states.find(({ event }) => isAbout(event, due) && isBirth(event)),
      );
    case "missing_in_stripe":
      return sayOf(
        deliveries,
        given,
        given.states.findLast(({ event }) => isAbout(event, due) && event.type.endsWith(".deleted")),
        "not_in_stripe",
      );
    case "mismatch":
      return ofMismatch(deliveries, given);
  }
}

const isAbout = (event: Stripe.Event, { stripeId }: Due) =>
  (event.data.object as { id?: string }).id === stripeId;

/**
 * A run found both sides equal, Stripe has told of nothing since, and it tells of everything; and no older event came late
 * and wrote what it said: then it was changed here.
 */
function isEditedSince(deliveries: Deliveries, { due, told, from, events, noneLate }: Case): boolean {
  const { equalAt } = due;
  if (!told || equalAt === null || due.kind === "missing_in_stripe") return false;
  const since = equalSince(equalAt);
  if (from > since || (!noneLate && from > since - triedForSeconds)) return false;
  return events.every((event) => {
    const processedAt = deliveries.logged(event)?.processedAt;
    return event.created < since && processedAt && processedAt < equalAt;
  });
}
const overlapMs = 5 * 60_000;
/** Unix seconds: what Stripe told from then on may not have been seen by the run that found both sides equal. */
export const equalSince = (equalAt: Date): number => Math.floor((equalAt.getTime() - overlapMs) / 1000);
/** Stripe tries again for so long. */
export const triedForSeconds = 3 * 86_400;

/** One event says it all: the one that should have made the record, or taken it away. */
function sayOf(deliveries: Deliveries, given: Case, state: State | undefined, otherwise?: Why): Said {
  if (!state) return { why: otherwise ?? (given.whole ? "too_old" : "not_looked"), story: {} };
  const { event } = state;
  const fate = deliveries.fateOf(event);
  const why = fate === "processed" ? "unapplied" : fate;
  return { why, story: { event, changes: given.due.kind === "missing_local" ? [] : undefined } };
}

function ofMismatch(deliveries: Deliveries, given: Case): Said {
  const said = given.due.fields.map((field) => ofField(deliveries, given, field));
  const [first, ...others] = said;
  if (!first) return { why: "unclear", story: {} };
  // All columns have to agree on what happened, and the event that changed most of them is the one to show.
  if (others.some((other) => other.why !== first.why || other.story.event?.id !== first.story.event?.id)) {
    const causes = new Set(said.map(({ why }) => causeOf[why]));
    if (causes.size > 1 || causes.has(undefined)) return { why: mixed(said), story: {} };
  }
  const latest = said.reduce((one, other) =>
    (other.story.event?.created ?? 0) > (one.story.event?.created ?? 0) ? other : one,
  );
  const changes = said
    .filter(({ story }) => story.event?.id === latest.story.event?.id)
    .flatMap(({ story }) => story.changes ?? []);
  return { why: latest.why, story: { ...latest.story, changes } };
}

/** Where columns do not agree: what can still change comes first. */
function mixed(said: readonly Said[]): Why {
  const whys = said.map(({ why }) => why);
  return (["on_its_way", "not_looked", "too_old"] as const).find((why) => whys.includes(why)) ?? "unclear";
}

type FieldSaid = Due["fields"][number];

function ofField(deliveries: Deliveries, given: Case, field: FieldSaid): Said {
  const { resource, table, due, whole } = given;
  const { name } = field;
  const folded =
    resource.fields.find(({ column }) => column === name)?.compare === "ignoreCase" ||
    table.columns.get(name)?.caseInsensitive === true;
  const local = fold(field.local, folded);
  const stripe = fold(field.stripe, folded);
  const own = given.states.filter(({ event }) => isAbout(event, due));
  const newest = own.at(-1);
  if (!newest) return { why: whole ? "too_old" : "not_looked", story: {} };
  // What the latest snapshot does not say can change without the events that we look at.
  if (newest.after.get(name) !== stripe) return { why: "unclear", story: {} };
  const change = own.findLast(
    (state) => state.before === null || state.before.get(name) !== state.after.get(name),
  );
  const column: Column = { name, local, stripe, own };
  const order = ofOrder(deliveries, given, column);
  if (order) return order;
  if (!change) return ofUnchanged(deliveries, given, column);
  const fate = deliveries.fateOf(change.event);
  const story = { event: change.event, changes: [changeOf(column, change)] };
  if (fate === "undelivered" || fate === "lost" || fate === "failed")
    return { why: explains(deliveries, given, column, change) ? fate : "unclear", story };
  if (fate !== "processed") return { why: fate, story };
  if (change.before?.get(name) === local) return { why: "unapplied", story };
  return ofUnchanged(deliveries, given, column);
}

interface Column {
  name: string;
  local: string | null;
  stripe: string | null;
  /** What each of the object's own events says. */
  own: readonly State[];
}

const changeOf = ({ name, stripe }: Column, { before }: State): Change => ({
  name,
  ...(before && { from: before.get(name) }),
  to: stripe,
});

/** Whether the row says what it said before the event, and before those right before it that went wrong as well. */
function explains(deliveries: Deliveries, given: Case, { name, local, own }: Column, change: State): boolean {
  for (let i = own.indexOf(change); i >= 0; i--) {
    const state = own[i] as State;
    const fate: Fate = deliveries.fateOf(state.event);
    if (fate !== "undelivered" && fate !== "lost" && fate !== "failed") return false;
    if (state.before === null)
      // Nobody knows what was there before. A row that was not written since the event has not heard of it.
      return (
        given.changedAt !== null &&
        given.changedAt.getTime() <=
          state.event.created * 1000 + (given.apartMs > clocksApartMs ? -given.apartMs : 0)
      );
    if (state.before.get(name) === local) return true;
  }
  return false;
}
/** Clocks of servers, in milliseconds. */
export const clocksApartMs = 2 * 60_000;

/**
 * An earlier event, also one of another of the customer's objects, was processed after the one that should have had the last
 * word, and the row says what it said, since then.
 */
function ofOrder(deliveries: Deliveries, given: Case, { name, local, stripe, own }: Column): Said | null {
  const right = own.findLast(
    (state) => state.after.get(name) === stripe && deliveries.fateOf(state.event) === "processed",
  );
  const rightAt = right && deliveries.logged(right.event)?.processedAt;
  if (!right || !rightAt) return null;
  const wrong = given.states.findLast((state) => {
    const at = deliveries.logged(state.event)?.processedAt;
    return (
      state.event.created < right.event.created &&
      state.after.get(name) === local &&
      at &&
      at > rightAt &&
      given.changedAt !== null &&
      Math.abs(given.changedAt.getTime() - at.getTime()) <= given.apartMs
    );
  });
  if (!wrong) return null;
  const changes = [{ name, to: local }];
  return { why: "order", story: { event: wrong.event, changes, after: right.event } };
}

/** No event explains it. Was everything processed, and the row changed after that? */
function ofUnchanged(deliveries: Deliveries, given: Case, { name, local, stripe, own }: Column): Said {
  const { events, changedAt, apartMs, whole } = given;
  const heard = own.findLast(
    (state) => state.after.get(name) === stripe && deliveries.fateOf(state.event) === "processed",
  );
  const fates = events.map((event) => deliveries.fateOf(event));
  if (!heard || fates.some((fate) => fate !== "processed")) {
    const open = fates.find(
      (fate) => fate === "on_its_way" || fate === "no_log" || fate === "nobody_listens",
    );
    return { why: open ?? (whole ? "unclear" : "not_looked"), story: {} };
  }
  const seen = own.some(({ before, after }) => after.get(name) === local || before?.get(name) === local);
  const last = Math.max(
    ...events.map((event) => deliveries.logged(event)?.processedAt?.getTime() ?? Number.POSITIVE_INFINITY),
  );
  const story = { event: heard.event, changes: [{ name, to: stripe }] };
  if (changedAt === null || changedAt.getTime() <= last + apartMs) return { why: "unapplied", story };
  return { why: seen ? "unapplied" : "edited", story };
}
