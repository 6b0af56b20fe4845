// Why things differ, as a step of a run: from Stripe's events, the company's own log, our receiver, and the rows' own times.
import type Stripe from "stripe";
import type { Resource } from "../config/resource.ts";
import { isConnectionLost } from "../db/connect.ts";
import type { Run } from "../db/schema.ts";
import type { Desk } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";
import { describeTable, type LocalTable, tableNamed } from "../local/catalog.ts";
import { arrivedSince, readChangeTimes, readWebhookLog } from "../local/webhook-log.ts";
import { importOf } from "../reconcile/word.ts";
import { eventsInReachMs, isSilent } from "../stripe/events.ts";
import { Deliveries, type Sources } from "./deliveries.ts";
import { type Due, type Found, findDue, writeCauses } from "./due.ts";
import type { Evidence } from "./evidence.ts";
import { clocksApartMs, equalSince, judge, triedForSeconds } from "./judge.ts";
import { Listing, type Wanted } from "./listing.ts";
import { type State, spell, statesOf } from "./states.ts";

export interface DiagnoseOptions {
  signal: AbortSignal;
  /** Of Stripe, at most. */
  requests?: number;
}

/** A hundred events each: what a busy account has in some hours, and others in a month. Fewer where a person waits. */
const requestsAtMost = { run: 60, targeted: 6 };

/**
 * Never throws for what a run can meet: what could not be found out stays unknown, and the next run tries again. But when
 * Driftdesk's own database is lost the run is as after a kill, and whoever goes on with it looks again.
 */
export async function diagnose(
  desk: Desk,
  { run, accountId }: { run: Run; accountId: string },
  options: DiagnoseOptions,
): Promise<void> {
  // Whoever goes by a file's word may not be able to ask Stripe.
  if (importOf(run) !== null) return;
  try {
    const due = await findDue(desk, run, accountId);
    if (due.length === 0) return;
    const requests =
      options.requests ?? (run.mode === "targeted" ? requestsAtMost.targeted : requestsAtMost.run);
    const found = await findOut(desk, accountId, due, { ...options, requests });
    options.signal.throwIfAborted();
    // Where a person waits little is looked at: the next run looks further.
    const told = found.filter(({ evidence }) => run.mode !== "targeted" || evidence.why !== "not_looked");
    await writeCauses(desk, { run, accountId }, told);
  } catch (error) {
    options.signal.throwIfAborted();
    if (isConnectionLost(error) && (desk.local === desk.sql || !(await answers(desk.sql)))) throw error;
    desk.log.warn({ err: error, run: run.id }, "The causes of differences could not be looked for.");
  }
}

const answers = (sql: Desk["sql"]) =>
  sql`SELECT 1`.then(
    () => true,
    () => false,
  );

async function findOut(
  desk: Desk,
  accountId: string,
  due: readonly Due[],
  { signal, requests }: Required<DiagnoseOptions>,
): Promise<Found[]> {
  const listing = new Listing(desk.stripe, wantedOf(desk, due), requests);
  const oldest = Math.ceil((desk.now().getTime() - eventsInReachMs) / 1000);
  let open: readonly Due[];
  try {
    const undelivered = Math.min(...due.map((one) => undeliveredFrom(desk, one)));
    if (Number.isFinite(undelivered))
      await listing.readUndelivered(
        Math.max(oldest, undelivered),
        Math.max(1, Math.floor(requests / 3)),
        signal,
      );
    open = due.filter((one) => !isStillUndelivered(one, listing));
    if (open.length === 0) return [];
    const from = open.reduce(
      (first, one) => Math.min(first, neededFrom(desk, one)),
      Number.POSITIVE_INFINITY,
    );
    await listing.readAll(Math.max(oldest, from), listing.left, signal);
  } catch (error) {
    if (!(error instanceof DriftdeskError) || error.code !== "stripe_permission_missing") throw error;
    return due.map((one) => ({ due: one, cause: "unknown", evidence: unreadable(one) }));
  }
  const sources = await readEnough(desk, accountId, { listing, oldest, open, signal });
  const deliveries = new Deliveries(sources.told);
  const found: Found[] = [];
  for (const [name, some] of Map.groupBy(open, (one) => one.resource)) {
    signal.throwIfAborted();
    const resource = desk.config.resources.find((one) => one.name === name);
    const table = resource && (await describeTable(desk.local, resource.table));
    if (!resource || !table) continue;
    found.push(
      ...(await judgeAll({ desk, listing, deliveries, sources, oldest }, { resource, table }, some)),
    );
  }
  return found;
}

