import type { Desks } from "../desk.ts";

/** Stripe itself keeps events for 30 days: that long they can be held against what came here. */
const keptMs = 35 * 86_400_000;
/** What could not be looked at for so long is left to runs: its account is not in the config any more, or cannot be read. */
const waitingMs = 7 * 86_400_000;
/** So that no statement takes long. */
const atOnce = 10_000;

/** Clears away what is old, some of it each time. */
export async function clearWebhooks({ sql, now }: Pick<Desks, "sql" | "now">): Promise<void> {
  const before = (ms: number) => new Date(now().getTime() - ms);
  await sql`
    DELETE FROM driftdesk.webhook_events
    WHERE (account_id, event_id) IN (
      SELECT account_id, event_id FROM driftdesk.webhook_events
      WHERE received_at < ${before(keptMs)} ORDER BY received_at LIMIT ${atOnce})`;
  // Which hour they were of is forgotten, not that they were: what counts them sees no sum go down.
  await sql`
    WITH old AS (
      DELETE FROM driftdesk.webhook_counts WHERE hour < ${before(keptMs)} AND hour > 'epoch'
      RETURNING outcome, count
    )
    INSERT INTO driftdesk.webhook_counts AS c (hour, outcome, count)
    SELECT 'epoch'::timestamptz, outcome, sum(count) FROM old GROUP BY outcome
    ON CONFLICT (hour, outcome) DO UPDATE SET count = c.count + excluded.count`;
  await sql`DELETE FROM driftdesk.webhook_checks WHERE first_at < ${before(waitingMs)}`;
}
