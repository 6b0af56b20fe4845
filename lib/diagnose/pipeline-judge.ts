// When an endpoint is called broken, and when it works again. The rules are in docs/decisions/0042.
import type { TransactionSql } from "postgres";
import { type AuditDraft, appendAudit } from "../audit/append.ts";
import type { PipelineEndpoint } from "../db/schema.ts";
import { type Desk, systemActor } from "../desk.ts";
import type { Doubt } from "./pipeline-read.ts";

const minute = 60_000;
/** Stripe has tried more than once by then. */
const patienceMs = 15 * minute;
/** An endpoint that broke and came back lately gets more: it would be told again and again. */
const flappingMs = 6 * 60 * minute;
const flappingPatienceMs = 60 * minute;
/** So many events of one type, while others arrive, are no accident. */
const manyOfOneType = 3;
/** What came back has to take events that are so much newer than those that it still has not got. */
const steadyMs = 15 * minute;
/** Requests that go into making sure, at most. */
const doubtsAtOnce = 10;

/** One endpoint and one type of event. */
interface Pending {
  endpoint: string;
  type: string;
  /** All that did not arrive. */
  events: number;
  newest: Date;
  /** Of these, what is newer than all that the endpoint has taken: of whatever type, and of this one. */
  stuck: { events: number; oldest: Date | null };
  stuckOfType: { events: number; oldest: Date | null };
  /** Up to which event the endpoint has taken: any, and of this type. */
  taken: Date | null;
  takenOfType: Date | null;
}

type Judged = Pick<
  PipelineEndpoint,
  "endpoint" | "url" | "listens" | "enabled" | "state" | "brokenSince" | "recoveredAt" | "brokenTypes"
>;

/** Writes down which endpoints broke or work again, with one entry each in the history, whoever looks. */
export async function judgePipeline(desk: Desk, accountId: string): Promise<void> {
  await desk.sql.begin(async (tx) => {
    const [look] = await tx<{ whole: boolean }[]>`
      SELECT gap_after IS NULL AS whole FROM driftdesk.pipeline_looks WHERE account_id = ${accountId} FOR UPDATE`;
    // When it began is not known before all of it was listed.
    if (!look?.whole) return;
    const now = desk.now();
    const entries: AuditDraft[] = [];
    const all = await readJudged(tx, accountId);
    for (const { endpoint, pending } of all) {
      const change = judge(endpoint, pending, now);
      if (!change) continue;
      const { state, brokenSince, recoveredAt, brokenTypes } = change;
      await tx`
        UPDATE driftdesk.pipeline_endpoints
        SET state = ${state}, broken_since = ${brokenSince}, recovered_at = ${recoveredAt},
            broken_types = ${[...brokenTypes]}
        WHERE account_id = ${accountId} AND endpoint = ${endpoint.endpoint}`;
      if (state !== endpoint.state && !isToldApart(endpoint, all))
        entries.push(entryOf(accountId, { ...endpoint, ...change }, pending));
    }
    await appendAudit(tx, entries, now);
  });
}

/** It was one of several, and by now it is known which: that is no recovery. */
const isToldApart = (
  { endpoint, state, brokenSince }: Judged,
  all: Awaited<ReturnType<typeof readJudged>>,
): boolean =>
  state === "broken" &&
  endpoint.includes(",") &&
  all.some(
    (other) =>
      endpoint.split(",").includes(other.endpoint.endpoint) &&
      other.pending.some(({ newest }) => brokenSince !== null && newest >= brokenSince),
  );

/** What has to be asked before an endpoint is called broken, or stays it: a look sees only the newest of what arrived. */
export async function doubtsAbout(desk: Desk, accountId: string): Promise<Doubt[]> {
  const now = desk.now();
  const doubts = new Map<string, Doubt>();
  const doubt = (types: readonly string[], since: Date) => {
    const key = types.join();
    const other = doubts.get(key);
    if (!other || other.since > since) doubts.set(key, { types, since });
  };
  for (const { endpoint, pending } of await readJudged(desk.sql, accountId)) {
    const { listens, state, brokenSince, brokenTypes } = endpoint;
    const outage = outageOf(endpoint, pending, now);
    if (state === "broken" && brokenSince) for (const type of brokenTypes) doubt([type], brokenSince);
    else if (outage?.whole) doubt(listens.includes("*") ? [] : listens, outage.since);
    else if (outage) for (const type of outage.types) doubt([type], outage.since);
  }
  return [...doubts.values()].slice(0, doubtsAtOnce);
}

interface Outage {
  since: Date;
  types: string[];
  /** Nothing at all arrives, of whatever type. */
  whole: boolean;
}

