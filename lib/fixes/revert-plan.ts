// What undoing a fix writes, whether it can be done, and what becomes of the discrepancy: the parts in which undoing
// differs from applying.
import type { Fragment, Sql, TransactionSql } from "postgres";
import type { KnownDesk } from "../accounts/known.ts";
import { type Fix, inHand } from "../db/schema.ts";
import { nextItems, type Picked } from "./execute.ts";
import { moneyColumns, type PlannedFix } from "./plan.ts";

/** An applied fix that is to be undone. */
export type Undone = Pick<Fix, "id" | "observed" | "expected">;

/** The way back: to what was there before, if what the fix wrote is still there. */
export const planRevert = ({ id, observed, expected }: Undone): PlannedFix => ({
  action: "revert",
  observed: expected,
  expected: observed,
  reverts: id,
});

/** Why a fix `f` of a discrepancy `d` cannot be undone, in words; NULL when it can be. */
export function whyNotUndone(sql: Sql | TransactionSql): Fragment {
  return sql`
    CASE
      WHEN f.action = 'revert' THEN 'This was itself an undoing. Apply the correction again instead.'
      WHEN f.state <> 'applied' THEN 'It was not applied, so there is nothing to undo.'
      WHEN f.action = 'insert'
        THEN 'The fix added this record, and Driftdesk deletes none. If it should not be there, remove it in your own application.'
      WHEN EXISTS (SELECT FROM driftdesk.fixes r WHERE r.reverts = f.id AND r.state = 'applied') THEN 'It is undone already.'
      WHEN ${sql.unsafe(inHand)} THEN 'Its record is being written right now.'
      WHEN d.state = 'waiting' THEN 'It waits for a second person in another bulk action.'
      WHEN EXISTS (
        SELECT FROM driftdesk.fixes l
        WHERE l.discrepancy_id = f.discrepancy_id AND l.id > f.id AND l.action <> 'revert' AND l.state = 'applied'
          AND NOT EXISTS (SELECT FROM driftdesk.fixes r WHERE r.reverts = l.id AND r.state = 'applied')
      ) THEN 'It was corrected again since. Undo that first.'
    END`;
}

/** Whether undoing a fix `f` would change an amount of money. */
export function undoesMoney(sql: Sql | TransactionSql, known: readonly KnownDesk[]): Fragment {
  const money = moneyColumns(known);
  return sql`
    EXISTS (
      SELECT FROM unnest(
        ${money.map((m) => m.accountId)}::text[], ${money.map((m) => m.resource)}::text[], ${money.map((m) => m.column)}::text[]
      ) AS m (account, resource, name)
      WHERE m.resource = f.resource AND coalesce(m.account = f.account_id, true) AND f.expected ? m.name
    )`;
}

/** The next rows of an action that undoes, locked, each with the reason to leave it alone if there is one. */
export async function pickReverts(tx: TransactionSql, bulkId: number, after: number): Promise<Picked[]> {
  const next = tx`${nextItems(tx, bulkId, after)} i JOIN driftdesk.discrepancies d ON d.id = i.discrepancy_id`;
  // Before they are judged: whoever was waited for may just have undone the same fix.
  await tx`SELECT count(*) FROM (SELECT d.id FROM ${next} ORDER BY d.id FOR NO KEY UPDATE OF d) locked`;
  return tx<Picked[]>`
    SELECT d.id, d.account_id AS "accountId", d.resource, d.kind, d.stripe_id AS "stripeId", f.local_key AS "localKey",
           d.customer_id AS "customerId", d.label, d.fields, d.expected, d.observed_at AS "observedAt",
           -- What is restored is nobody's word.
           NULL::bigint AS "importId", NULL::text AS "fileName", NULL::timestamptz AS "exportedAt",
           ${whyNotUndone(tx)} AS obstacle,
           jsonb_build_object('id', f.id, 'observed', f.observed, 'expected', f.expected) AS undoes
    FROM ${next} JOIN driftdesk.fixes f ON f.id = i.fix_id
    ORDER BY d.id`;
}

/** Nobody else decides on these, nor takes a run what it finds for a new difference, until they have their outcomes. */
export async function takeInHand(tx: TransactionSql, bulkId: number, ids: readonly number[]): Promise<void> {
  await tx`
    UPDATE driftdesk.bulk_items i SET state_before = d.state FROM driftdesk.discrepancies d
    WHERE i.bulk_id = ${bulkId} AND d.id = i.discrepancy_id AND d.id = ANY(${[...ids]}::bigint[])`;
  await tx`UPDATE driftdesk.discrepancies SET state = 'applying' WHERE id = ANY(${[...ids]}::bigint[])`;
}
