// The first source of what changed: the events since the last run. Their order means nothing, and neither does what is in
// them beyond names: what they name is read again as it is now.
import type { Sql, TransactionSql } from "postgres";
import type Stripe from "stripe";
import type { Scope } from "../db/schema.ts";
import { DriftdeskError } from "../errors.ts";
import {
  type EventType,
  eventOverlapMs,
  eventsKeptMs,
  eventTypesFor,
  followsCustomers,
  subjectOf,
  typesPerList,
} from "../stripe/events.ts";
import type { StripeReader } from "../stripe/reader.ts";
import type { Begin } from "./lease.ts";
import { isUnreachable } from "./patience.ts";
import type { Stage } from "./staging.ts";
import { together } from "./together.ts";
import { ask, type Questions } from "./touched.ts";

/** Lays out the lists that have to be read. */
export async function planEventLists(tx: TransactionSql, stage: Stage): Promise<void> {
  const types = eventTypesFor(stage.resource);
  const lists = Array.from({ length: Math.ceil(types.length / typesPerList) }, (_, i) => ({
    run_id: stage.runId,
    resource: stage.resource.name,
    number: i + 1,
    types: types.slice(i * typesPerList, (i + 1) * typesPerList),
  }));
  await tx`DELETE FROM driftdesk.event_lists WHERE run_id = ${stage.runId} AND resource = ${stage.resource.name}`;
  await tx`INSERT INTO driftdesk.event_lists ${tx(lists)}`;
}

/** Why a list of events is not enough, in words. */
export const eventsForgotten = "Stripe keeps events for 30 days, which do not reach back far enough.";

/** Whether the lists that are still to be read lack events by now: Stripe has forgotten some since they were laid out. */
export async function lackEvents(sql: Sql, stage: Stage, scope: Scope, at: Date): Promise<boolean> {
  if (scope.mode !== "changes" || !isForgotten(scope, at)) return false;
  const unread = await sql`
    SELECT FROM driftdesk.event_lists
    WHERE run_id = ${stage.runId} AND resource = ${stage.resource.name} AND state <> 'done' LIMIT 1`;
  return unread.length > 0;
}

const isForgotten = ({ stripeFrom, stripeAt }: Scope, at: Date): boolean =>
  at.getTime() - (stripeFrom ?? stripeAt).getTime() > eventsKeptMs;

interface ListContext {
  begin: Begin;
  sql: Sql;
  stripe: StripeReader;
  signal: AbortSignal;
  /** The run was asked to look again at everything since then. */
  since: Date | null;
}

interface EventList {
  number: number;
  types: EventType[];
  cursor: string | null;
}

/**
 * Reads every list to its end. One that cannot be read is marked, not thrown. Throws `stripe_events_forgotten` when Stripe
 * no longer had all of them by then.
 */
export async function readEventLists(context: ListContext, stage: Stage, scope: Scope): Promise<void> {
  const open = await context.begin(
    (tx) => tx<EventList[]>`
      UPDATE driftdesk.event_lists SET state = 'open', message = NULL
      WHERE run_id = ${stage.runId} AND resource = ${stage.resource.name} AND state <> 'done'
      RETURNING number, types, cursor`,
  );
  const [cursor] = await context.sql<{ seen: string[] }[]>`
    SELECT seen FROM driftdesk.cursors WHERE account_id = ${stage.accountId} AND resource = ${stage.resource.name}`;
  const seen = new Set(context.since === null ? cursor?.seen : []);
  const answered = await context.sql.unsafe(`SELECT FROM ${stage.asked} WHERE state = 'done' LIMIT 1`);
  const known = { seen, answered: answered.length > 0 };
  await together(
    context.signal,
    open.map((list) => (signal) => readList({ ...context, signal }, stage, scope, list, known)),
  );
}

interface Known {
  /** Events that an earlier run has dealt with. */
  seen: ReadonlySet<string>;
  /** Some questions were answered before these lists are read: what they tell may have happened since. */
  answered: boolean;
}

async function readList(
  context: ListContext,
  stage: Stage,
  scope: Scope,
  list: EventList,
  { seen, answered }: Known,
): Promise<void> {
  const createdFrom = Math.floor((scope.stripeFrom ?? scope.stripeAt).getTime() / 1000);
  const listedAgain = Math.floor((scope.stripeAt.getTime() - eventOverlapMs) / 1000);
  for (;;) {
    context.signal.throwIfAborted();
    const page = await readPage(context, stage, list, createdFrom);
    if (page === null) return;
    const { data: events, hasMore } = page;
    const questions = questionsOf(
      stage,
      events.filter((event) => !seen.has(event.id)),
    );
    // Only what is certain to be asked about after it happened: the next run asks about the others.
    const dealtWith = ({ id, created }: Stripe.Event) =>
      created >= listedAgain && (seen.has(id) || !answered);
    const late = events.filter(dealtWith).map((event) => event.id);
    const last = events.at(-1)?.id ?? list.cursor;
    context.signal.throwIfAborted();
    if (!hasMore && isForgotten(scope, context.stripe.time() ?? scope.stripeAt))
      throw new DriftdeskError("stripe_events_forgotten", eventsForgotten);
    await context.begin(async (tx) => {
      await ask(tx, stage, questions);
      await tx`
        UPDATE driftdesk.event_lists SET cursor = ${last}, state = ${hasMore ? "open" : "done"}, seen = seen || ${late}::text[]
        WHERE run_id = ${stage.runId} AND resource = ${stage.resource.name} AND number = ${list.number}`;
    });
    list.cursor = last;
    if (!hasMore) return;
  }
}

/** Null when it cannot be read. */
async function readPage(
  context: ListContext,
  stage: Stage,
  list: EventList,
  createdFrom: number,
): Promise<{ data: Stripe.Event[]; hasMore: boolean } | null> {
  const read = () =>
    context.stripe.events({ types: list.types, createdFrom, startingAfter: list.cursor ?? undefined });
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof DriftdeskError)) throw error;
    if (error.code === "stripe_cursor_gone") {
      // It was thirty days old meanwhile. To be told of an event twice does no harm.
      list.cursor = null;
      return readPage(context, stage, list, createdFrom);
    }
    if (!isUnreachable(error)) throw error;
    const { message } = error;
    await context.begin(
      (tx) => tx`
        UPDATE driftdesk.event_lists SET state = 'unreadable', message = ${message}
        WHERE run_id = ${stage.runId} AND resource = ${stage.resource.name} AND number = ${list.number}`,
    );
    return null;
  }
}

/** What the events make worth asking. */
export function questionsOf(
  { resource }: Pick<Stage, "resource">,
  events: readonly Stripe.Event[],
): Questions {
  const questions = { objects: new Set<string>(), customers: new Set<string>() };
  for (const event of events) {
    const subject = subjectOf(event, resource.stripe);
    const nameless = subject.objects.length === 0;
    // Where a row stands for a customer, all of the customer's objects decide; an object that does not say whose it is
    // has to be asked. Where it stands for an object, only a change of the customer itself concerns all of them.
    const asksCustomers = resource.match.by === "id" ? nameless && followsCustomers(resource) : true;
    const asksObjects = resource.match.by === "id" || subject.customers.length === 0;
    if (asksCustomers) for (const id of subject.customers) questions.customers.add(id);
    if (asksObjects) for (const id of subject.objects) questions.objects.add(id);
  }
  return { objects: [...questions.objects], customers: [...questions.customers] };
}
