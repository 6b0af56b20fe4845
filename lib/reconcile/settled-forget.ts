import type { Sql, TransactionSql } from "postgres";

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
  if (ids.length === 0) return;
  await sql`
    INSERT INTO driftdesk.settled_forgotten AS f (settled_id, stripe_id, forgotten_at)
    SELECT DISTINCT s.id, heard.id, ${now}::timestamptz
    FROM driftdesk.settled s, unnest(${[...ids]}::text[]) AS heard (id)
    WHERE s.account_id = ${account} AND s.resource = ${resource}
    ORDER BY heard.id
    ON CONFLICT (settled_id, stripe_id) DO UPDATE SET forgotten_at = greatest(f.forgotten_at, EXCLUDED.forgotten_at)`;
}
