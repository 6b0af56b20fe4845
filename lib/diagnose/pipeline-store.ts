import type { Sql, TransactionSql } from "postgres";
import type { Desk } from "../desk.ts";
import { eventsKeptMs } from "../stripe/events.ts";
import type { Deliveries } from "./pipeline-read.ts";
import { type Sighting, unnamed, whereaboutsOf } from "./pipeline-whereabouts.ts";

/** Keeps what Stripe said, all of it or nothing. False when this look was taken from its process meanwhile. */
export async function keepDeliveries(
  { sql, now }: Desk,
  { accountId, holder, read }: { accountId: string; holder: string; read: Deliveries },
): Promise<boolean> {
  return (await sql.begin(async (tx) => {
    const [mine] = await tx`
      SELECT FROM driftdesk.pipeline_looks WHERE account_id = ${accountId} AND taken_by = ${holder} FOR UPDATE`;
    if (!mine) return false;
    if (read.anew) await forgetAll(tx, accountId);
    const { missing, taken } = whereaboutsOf(read, await knownOf(tx, accountId, read));
    await forgetDelivered(tx, accountId, read);
    await keepMissing(tx, accountId, missing);
    await keepEndpoints(tx, accountId, read);
    await keepTaken(tx, accountId, taken);
    await tx`
      DELETE FROM driftdesk.pipeline_undelivered
      WHERE account_id = ${accountId} AND created < ${new Date(now().getTime() - eventsKeptMs)}`;
    const { place } = read;
    await tx`
      UPDATE driftdesk.pipeline_looks
      SET at = ${now()}, listed_to = ${place.listedTo},
          gap_after = ${place.gapAfter}, gap_at = ${place.gapAt}, gap_from = ${place.gapFrom},
          recheck_after = ${place.recheckAfter}, recheck_at = ${place.recheckAt},
          endpoints_readable = ${read.endpoints !== null}, events_readable = ${read.eventsReadable}
      WHERE account_id = ${accountId}`;
    return true;
  })) as boolean;
}

/** Puts down up to which event each endpoint has taken each type. */
export async function keepTaken(
  sql: Sql | TransactionSql,
  accountId: string,
  taken: readonly Sighting[],
): Promise<void> {
  const newest = new Map<string, Sighting>();
  for (const one of taken) {
    const key = `${one.endpoint} ${one.type}`;
    const other = newest.get(key);
    if (!other || other.created < one.created) newest.set(key, one);
  }
  const rows = [...newest.values()];
  await sql`
    INSERT INTO driftdesk.pipeline_types AS t (account_id, endpoint, type, delivered_to)
    SELECT ${accountId}, v.endpoint, v.type, v.created
    FROM unnest(${rows.map((row) => row.endpoint)}::text[], ${rows.map((row) => row.type)}::text[],
                ${rows.map((row) => row.created.toISOString())}::timestamptz[]) AS v (endpoint, type, created)
    ON CONFLICT (account_id, endpoint, type) DO UPDATE
    SET delivered_to = greatest(t.delivered_to, excluded.delivered_to)`;
  // What may be missing at one of several was taken by whichever it is when all of them have taken something newer.
  await sql`
    INSERT INTO driftdesk.pipeline_types AS t (account_id, endpoint, type, delivered_to)
    SELECT ${accountId}, e.endpoint, m.type, min(m.delivered_to)
    FROM driftdesk.pipeline_endpoints e
    JOIN driftdesk.pipeline_types m
      ON m.account_id = e.account_id AND m.endpoint = ANY (string_to_array(e.endpoint, ','))
    WHERE e.account_id = ${accountId} AND e.endpoint LIKE '%,%'
    GROUP BY e.endpoint, m.type
    HAVING count(*) = cardinality(string_to_array(e.endpoint, ','))
    ON CONFLICT (account_id, endpoint, type) DO UPDATE
    SET delivered_to = greatest(t.delivered_to, excluded.delivered_to)`;
}

async function knownOf(tx: TransactionSql, accountId: string, { undelivered, endpoints }: Deliveries) {
  const ids = undelivered.map((event) => event.id);
  const received = await tx<{ id: string }[]>`
    SELECT event_id AS id FROM driftdesk.webhook_events
    WHERE account_id = ${accountId} AND event_id = ANY (${ids}::text[])`;
  const silent = await tx<{ endpoint: string }[]>`
    SELECT endpoint FROM driftdesk.pipeline_endpoints
    WHERE account_id = ${accountId} AND state = 'broken' AND endpoint NOT LIKE '%,%'`;
  const before = await tx<{ id: string; endpoints: string[] }[]>`
    SELECT event_id AS id, array_agg(endpoint) AS endpoints FROM driftdesk.pipeline_undelivered
    WHERE account_id = ${accountId} AND event_id = ANY (${ids}::text[])
    GROUP BY event_id`;
  return {
    endpoints,
    received: new Set(received.map(({ id }) => id)),
    silent: new Set(silent.map(({ endpoint }) => endpoint)),
    before: new Map(before.map((one) => [one.id, one.endpoints])),
  };
}