const wantedOf = (desk: Desk, due: readonly Due[]): Wanted[] =>
  [...Map.groupBy(due, (one) => one.resource)].flatMap(([name, some]) => {
    const resource = desk.config.resources.find((one) => one.name === name);
    const ids = (of: "stripeId" | "customerId") =>
      new Set(some.map((one) => one[of]).filter((id) => id !== null));
    return resource ? [{ resource, objects: ids("stripeId"), customers: ids("customerId") }] : [];
  });

/** Nothing new: Stripe still has not delivered what it was told by. Nor where not all of them could be listed. */
function isStillUndelivered({ cause, causeEvidence, causeVersion, version }: Due, listing: Listing): boolean {
  const event = causeEvidence?.event;
  if (cause !== "webhook_undelivered" || causeVersion !== version || !event) return false;
  return listing.pulse.has(event.id) || listing.undeliveredFrom * 1000 > Date.parse(event.created);
}

/** Unix seconds. What was equal before needs no older events than that, and what was looked at before none than then. */
function neededFrom(
  desk: Desk,
  { equalAt, resource, version, causeVersion, causeEvidence: known }: Due,
): number {
  if (equalAt !== null && isTold(desk.config.resources.find(({ name }) => name === resource)))
    return equalSince(equalAt);
  if (known?.from === undefined || causeVersion !== version) return 0;
  const times = [known.from, known.event?.created].filter((at) => at !== undefined);
  return Math.floor(Math.min(...times.map((at) => Date.parse(at))) / 1000);
}

/** Where everything that is needed is young it is read whole, and those that were not delivered are among it. */
const undeliveredFrom = (desk: Desk, due: Due): number =>
  due.cause === "webhook_undelivered" || neededFrom(desk, due) === 0
    ? neededFrom(desk, due)
    : Number.POSITIVE_INFINITY;

/** Whether each change at Stripe is told by an event that names the object or its customer, and nothing is read less often. */
const isTold = (resource: Resource | undefined): boolean =>
  resource !== undefined &&
  resource.match.by !== "customerEmail" &&
  resource.settled === undefined &&
  !isSilent(resource);

const unreadable = ({ openedAt, foundBy }: Due): Evidence => ({
  why: "unreadable",
  timeline: [{ at: openedAt.toISOString(), what: "found", run: foundBy }],
});

/** So many requests tell what usually becomes of events, where the few that are needed do not. */
const contextRequests = 12;

/**
 * Reads on where something was not processed, since others have to say whether such events are at all; and where something
 * was changed that no event tells of, since an older one may have come late.
 */
async function readEnough(
  desk: Desk,
  accountId: string,
  reading: { listing: Listing; oldest: number; open: readonly Due[]; signal: AbortSignal },
): Promise<ReadSources> {
  const { listing, oldest, signal } = reading;
  const untold = untoldSince(desk, reading);
  const sources = await readSources(desk, accountId, listing, untold);
  const { log } = sources.told;
  const doubtful = log?.saysProcessed && listing.wanted.some(({ id }) => !log.logged.get(id)?.processedAt);
  const late = untold !== null && !sources.noneLate ? equalSince(untold) - triedForSeconds : listing.from;
  const from = Math.max(oldest, doubtful ? oldest : late);
  if (listing.from <= from || listing.left === 0) return sources;
  await listing.readAll(from, Math.min(contextRequests, listing.left), signal);
  return readSources(desk, accountId, listing, untold);
}

/** The earliest time at which something was equal that differs without an event; null when nothing does. */
function untoldSince(desk: Desk, { listing, open }: { listing: Listing; open: readonly Due[] }): Date | null {
  const times = open.flatMap((due) => {
    const { equalAt, stripeId, customerId } = due;
    if (equalAt === null || neededFrom(desk, due) === 0) return [];
    const events = listing.about(due.resource, stripeId, customerId);
    return events.some(({ created }) => created >= equalSince(equalAt)) ? [] : [equalAt.getTime()];
  });
  return times.length > 0 ? new Date(Math.min(...times)) : null;
}

