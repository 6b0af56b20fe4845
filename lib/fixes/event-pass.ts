// What Stripe's events say about the old observations of one action: which of them nothing has happened to since. One pass
// over the events for all of its batches; a later batch goes on where the pass ended. Nothing in an event but names is
// used, as in a run that reads what changed; what is named, and whatever is in doubt, has to be asked for.
import { deskOf, otherAccount } from "../accounts/known.ts";
import type { Resource } from "../config/resource.ts";
import type { Desk } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";
import { describeTable } from "../local/catalog.ts";
import { questionsOf } from "../reconcile/events.ts";
import { customerIdOf } from "../reconcile/project.ts";
import { cursorOf, mappingOf } from "../reconcile/scope.ts";
import { stageOf } from "../reconcile/staging.ts";
import { together } from "../reconcile/together.ts";
import {
  type EventType,
  eventOverlapMs,
  eventsInReachMs,
  eventTypesFor,
  isSilent,
  typesPerList,
} from "../stripe/events.ts";
import type { IntendedFix, Work } from "./execute.ts";
import { matchOf } from "./plan.ts";

/** A page of events has to spare so many questions: pages come one after the other, and questions several at a time. */
const questionsPerPage = 25;
/** Observations are dated by our clock and events by Stripe's: further apart than that, they cannot be compared. */
const clocksApartMs = 60_000;
const atTheSameTime = 10;

export interface EventPass {
  /** Those of old observations that still hold, as far as events can tell. Nothing is said about the others. */
  unchanged(fixes: readonly IntendedFix[]): Promise<IntendedFix[]>;
}

type About = Pick<Work, "desk" | "known" | "bulk">;

export function eventPassOf(about: About): EventPass {
  const passes = new Map<string, Pass | null>();
  const unchangedOf = async (accountId: string, fixes: IntendedFix[]): Promise<IntendedFix[]> => {
    const desk = deskOf(about.known, accountId);
    if (!desk) return [];
    try {
      const pass =
        passes.get(accountId) ?? (passes.has(accountId) ? null : await begin(about, desk, accountId));
      passes.set(accountId, pass);
      if (pass === null) return [];
      await goOn(pass);
      const readAt = await readTimes(desk, fixes);
      return fixes.filter((fix) => holds(pass, fix, readAt.get(fix.discrepancyId)));
    } catch (error) {
      if (!(error instanceof DriftdeskError) || !error.code.startsWith("stripe_")) throw error;
      // Then each is asked for, and whoever waits is told what Stripe says to that.
      about.desk.log.info(
        { bulk: about.bulk.id, account: accountId },
        `Events are of no use: ${error.message}`,
      );
      passes.set(accountId, null);
      return [];
    }
  };
  return {
    async unchanged(fixes) {
      const unchanged: IntendedFix[] = [];
      for (const [accountId, own] of Map.groupBy(fixes, (fix) => fix.accountId))
        unchanged.push(...(await unchangedOf(accountId, own)));
      return unchanged;
    },
  };
}

/** When something was last heard of, in Unix seconds. */
type Heard = Map<string, number>;
interface Names {
  resource: Resource;
  objects: Heard;
  customers: Heard;
}

interface Pass {
  desk: Desk;
  /** By resource. */
  names: ReadonlyMap<string, Names>;
  lists: readonly EventType[][];
  /** Everything that happened from then on is heard of. */
  since: Date;
  /** Up to when; null before the first list was read. */
  until: Date | null;
  /** That many more requests are fewer than asking for each observation would be. */
  requestsLeft: number;
}

/** Null where asking for each old observation takes fewer requests, or where events cannot tell. */
async function begin(about: About, desk: Desk, accountId: string): Promise<Pass | null> {
  // What happened just before the lists were read may not have been in them.
  if (about.bulk.total <= questionsPerPage || desk.config.fixes.maxAgeMs <= eventOverlapMs) return null;
  const names = new Map<string, Names>();
  let rows = 0;
  let since = desk.now();
  for (const old of await oldRows(about, accountId)) {
    const resource = desk.config.resources.find((one) => one.name === old.resource);
    if (!resource || !(await isTold(desk, accountId, resource))) continue;
    names.set(resource.name, { resource, objects: new Map(), customers: new Map() });
    rows += old.rows;
    if (old.since < since) since = old.since;
  }
  const types = [...new Set([...names.values()].flatMap(({ resource }) => eventTypesFor(resource)))].sort();
  const lists = Array.from({ length: Math.ceil(types.length / typesPerList) }, (_, i) =>
    types.slice(i * typesPerList, (i + 1) * typesPerList),
  );
  if (rows <= lists.length * questionsPerPage || !(await isSameAccount(desk, accountId))) return null;
  return { desk, names, lists, since, until: null, requestsLeft: Math.floor(rows / questionsPerPage) };
}

/** How many old observations of each resource the action has left that events reach back to, and when the oldest was read. */
async function oldRows({ desk: { sql, config, now }, bulk }: About, accountId: string) {
  return sql<{ resource: string; rows: number; since: Date }[]>`
    SELECT o.resource, count(*)::int AS rows, min(o.read_at) AS since
    FROM (
      SELECT d.resource, d.observed_at, least(d.observed_at, r.started_at) AS read_at
      FROM driftdesk.bulk_items i
      JOIN driftdesk.discrepancies d ON d.id = i.discrepancy_id
      LEFT JOIN driftdesk.runs r ON r.id = d.run_id
      WHERE i.bulk_id = ${bulk.id} AND i.outcome IS NULL AND d.account_id = ${accountId}
    ) o
    WHERE o.observed_at < ${new Date(now().getTime() - config.fixes.maxAgeMs)}
      AND o.read_at >= ${new Date(now().getTime() - eventsInReachMs)}
    GROUP BY o.resource`;
}

