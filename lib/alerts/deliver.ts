import type { Rules } from "../config/resource.ts";
import type { Alert, Channel } from "../db/schema.ts";
import { channels } from "../db/schema.ts";
import type { Desks } from "../desk.ts";
import { isQuiet, quietUntil } from "./clock.ts";
import { sendByEmail } from "./email.ts";
import { alone, gather, passes } from "./gather.ts";
import { type Message, messageOf } from "./message.ts";
import type { Sending } from "./post.ts";
import { sendToSlack } from "./slack.ts";
import { sendToWebhook } from "./webhook.ts";

/** How long a process that was killed in the middle keeps a message from others. It may be sent twice then. */
const takenMs = 60_000;
const firstPauseMs = 15_000;
const longestPauseMs = 3_600_000;
/** What could not be sent for so long is nobody's news any more. */
const giveUpMs = 24 * 3_600_000;

interface Taken {
  message: string;
  alerts: [Alert, ...Alert[]];
  attempts: number;
  setOutAt: Date;
}

/** Sends what is due on every channel; none waits for another. */
export async function deliverAlerts(desk: Desks, signal?: AbortSignal): Promise<void> {
  await Promise.all(channels.map((channel) => deliverOn(desk, channel, signal)));
}

/**
 * Sends what is due on a channel, one message after the other, in whatever process; at least once each. Never throws for what
 * the other side answers. One that does not take a message now is left alone until the next call.
 */
export async function deliverOn(desk: Desks, channel: Channel, signal?: AbortSignal): Promise<void> {
  while (!signal?.aborted) {
    const taken = await take(desk, channel);
    if (!taken) return;
    const { message: id, setOutAt: at, alerts } = taken;
    const sending = await send(desk, channel, await messageOf(desk, { id, at, alerts }));
    await settle(desk, channel, taken, sending);
    if (sending.outcome === "later") return;
  }
}

async function send(desk: Desks, channel: Channel, message: Message): Promise<Sending> {
  const { slackWebhookUrl, alertWebhook, smtp } = desk.environment;
  const { email } = desk.config.alerts;
  const gone = (name: string): Sending => ({ outcome: "refused", problem: `${name} is not set any more.` });
  switch (channel) {
    case "slack":
      return slackWebhookUrl ? sendToSlack(slackWebhookUrl, message) : gone("SLACK_WEBHOOK_URL");
    case "webhook":
      return alertWebhook ? sendToWebhook(alertWebhook, message, desk.now()) : gone("ALERT_WEBHOOK_URL");
    case "email":
      if (!smtp) return gone("SMTP_URL");
      return email ? sendByEmail({ ...smtp, to: email.to }, message) : gone("alerts.email");
  }
}

/** The next message of a channel, for a minute. */
async function take(desk: Desks, channel: Channel): Promise<Taken | null> {
  const now = desk.now();
  const { quietHours } = desk.config.alerts;
  const [due] = await desk.sql`
    SELECT FROM driftdesk.alert_deliveries
    WHERE channel = ${channel} AND state = 'waiting' AND due_at <= ${now} LIMIT 1`;
  if (!due) return null;
  return desk.sql.begin(async (tx) => {
    // Two that look at the same time would make two messages of what is one.
    await tx`SELECT pg_advisory_xact_lock(hashtextextended(${`driftdesk alerts ${channel}`}, 0))`;
    await gather(tx, desk, channel, now);
    const mayPass = isQuiet(now, quietHours)
      ? tx`AND a.kind = ANY (${[...alone, ...(quietHours?.pass ?? [])]}::text[])`
      : tx``;
    const taken = await tx<{ message: string; id: number; attempts: number; setOutAt: Date }[]>`
      UPDATE driftdesk.alert_deliveries d
      SET attempts = d.attempts + 1, taken_until = ${new Date(now.getTime() + takenMs)}
      WHERE d.channel = ${channel} AND d.state = 'waiting' AND d.message_id = (
        SELECT w.message_id FROM driftdesk.alert_deliveries w JOIN driftdesk.alerts a ON a.id = w.alert_id
        WHERE w.channel = ${channel} AND w.state = 'waiting' AND w.message_id IS NOT NULL AND w.due_at <= ${now}
          AND coalesce(w.taken_until <= ${now}, true) ${mayPass}
        ORDER BY w.due_at, w.alert_id LIMIT 1)
      RETURNING d.message_id AS message, d.alert_id AS id, d.attempts, d.set_out_at AS "setOutAt"`;
    const [first] = taken;
    if (!first) return null;
    const alerts = await tx<Alert[]>`
      SELECT id, key, kind, account_id AS "accountId", run_id AS "runId", bulk_id AS "bulkId", data,
             raised_at AS "raisedAt"
      FROM driftdesk.alerts WHERE id = ANY (${taken.map(({ id }) => id)}::bigint[]) ORDER BY id`;
    const { message, attempts, setOutAt } = first;
    return { message, attempts, setOutAt, alerts: [...alerts] as [Alert, ...Alert[]] };
  });
}

async function settle(desk: Desks, channel: Channel, taken: Taken, sending: Sending): Promise<void> {
  const { message, attempts, setOutAt } = taken;
  const now = desk.now();
  const mine = desk.sql`
    message_id = ${message} AND channel = ${channel} AND attempts = ${attempts} AND state = 'waiting'`;
  if (sending.outcome === "sent") {
    await desk.sql`
      UPDATE driftdesk.alert_deliveries
      SET state = 'sent', sent_at = ${now}, taken_until = NULL, problem = ${sending.problem ?? null}
      WHERE ${mine}`;
    return;
  }
  const over = sending.outcome === "refused" || now.getTime() - setOutAt.getTime() > giveUpMs;
  const asked = sending.outcome === "later" ? sending.afterMs : null;
  const pauseMs = over ? 0 : (asked ?? Math.min(longestPauseMs, firstPauseMs * 2 ** (attempts - 1)));
  const until = afterQuiet(new Date(now.getTime() + pauseMs), taken, desk.config.alerts);
  await desk.sql`
    UPDATE driftdesk.alert_deliveries
    SET state = ${over ? "failed" : "waiting"}, due_at = ${until}, taken_until = NULL, problem = ${sending.problem}
    WHERE ${mine}`;
  // A pause that was asked for is one from everything.
  if (!over && asked !== null)
    await desk.sql`
      UPDATE driftdesk.alert_deliveries SET due_at = ${until}
      WHERE channel = ${channel} AND state = 'waiting' AND due_at < ${until}`;
  desk.log.warn({ channel, message, attempts, over }, sending.problem);
}

/** What waits for another try waits for quiet hours to end, too. */
function afterQuiet(at: Date, { alerts: [{ kind }] }: Taken, rules: Rules["alerts"]): Date {
  const { quietHours } = rules;
  return !quietHours || passes(kind, rules) || !isQuiet(at, quietHours) ? at : quietUntil(at, quietHours);
}
