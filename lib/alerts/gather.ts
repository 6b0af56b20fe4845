// Which alerts go out together. Many of a kind in a short time are one message, and so is what waited for quiet hours to end.
import { randomUUID } from "node:crypto";
import type { TransactionSql } from "postgres";
import type { Rules } from "../config/resource.ts";
import type { AlertKind, Channel } from "../db/schema.ts";
import type { Desks } from "../desk.ts";
import { isQuiet } from "./clock.ts";

/** After a message of a kind, the next of that kind gather for so long. */
export const gatherMs = 10 * 60_000;
/** So many at once: a message does not name more anyway. */
const most = 500;

export interface Waiting {
  id: number;
  kind: AlertKind;
  raisedAt: Date;
}

/** Makes messages of what may go out on a channel now. Whoever calls keeps others away from the channel meanwhile. */
export async function gather(tx: TransactionSql, desk: Desks, channel: Channel, now: Date): Promise<void> {
  const waiting = await tx<Waiting[]>`
    SELECT a.id, a.kind, a.raised_at AS "raisedAt"
    FROM driftdesk.alert_deliveries d JOIN driftdesk.alerts a ON a.id = d.alert_id
    WHERE d.channel = ${channel} AND d.state = 'waiting' AND d.message_id IS NULL AND d.due_at <= ${now}
    ORDER BY a.id LIMIT ${most}`;
  if (waiting.length === 0) return;
  const last = await tx<{ kind: AlertKind }[]>`
    SELECT DISTINCT a.kind FROM driftdesk.alert_deliveries d JOIN driftdesk.alerts a ON a.id = d.alert_id
    WHERE d.channel = ${channel} AND d.set_out_at > ${new Date(now.getTime() - gatherMs)}`;
  const messages = messagesOf(waiting, new Set(last.map(({ kind }) => kind)), desk.config.alerts, now);
  const parts = messages.flatMap((ids) => {
    const message = randomUUID();
    return ids.map((id) => ({ id, message }));
  });
  await tx`
    UPDATE driftdesk.alert_deliveries d SET message_id = p.message, set_out_at = ${now}
    FROM jsonb_to_recordset(${tx.json(parts)}) AS p (id bigint, message uuid)
    WHERE d.alert_id = p.id AND d.channel = ${channel}`;
}

/** Kinds that are asked for at their own time: they wait for nothing and are never mixed with others. */
export const alone: ReadonlySet<AlertKind> = new Set(["digest", "test"]);

/** Whether quiet hours do not hold for it. */
export const passes = (kind: AlertKind, { quietHours }: Rules["alerts"]): boolean =>
  alone.has(kind) || (quietHours?.pass.includes(kind) ?? true);

/** The alerts of each message, by their ids. What is in none waits on. `recent`: kinds that a message went out of just now. */
export function messagesOf(
  waiting: readonly Waiting[],
  recent: ReadonlySet<AlertKind>,
  rules: Rules["alerts"],
  now: Date,
): number[][] {
  const { quietHours } = rules;
  const quiet = isQuiet(now, quietHours);
  const messages = new Map<string, number[]>();
  for (const { id, kind, raisedAt } of waiting) {
    const urgent = passes(kind, rules);
    const kept = !urgent && isQuiet(raisedAt, quietHours);
    if (!urgent && quiet) continue;
    if (!kept && !alone.has(kind) && recent.has(kind)) continue;
    const message = alone.has(kind) ? `alone ${id}` : kept ? "kept" : kind;
    messages.set(message, [...(messages.get(message) ?? []), id]);
  }
  return [...messages.values()];
}