interface ReadSources {
  told: Sources;
  /** Whether the log writes moments in time, or what a clock showed somewhere. */
  logZoned: boolean;
  /** Whether all that arrived since something was equal is among the listed events, as far as the log can say so. */
  noneLate: boolean;
}

async function readSources(
  desk: Desk,
  accountId: string,
  listing: Listing,
  equalAt: Date | null,
): Promise<ReadSources> {
  const ids = [...listing.pulse.keys()];
  const { webhookLog } = desk.config;
  const table = webhookLog && (await describeTable(desk.local, tableNamed(webhookLog.table)));
  if (webhookLog && !table)
    throw new DriftdeskError("mapping_broken", `There is no table ${webhookLog.table} (webhookLog.table).`);
  const logged = webhookLog && table && (await readWebhookLog(desk.local, table, webhookLog, ids));
  const received = await desk.sql<{ id: string; at: Date }[]>`
    SELECT event_id AS id, received_at AS at FROM driftdesk.webhook_events
    WHERE account_id = ${accountId} AND event_id = ANY (${ids}::text[])`;
  const zoned = (column: string | undefined) =>
    column === undefined || table?.columns.get(column)?.base === "timestamptz";
  const logZoned = zoned(webhookLog?.receivedAt) && zoned(webhookLog?.processedAt);
  const arrived =
    webhookLog && table && equalAt && logZoned
      ? await arrivedSince(desk.local, table, webhookLog, new Date(equalAt.getTime() - clocksApartMs))
      : "many";
  return {
    told: {
      nowMs: desk.now().getTime(),
      listing,
      log: logged ? { logged, saysProcessed: webhookLog?.processedAt !== undefined } : null,
      received: new Map(received.map(({ id, at }) => [id, at])),
      endpoints: listing.wanted.length > 0 ? await endpointsOf(desk) : null,
    },
    logZoned,
    noneLate: arrived !== "many" && arrived.every((id) => listing.pulse.has(id)),
  };
}

/** Without the permission to list them they are not named. */
async function endpointsOf({ stripe }: Desk): Promise<Stripe.WebhookEndpoint[] | null> {
  try {
    return (await stripe.webhookEndpoints()).filter(({ status }) => status === "enabled");
  } catch (error) {
    if (error instanceof DriftdeskError && error.code.startsWith("stripe_")) return null;
    throw error;
  }
}

interface Known {
  desk: Desk;
  listing: Listing;
  deliveries: Deliveries;
  sources: ReadSources;
  /** Unix seconds: Stripe has none from before. */
  oldest: number;
}

/** A clock somewhere in the world, when its zone was not written down. */
const zonesApartMs = 14 * 3_600_000;

async function judgeAll(
  { desk, listing, deliveries, sources, oldest }: Known,
  { resource, table }: { resource: Resource; table: LocalTable },
  due: readonly Due[],
): Promise<Found[]> {
  const keys = due.map(({ localKey }) => localKey).filter((key) => key !== null);
  const changed = await readChangeTimes(desk.local, table, resource, keys);
  const cases = due.map((one) => {
    const events = listing.about(resource.name, one.stripeId, one.customerId);
    return { due: one, events, states: statesOf(resource, table, events, listing.from) };
  });
  const states: State[] = cases.flatMap((one) => one.states);
  await spell(desk.sql, table, resource, states);
  const zoned = sources.logZoned && table.columns.get(resource.updatedAt ?? "")?.base === "timestamptz";
  return cases.map((one) => ({
    due: one.due,
    ...judge(deliveries, {
      ...one,
      resource,
      table,
      changedAt: changed.get(one.due.localKey ?? "") ?? null,
      apartMs: zoned ? clocksApartMs : zonesApartMs,
      from: listing.from,
      whole: listing.from <= oldest,
      told: isTold(resource),
      noneLate: sources.noneLate,
    }),
  }));
}
