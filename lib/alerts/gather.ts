// Which alerts go out together. Many of a kind in a short time are one message, and so is what waited for quiet hours to end.
import { randomUUID } from "node:crypto";
import type { TransactionSql } from "postgres";
import type { Rules } from "../config/resource.ts";
import type { AlertKind, Channel } from "../db/schema.ts";
import type { Desks } from "../desk.ts";
import { isQuiet, quietUntil } from "./clock.ts";

/** After a message of a kind, the next of that kind gather for so long. */
const gatherMs = 10 * 60_000;
/** So many at once: a message does not name more anyway. */
const most = 500;

interface Waiting {
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
  const last = await tx<{ kind: AlertKind; at: Date }[]>`
    SELECT a.kind, max(d.set_out_at) AS at
    FROM driftdesk.alert_deliveries d JOIN driftdesk.alerts a ON a.id = d.alert_id
    WHERE d.channel = ${channel} AND d.set_out_at > ${new Date(now.getTime() - gatherMs)}
    GROUP BY a.kind`;
  const recent = new Map(last.map(({ kind, at }) => [kind, at]));
  const { messages, later } = messagesOf(waiting, recent, desk.config.alerts, now);
  const parts = messages.flatMap((ids) => {
    const message = randomUUID();
    return ids.map((id) => ({ id, message }));
  });
  await tx`
    UPDATE driftdesk.alert_deliveries d SET message_id = p.message, set_out_at = ${now}
    FROM jsonb_to_recordset(${tx.json(parts)}) AS p (id bigint, message uuid)
    WHERE d.alert_id = p.id AND d.channel = ${channel}`;
  await tx`
    UPDATE driftdesk.alert_deliveries d SET due_at = l.due
    FROM jsonb_to_recordset(${tx.json(later as never)}) AS l (id bigint, due timestamptz)
    WHERE d.alert_id = l.id AND d.channel = ${channel}`;
}

/** Kinds that are asked for at their own time: they wait for nothing and are never mixed with others. */
export const alone: ReadonlySet<AlertKind> = new Set(["digest", "test"]);

/** Whether quiet hours do not hold for it. */
export const passes = (kind: AlertKind, { quietHours }: Rules["alerts"]): boolean =>
  alone.has(kind) || (quietHours?.pass.includes(kind) ?? true);

/** The alerts of each message, by their ids, and until when the others wait. `recent`: when a kind went out last. */
function messagesOf(
  waiting: readonly Waiting[],
  recent: ReadonlyMap<AlertKind, Date>,
  rules: Rules["alerts"],
  now: Date,
): { messages: number[][]; later: { id: number; due: Date }[] } {
  const { quietHours } = rules;
  const end = quietHours && isQuiet(now, quietHours) ? quietUntil(now, quietHours) : null;
  const messages = new Map<string, number[]>();
  const later: { id: number; due: Date }[] = [];
  for (const { id, kind, raisedAt } of waiting) {
    const urgent = passes(kind, rules);
    const kept = !urgent && isQuiet(raisedAt, quietHours);
    const last = kept || alone.has(kind) ? undefined : recent.get(kind);
    const message = alone.has(kind) ? `alone ${id}` : kept ? "kept" : kind;
    if (!urgent && end) later.push({ id, due: end });
    else if (last) later.push({ id, due: new Date(last.getTime() + gatherMs) });
    else messages.set(message, [...(messages.get(message) ?? []), id]);
  }
  return { messages: [...messages.values()], later };
}
