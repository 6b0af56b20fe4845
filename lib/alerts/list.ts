import { randomUUID } from "node:crypto";
import { authorise } from "../auth/permissions.ts";
import { channelsOf, channelViews } from "../config/alert-channels.ts";
import type { Alert, Channel } from "../db/schema.ts";
import type { Actor, Desks } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";
import { accountNames } from "./message.ts";
import { raise } from "./raise.ts";
import { wordsOf } from "./words.ts";

export interface AlertView {
  id: number;
  title: string;
  lines: string[];
  path: string;
  raisedAt: Date;
  /** None: it was not to be sent anywhere. */
  deliveries: DeliveryView[];
}

export interface DeliveryView {
  channel: Channel;
  state: "waiting" | "sent" | "failed";
  /** When it was sent, tried last, or is tried next. */
  at: Date;
  attempts: number;
  /** How many other alerts were in the same message. */
  others: number;
  problem: string | null;
}

/** The latest alerts, newest first. */
export async function listAlerts(
  desk: Pick<Desks, "sql" | "config">,
  { limit = 20, before }: { limit?: number; before?: number | undefined } = {},
): Promise<AlertView[]> {
  const { sql } = desk;
  const alerts = await sql<Alert[]>`
    SELECT id, key, kind, account_id AS "accountId", run_id AS "runId", bulk_id AS "bulkId", data,
           raised_at AS "raisedAt"
    FROM driftdesk.alerts ${before === undefined ? sql`` : sql`WHERE id < ${before}`}
    ORDER BY id DESC LIMIT ${limit}`;
  const deliveries = await sql<(DeliveryView & { alert: number })[]>`
    SELECT d.alert_id AS alert, d.channel, d.state, d.attempts, d.problem,
           coalesce(d.sent_at, d.due_at) AS at,
           (SELECT count(*)::int - 1 FROM driftdesk.alert_deliveries o WHERE o.message_id = d.message_id) AS others
    FROM driftdesk.alert_deliveries d
    WHERE d.alert_id = ANY (${alerts.map(({ id }) => id)}::bigint[])
    ORDER BY array_position(ARRAY['slack', 'webhook', 'email'], d.channel)`;
  const reading = { timeZone: desk.config.alerts.timeZone, accounts: await accountNames(sql) };
  return alerts.map((alert) => {
    const { title, lines, path } = wordsOf(alert, reading);
    return {
      id: alert.id,
      title,
      lines: lines.map(({ text }) => text),
      path,
      raisedAt: alert.raisedAt,
      deliveries: deliveries.flatMap(({ alert: of, ...delivery }) => (of === alert.id ? delivery : [])),
    };
  });
}

/** Sends a message that says nothing on one channel, to see whether it arrives. Throws `alerts_nowhere` when it goes nowhere. */
export async function sendTest(desk: Desks, actor: Actor, channel: Channel): Promise<void> {
  authorise(actor, "manage_users");
  if (!channelsOf(desk).includes(channel)) {
    const view = channelViews(desk).find((one) => one.channel === channel);
    throw new DriftdeskError(
      "alerts_nowhere",
      `Nothing can be sent there. ${view?.missing ?? "It is not set up."}`,
      { status: 409 },
    );
  }
  const test = { kind: "test" as const, key: `test ${randomUUID()}`, data: { by: actor.email } };
  await desk.sql.begin((tx) => raise(tx, desk, [test], [channel]));
}
