import { randomUUID } from "node:crypto";
import type { Sql } from "postgres";
import { authorise } from "../auth/permissions.ts";
import type { Alert } from "../db/schema.ts";
import type { Actor, Desks } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";
import { wordsOf } from "./message.ts";
import { channelsOf, raise } from "./raise.ts";

export interface AlertView {
  id: number;
  title: string;
  lines: string[];
  path: string;
  raisedAt: Date;
  /** Null: it was not to be sent anywhere. */
  state: "waiting" | "sent" | "failed" | null;
  sentAt: Date | null;
  dueAt: Date | null;
  problem: string | null;
}

/** The latest alerts, newest first. */
export async function listAlerts(sql: Sql, limit = 20): Promise<AlertView[]> {
  const rows = await sql<(Alert & Pick<AlertView, "state" | "sentAt" | "dueAt" | "problem">)[]>`
    SELECT a.id, a.kind, a.data, a.run_id AS "runId", a.bulk_id AS "bulkId", a.raised_at AS "raisedAt", d.state,
           d.sent_at AS "sentAt", d.due_at AS "dueAt", d.problem
    FROM driftdesk.alerts a LEFT JOIN driftdesk.alert_deliveries d ON d.alert_id = a.id
    ORDER BY a.id DESC LIMIT ${limit}`;
  return rows.map(({ id, raisedAt, state, sentAt, dueAt, problem, ...alert }) => {
    const { title, lines, path } = wordsOf(alert);
    return { id, title, lines, path, raisedAt, state, sentAt, dueAt, problem };
  });
}

/** Sends a message that says nothing, to see whether it arrives. Throws `alerts_nowhere` when there is nowhere to send it. */
export async function sendTest(desk: Desks, actor: Actor): Promise<void> {
  authorise(actor, "manage_users");
  if (channelsOf(desk).length === 0)
    throw new DriftdeskError(
      "alerts_nowhere",
      desk.config.alerts.slack
        ? "SLACK_WEBHOOK_URL is not set, so alerts go nowhere. Make an incoming webhook in Slack and set it."
        : "The configuration has no alerts.slack, so alerts go nowhere.",
      { status: 409 },
    );
  await desk.sql.begin((tx) =>
    raise(tx, desk, [{ kind: "test", key: `test ${randomUUID()}`, data: { by: actor.email } }]),
  );
}