/** What was pending where Stripe lists everything that is: it was delivered, or goes to an endpoint that is gone. */
async function forgetDelivered(
  tx: TransactionSql,
  accountId: string,
  { covered, undelivered }: Deliveries,
): Promise<void> {
  await tx`
    WITH delivered AS (
      DELETE FROM driftdesk.pipeline_undelivered u
      USING unnest(${covered.map(({ from }) => from.toISOString())}::timestamptz[], ${covered.map(({ to }) => to.toISOString())}::timestamptz[])
        AS c ("from", "to")
      WHERE u.account_id = ${accountId} AND u.created >= c."from" AND u.created < c."to"
        AND u.event_id <> ALL (${undelivered.map(({ id }) => id)}::text[])
      RETURNING u.endpoint, u.type, u.created
    )
    INSERT INTO driftdesk.pipeline_types AS t (account_id, endpoint, type, delivered_to)
    SELECT ${accountId}, e, d.type, max(d.created)
    FROM delivered d, unnest(CASE d.endpoint WHEN '' THEN ARRAY[''] ELSE string_to_array(d.endpoint, ',') END) AS e
    GROUP BY e, d.type
    ON CONFLICT (account_id, endpoint, type) DO UPDATE
    SET delivered_to = greatest(t.delivered_to, excluded.delivered_to)`;
}

async function keepMissing(
  tx: TransactionSql,
  accountId: string,
  missing: readonly Sighting[],
): Promise<void> {
  const ids = missing.map((one) => one.eventId);
  await tx`
    DELETE FROM driftdesk.pipeline_undelivered
    WHERE account_id = ${accountId} AND event_id = ANY (${ids}::text[])`;
  await tx`
    INSERT INTO driftdesk.pipeline_undelivered (account_id, event_id, endpoint, type, created)
    SELECT ${accountId}, v.* FROM unnest(
      ${ids}::text[], ${missing.map((one) => one.endpoint)}::text[], ${missing.map((one) => one.type)}::text[],
      ${missing.map((one) => one.created.toISOString())}::timestamptz[]) AS v
    ON CONFLICT DO NOTHING`;
}

async function keepEndpoints(
  tx: TransactionSql,
  accountId: string,
  { endpoints }: Deliveries,
): Promise<void> {
  const rows = endpoints ?? [{ id: unnamed, url: null, listens: ["*"], enabled: true, madeAt: null }];
  const ids = rows.map((row) => row.id);
  // A handful: Stripe allows sixteen.
  for (const { id, url, listens, enabled, madeAt } of rows)
    await tx`
      INSERT INTO driftdesk.pipeline_endpoints (account_id, endpoint, url, listens, enabled, made_at)
      VALUES (${accountId}, ${id}, ${url}, ${[...listens]}, ${enabled}, ${madeAt})
      ON CONFLICT (account_id, endpoint) DO UPDATE
      SET url = excluded.url, listens = excluded.listens, enabled = excluded.enabled, made_at = excluded.made_at`;
  // Those of several, as long as something is said of them.
  await tx`
    INSERT INTO driftdesk.pipeline_endpoints (account_id, endpoint, url, listens, enabled)
    SELECT ${accountId}, u.endpoint,
           (SELECT string_agg(e.url, ' or ' ORDER BY e.endpoint) FROM driftdesk.pipeline_endpoints e
            WHERE e.account_id = ${accountId} AND e.endpoint = ANY (string_to_array(u.endpoint, ','))),
           '{}', true
    FROM (SELECT DISTINCT endpoint FROM driftdesk.pipeline_undelivered
          WHERE account_id = ${accountId} AND endpoint LIKE '%,%') u
    ON CONFLICT DO NOTHING`;
  await tx`
    DELETE FROM driftdesk.pipeline_endpoints e
    WHERE e.account_id = ${accountId} AND e.endpoint <> ALL (${ids}::text[])
      AND NOT (e.endpoint LIKE '%,%' AND string_to_array(e.endpoint, ',') <@ ${ids}::text[]
               AND (e.state = 'broken'
                    OR EXISTS (SELECT FROM driftdesk.pipeline_undelivered u
                               WHERE u.account_id = e.account_id AND u.endpoint = e.endpoint)))`;
  for (const table of ["pipeline_undelivered", "pipeline_types"])
    await tx`
      DELETE FROM ${tx(`driftdesk.${table}`)} g
      WHERE g.account_id = ${accountId} AND NOT EXISTS (
        SELECT FROM driftdesk.pipeline_endpoints e
        WHERE e.account_id = g.account_id AND e.endpoint = g.endpoint)`;
}

async function forgetAll(tx: TransactionSql, accountId: string): Promise<void> {
  for (const table of ["pipeline_endpoints", "pipeline_undelivered", "pipeline_types"])
    await tx`DELETE FROM ${tx(`driftdesk.${table}`)} WHERE account_id = ${accountId}`;
}
