import type { PendingQuery, Row, Sql, TransactionSql } from "postgres";
import type { Stage } from "./staging.ts";

/**
 * Says that something was heard of these objects: an event, or a look at Stripe that found another value. The next full
 * run reads them, also where it would have taken them as read. Costs next to nothing for a resource without a memory.
 * To be called in the transaction that makes use of what was heard, or before it.
 */
export async function forget(
  sql: Sql | TransactionSql,
  account: string,
  resource: string,
  ids: readonly string[],
  now: Date,
): Promise<void> {
  if (ids.length > 0)
    await forgetHeard(sql, { account, resource, heard: sql`unnest(${[...ids]}::text[])`, now });
}

/** What was read by itself was heard of: all of it, however much that is. */
export async function forgetTouched(tx: TransactionSql, stage: Stage, now: Date): Promise<void> {
  const heard = tx`
    (SELECT stripe_id FROM ${tx.unsafe(stage.expected)}
     UNION SELECT id FROM ${tx.unsafe(stage.asked)} WHERE kind = 'object')`;
  await forgetHeard(tx, { account: stage.accountId, resource: stage.resource.name, heard, now });
}

interface Heard {
  account: string;
  resource: string;
  /** The ids, as something to select from. */
  heard: PendingQuery<Row[]>;
  now: Date;
}

async function forgetHeard(
  sql: Sql | TransactionSql,
  { account, resource, heard, now }: Heard,
): Promise<void> {
  await sql`
    INSERT INTO driftdesk.settled_forgotten AS f (settled_id, stripe_id, forgotten_at)
    SELECT DISTINCT s.id, heard.id, ${now}::timestamptz
    FROM driftdesk.settled s, ${heard} AS heard (id)
    WHERE s.account_id = ${account} AND s.resource = ${resource}
    ORDER BY heard.id
    ON CONFLICT (settled_id, stripe_id) DO UPDATE SET forgotten_at = greatest(f.forgotten_at, EXCLUDED.forgotten_at)`;
}