/** Whether an endpoint takes nothing, or nothing of some type, for longer than that can be borne with. */
function outageOf(endpoint: Judged, pending: readonly Pending[], now: Date): Outage | null {
  const { recoveredAt } = endpoint;
  const lately = recoveredAt !== null && now.getTime() - recoveredAt.getTime() < flappingMs;
  const before = now.getTime() - (lately ? flappingPatienceMs : patienceMs);
  const isOld = (at: Date | null): at is Date => at !== null && at.getTime() <= before;
  const all = pending.filter(({ stuck }) => stuck.events > 0);
  const whole = all.some(({ stuck }) => isOld(stuck.oldest));
  const some = whole
    ? all.map(({ type, stuck }) => ({ type, oldest: stuck.oldest }))
    : pending
        .filter(({ stuckOfType: { events, oldest } }) => events >= manyOfOneType && isOld(oldest))
        .map(({ type, stuckOfType }) => ({ type, oldest: stuckOfType.oldest }));
  const times = some.flatMap(({ oldest }) => (oldest ? [oldest.getTime()] : []));
  if (times.length === 0) return null;
  return { since: new Date(Math.min(...times)), types: some.map(({ type }) => type).sort(), whole };
}

type Change = Pick<Judged, "state" | "brokenSince" | "recoveredAt" | "brokenTypes">;

/** Null: it stays as it is. */
function judge(endpoint: Judged, pending: readonly Pending[], now: Date): Change | null {
  // Nothing is sent to one that is switched off: it neither breaks nor comes back.
  if (!endpoint.enabled) return null;
  const outage = outageOf(endpoint, pending, now);
  if (endpoint.state === "delivering")
    return (
      outage && { state: "broken", brokenSince: outage.since, recoveredAt: null, brokenTypes: outage.types }
    );
  const { brokenSince, brokenTypes } = endpoint;
  if (brokenSince && isSteady(brokenSince, pending))
    return { state: "delivering", brokenSince, recoveredAt: now, brokenTypes };
  // More types may join in; it began when it began.
  const types = [...new Set([...brokenTypes, ...(outage?.types ?? [])])].sort();
  return types.length === brokenTypes.length
    ? null
    : { state: "broken", brokenSince, recoveredAt: null, brokenTypes: types };
}

/** Whether all that did not arrive since then arrived, or much newer things of its kind do. */
const isSteady = (since: Date, pending: readonly Pending[]): boolean =>
  pending
    .filter(({ newest }) => newest >= since)
    .every(({ newest, events, taken, takenOfType }) => {
      const steady = (to: Date | null) => to !== null && to.getTime() >= newest.getTime() + steadyMs;
      return steady(takenOfType) || (events < manyOfOneType && steady(taken));
    });

function entryOf(accountId: string, endpoint: Judged, pending: readonly Pending[]): AuditDraft {
  const { endpoint: id, url, state, brokenSince, recoveredAt, brokenTypes } = endpoint;
  const undelivered = pending
    .filter(({ newest }) => brokenSince && newest >= brokenSince)
    .reduce((sum, { events }) => sum + events, 0);
  const about = { endpoint: id === "" ? null : id, url, since: brokenSince?.toISOString() };
  return {
    actor: systemActor.email,
    account_id: accountId,
    subject: url,
    ...(state === "broken"
      ? { action: "pipeline.broken", data: { ...about, undelivered, types: brokenTypes } }
      : { action: "pipeline.recovered", data: { ...about, until: recoveredAt?.toISOString(), undelivered } }),
  };
}

async function readJudged(
  sql: Desk["sql"] | TransactionSql,
  accountId: string,
): Promise<{ endpoint: Judged; pending: Pending[] }[]> {
  const endpoints = await sql<Judged[]>`
    SELECT endpoint, url, listens, enabled, state, broken_since AS "brokenSince", recovered_at AS "recoveredAt",
           broken_types AS "brokenTypes"
    FROM driftdesk.pipeline_endpoints
    WHERE account_id = ${accountId} ORDER BY endpoint`;
  const pending = await sql<Pending[]>`
    WITH newest AS (
      SELECT endpoint, max(delivered_to) AS taken FROM driftdesk.pipeline_types
      WHERE account_id = ${accountId} GROUP BY endpoint
    )
    SELECT u.endpoint, u.type, count(*)::int AS events, max(u.created) AS newest, n.taken, t.delivered_to AS "takenOfType",
           jsonb_build_object(
             'events', count(*) FILTER (WHERE u.created > n.taken IS NOT FALSE),
             'oldest', min(u.created) FILTER (WHERE u.created > n.taken IS NOT FALSE)) AS stuck,
           jsonb_build_object(
             'events', count(*) FILTER (WHERE u.created > t.delivered_to IS NOT FALSE),
             'oldest', min(u.created) FILTER (WHERE u.created > t.delivered_to IS NOT FALSE)) AS "stuckOfType"
    FROM driftdesk.pipeline_undelivered u
    LEFT JOIN newest n ON n.endpoint = u.endpoint
    LEFT JOIN driftdesk.pipeline_types t
      ON t.account_id = u.account_id AND t.endpoint = u.endpoint AND t.type = u.type
    WHERE u.account_id = ${accountId}
    GROUP BY u.endpoint, u.type, n.taken, t.delivered_to`;
  return endpoints.map((endpoint) => ({
    endpoint,
    pending: pending.filter((one) => one.endpoint === endpoint.endpoint).map(withDates),
  }));
}

/** JSON has no times. */
function withDates(pending: Pending): Pending {
  const dated = ({ events, oldest }: Pending["stuck"]) => ({ events, oldest: oldest && new Date(oldest) });
  return { ...pending, stuck: dated(pending.stuck), stuckOfType: dated(pending.stuckOfType) };
}