/** Whether events say everything about a resource, and the last run that read it went by the mapping as it is now. */
async function isTold(desk: Desk, accountId: string, resource: Resource): Promise<boolean> {
  // An address changes hands without an event that says so by name, and the row's own is not guarded by the write.
  if (resource.match.by === "customerEmail" || isSilent(resource)) return false;
  const table = await describeTable(desk.local, resource.table);
  if (!table || resource.fields.some((field) => !table.columns.has(field.column))) return false;
  const stage = stageOf(0, accountId, resource, table);
  const cursor = await cursorOf(desk.sql, stage);
  return cursor?.mapping === mappingOf(stage, desk.config.source);
}

/** When Stripe's side of each was read, at the earliest: a run writes down what it saw only at its end. */
async function readTimes({ sql }: Desk, fixes: readonly IntendedFix[]): Promise<Map<number, Date>> {
  const rows = await sql<{ id: number; readAt: Date }[]>`
    SELECT d.id, least(d.observed_at, r.started_at) AS "readAt"
    FROM driftdesk.discrepancies d LEFT JOIN driftdesk.runs r ON r.id = d.run_id
    WHERE d.id = ANY(${fixes.map((fix) => fix.discrepancyId)}::bigint[])`;
  return new Map(rows.map((row) => [row.id, row.readAt]));
}

/** Another account's events, or those of the other mode, name nothing of this one: that would look like no change at all. */
async function isSameAccount(desk: Desk, accountId: string): Promise<boolean> {
  if ((await otherAccount(desk, accountId)) !== null) return false;
  const [account] = await desk.sql<{ livemode: boolean }[]>`
    SELECT livemode FROM driftdesk.accounts WHERE id = ${accountId}`;
  return account?.livemode === desk.stripe.livemode;
}

/** Hears of what happened since the last list was read, unless that was read lately. */
async function goOn(pass: Pass): Promise<void> {
  const { desk, until, since, lists } = pass;
  const now = desk.now();
  if (until && now.getTime() - until.getTime() + eventOverlapMs <= desk.config.fixes.maxAgeMs) return;
  const from = (until ?? since).getTime() - eventOverlapMs;
  if (until && now.getTime() - from > eventsInReachMs) throw unfit("they do not reach back far enough");
  const ownerless = new Map<Names, Heard>();
  await together(
    new AbortController().signal,
    lists.map((types) => (signal) => readList(pass, { types, from, now, signal }, ownerless)),
  );
  for (const [{ resource, customers }, objects] of ownerless)
    await inParallel([...objects], async ([id, heard]) => {
      spend(pass);
      const object = await desk.stripe.retrieve(resource.stripe, id, resource.expand);
      const owner = object && customerIdOf(object);
      if (owner) hear(customers, owner, heard);
    });
  pass.until = now;
}

interface List {
  types: EventType[];
  /** In milliseconds. */
  from: number;
  now: Date;
  signal: AbortSignal;
}

async function readList(pass: Pass, list: List, ownerless: Map<Names, Heard>): Promise<void> {
  const { stripe } = pass.desk;
  const createdFrom = Math.floor(list.from / 1_000);
  let startingAfter: string | undefined;
  for (let more = true; more; ) {
    list.signal.throwIfAborted();
    spend(pass);
    const { data: events, hasMore } = await stripe.events({ types: list.types, createdFrom, startingAfter });
    if (Math.abs((stripe.time()?.getTime() ?? 0) - pass.desk.now().getTime()) > clocksApartMs)
      throw unfit("the clocks are too far apart");
    for (const names of pass.names.values())
      for (const event of events) {
        const { objects, customers } = questionsOf(names, [event]);
        for (const id of customers) hear(names.customers, id, event.created);
        for (const id of objects)
          if (names.resource.match.by === "id") hear(names.objects, id, event.created);
          else {
            // Whose it is has to be asked.
            const heard = ownerless.get(names) ?? new Map();
            ownerless.set(names, heard);
            hear(heard, id, event.created);
          }
      }
    startingAfter = events.at(-1)?.id;
    more = hasMore && startingAfter !== undefined;
  }
}

function hear(heard: Heard, id: string, created: number): void {
  heard.set(id, Math.max(created, heard.get(id) ?? 0));
}

function spend(pass: Pass): void {
  if (pass.requestsLeft-- <= 0) throw unfit("there are so many that asking for each record takes less");
}

const unfit = (why: string) => new DriftdeskError("stripe_events_unfit", `${why}.`);

/** Whether nothing was heard since its observation of anything that could change what the fix's row should hold. */
function holds(pass: Pass, fix: IntendedFix, readAt: Date | undefined): boolean {
  const names = pass.names.get(fix.resource);
  const match = names && matchOf(names.resource, fix);
  if (!readAt || readAt < pass.since || !match) return false;
  const from = (readAt.getTime() - eventOverlapMs) / 1_000;
  const named = (heard: Heard, id: string | null) => id !== null && (heard.get(id) ?? 0) >= Math.floor(from);
  return names.resource.match.by === "id"
    ? !named(names.objects, match) && !named(names.customers, fix.customerId)
    : !named(names.customers, match);
}

async function inParallel<T>(all: T[], work: (one: T) => Promise<void>): Promise<void> {
  const queue = all.reverse();
  const worker = async () => {
    for (let one = queue.pop(); one !== undefined; one = queue.pop()) await work(one);
  };
  await together(new AbortController().signal, Array<typeof worker>(atTheSameTime).fill(worker));
}
