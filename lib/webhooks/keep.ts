import type { WebhookCheck, WebhookEvent } from "../db/schema.ts";
import { tryAgain } from "../db/transaction.ts";
import type { Desk } from "../desk.ts";

/** What an event makes worth looking at, by resource. */
export type Question = Pick<WebhookCheck, "resource" | "kind" | "id">;

/** An object that is changed all the time is looked at after so many times the grace at the latest. */
const longestGraces = 5;

/**
 * Keeps an event and queues what it makes worth looking at, in one statement: never the one without the other. Answers
 * false, and does nothing, when it came before.
 */
export async function keepEvent(
  { sql, config, now }: Pick<Desk, "sql" | "config" | "now">,
  event: Omit<WebhookEvent, "receivedAt">,
  questions: readonly Question[],
): Promise<boolean> {
  const at = now();
  const due = new Date(at.getTime() + config.webhooks.graceMs);
  const longestMs = config.webhooks.graceMs * longestGraces;
  // Whoever looks at what is due holds lines in another order.
  const [kept] = await tryAgain(
    () => sql<{ fresh: boolean }[]>`
    WITH came AS (
      INSERT INTO driftdesk.webhook_events
        (account_id, event_id, type, object_id, object_type, customer_id, created, livemode, api_version, account, received_at)
      VALUES (${event.accountId}, ${event.eventId}, ${event.type}, ${event.objectId}, ${event.objectType},
              ${event.customerId}, ${event.created}, ${event.livemode}, ${event.apiVersion}, ${event.account}, ${at})
      ON CONFLICT DO NOTHING
      RETURNING account_id
    ), queued AS (
      INSERT INTO driftdesk.webhook_checks AS c (account_id, resource, kind, id, first_at, due_at)
      SELECT came.account_id, q.resource, q.kind, q.id, ${at}, ${due}
      FROM came, unnest(${questions.map((one) => one.resource)}::text[], ${questions.map((one) => one.kind)}::text[],
                        ${questions.map((one) => one.id)}::text[]) AS q (resource, kind, id)
      -- In one order everywhere: two events about the same objects would wait for each other.
      ORDER BY q.resource, q.kind, q.id
      ON CONFLICT (account_id, resource, kind, id) DO UPDATE
      SET events = c.events + 1,
          -- Whoever is at it may have read what there was before this event: it is looked at anew after that.
          first_at = CASE WHEN c.taken_by IS NULL THEN c.first_at ELSE excluded.first_at END,
          due_at = CASE WHEN c.taken_by IS NULL
                        THEN least(greatest(c.due_at, excluded.due_at),
                                   greatest(c.due_at, c.first_at + ${longestMs} * interval '1 millisecond'))
                        ELSE excluded.due_at END
    )
    SELECT EXISTS (SELECT FROM came) AS fresh`,
  );
  return kept?.fresh === true;
}
