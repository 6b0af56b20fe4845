import type Stripe from "stripe";
import type { Desk } from "../desk.ts";
import { quoteName, quoteTable, tableNamed } from "../local/catalog.ts";

/** So many of the newest events are measured. */
const newest = 500;

/** How long events took from Stripe to the company's own log, where the config maps it, and to our receiver. */
export async function measureLags(
  desk: Desk,
  accountId: string,
  delivered: readonly Stripe.Event[],
): Promise<void> {
  await measureReceiver(desk, accountId);
  // It says less about the pipeline than the rest: the look goes on without it.
  await measureLog(desk, accountId, delivered).catch((error) =>
    desk.log.warn(error, "the webhook log could not be read to see how long events take"),
  );
}

async function measureReceiver({ sql, now }: Desk, accountId: string): Promise<void> {
  await sql`
    INSERT INTO driftdesk.pipeline_lags (account_id, source, type, events, median_ms, slowest_ms, measured_at)
    SELECT ${accountId}, 'receiver', l.type, count(*),
           percentile_disc(0.5) WITHIN GROUP (ORDER BY l.ms), max(l.ms), ${now()}
    FROM (SELECT type, greatest(0, extract(epoch FROM received_at - created) * 1000)::bigint AS ms
          FROM driftdesk.webhook_events WHERE account_id = ${accountId}
          ORDER BY received_at DESC LIMIT ${newest}) l
    GROUP BY l.type
    ON CONFLICT (account_id, source, type) DO UPDATE
    SET events = excluded.events, median_ms = excluded.median_ms, slowest_ms = excluded.slowest_ms,
        measured_at = excluded.measured_at`;
}

async function measureLog(desk: Desk, accountId: string, delivered: readonly Stripe.Event[]): Promise<void> {
  const { webhookLog } = desk.config;
  if (!webhookLog || delivered.length === 0) return;
  const { eventId, receivedAt, processedAt } = webhookLog;
  const at = quoteName(processedAt ?? receivedAt);
  // A log without zones is in UTC, as everything is that this connection reads.
  const logged = await desk.local.unsafe<{ id: string; at: Date }[]>(
    `SELECT ${quoteName(eventId)}::text AS id, min(${at})::timestamptz AS at
     FROM ${quoteTable(tableNamed(webhookLog.table))}
     WHERE ${quoteName(eventId)}::text = ANY ($1::text[]) AND ${at} IS NOT NULL
     GROUP BY 1`,
    [delivered.map((event) => event.id)],
  );
  const times = new Map(logged.map((one) => [one.id, one.at.getTime()]));
  const lags = delivered.flatMap(({ id, type, created }) => {
    const loggedMs = times.get(id);
    return loggedMs === undefined ? [] : [{ type, ms: Math.max(0, Math.round(loggedMs - created * 1_000)) }];
  });
  await desk.sql`
    INSERT INTO driftdesk.pipeline_lags (account_id, source, type, events, median_ms, slowest_ms, measured_at)
    SELECT ${accountId}, 'log', v.type, count(*), percentile_disc(0.5) WITHIN GROUP (ORDER BY v.ms), max(v.ms), ${desk.now()}
    FROM unnest(${lags.map((lag) => lag.type)}::text[], ${lags.map((lag) => lag.ms)}::bigint[]) AS v (type, ms)
    GROUP BY v.type
    ON CONFLICT (account_id, source, type) DO UPDATE
    SET events = excluded.events, median_ms = excluded.median_ms, slowest_ms = excluded.slowest_ms,
        measured_at = excluded.measured_at`;
}
