import type { Alert } from "../db/schema.ts";
import type { Desks } from "../desk.ts";
import { messageOf } from "./message.ts";
import { type Sending, sendToSlack } from "./slack.ts";

/** How long a process that was killed in the middle keeps a message from others. It may be sent twice then. */
const takenMs = 60_000;
const firstPauseMs = 15_000;
const longestPauseMs = 3_600_000;
/** What could not be sent for so long is nobody's news any more. */
const giveUpMs = 24 * 3_600_000;

interface Taken extends Alert {
  attempts: number;
}

/** Sends what is due, one after the other, in whatever process; at least once each. Never throws for what Slack answers. */
export async function deliverAlerts(desk: Desks, signal?: AbortSignal): Promise<void> {
  for (let taken = await take(desk); taken && !signal?.aborted; taken = await take(desk)) {
    const { slackWebhookUrl } = desk.environment;
    const sending: Sending =
      slackWebhookUrl === undefined
        ? { outcome: "refused", problem: "SLACK_WEBHOOK_URL is not set any more." }
        : await sendToSlack(slackWebhookUrl, await messageOf(desk, taken));
    await settle(desk, taken, sending);
  }
}

async function take(desk: Desks): Promise<Taken | null> {
  const now = desk.now();
  const [taken] = await desk.sql<Taken[]>`
    UPDATE driftdesk.alert_deliveries d
    SET attempts = d.attempts + 1, taken_until = ${new Date(now.getTime() + takenMs)}
    FROM driftdesk.alerts a
    WHERE a.id = d.alert_id AND (d.alert_id, d.channel) = (
      SELECT w.alert_id, w.channel FROM driftdesk.alert_deliveries w
      WHERE w.state = 'waiting' AND w.due_at <= ${now} AND coalesce(w.taken_until <= ${now}, true)
      ORDER BY w.due_at, w.alert_id LIMIT 1
      FOR UPDATE SKIP LOCKED)
    RETURNING a.id, a.key, a.kind, a.account_id AS "accountId", a.run_id AS "runId", a.bulk_id AS "bulkId", a.data,
              a.raised_at AS "raisedAt", d.attempts`;
  return taken ?? null;
}

async function settle(desk: Desks, { id, raisedAt, attempts }: Taken, sending: Sending): Promise<void> {
  const now = desk.now();
  const mine = desk.sql`alert_id = ${id} AND channel = 'slack' AND attempts = ${attempts} AND state = 'waiting'`;
  if (sending.outcome === "sent") {
    await desk.sql`
      UPDATE driftdesk.alert_deliveries SET state = 'sent', sent_at = ${now}, taken_until = NULL, problem = NULL
      WHERE ${mine}`;
    return;
  }
  const over = sending.outcome === "refused" || now.getTime() - raisedAt.getTime() > giveUpMs;
  const pauseMs =
    (sending.outcome === "later" ? sending.afterMs : null) ??
    Math.min(longestPauseMs, firstPauseMs * 2 ** (attempts - 1));
  await desk.sql`
    UPDATE driftdesk.alert_deliveries
    SET state = ${over ? "failed" : "waiting"}, due_at = ${new Date(now.getTime() + pauseMs)}, taken_until = NULL,
        problem = ${sending.problem}
    WHERE ${mine}`;
  desk.log.warn({ alert: id, attempts, over }, sending.problem);
}
