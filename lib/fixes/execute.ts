// Carrying out a decision, write-ahead: intent, freshness, guarded write, outcome. Killed anywhere and called again,
// it goes on: what was intended and not settled is settled by reading the row.
import type { TransactionSql } from "postgres";
import { type AuditDraft, appendAudit } from "../audit/append.ts";
import type { BulkAction, Discrepancy, FieldDifference, Values } from "../db/schema.ts";
import type { Desk } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";
import { getBulk } from "./bulk.ts";
import { freshen } from "./freshness.ts";
import { type IntendedFix, settle } from "./settle.ts";

const batchSize = 1_000;

/** Rows of a batch, as this file needs them. */
type Picked = Pick<
  Discrepancy,
  | "id"
  | "accountId"
  | "resource"
  | "kind"
  | "stripeId"
  | "localKey"
  | "customerId"
  | "label"
  | "fields"
  | "expected"
  | "observedAt"
  | "state"
  | "version"
> & { seenVersion: number; ours: boolean };

/**
 * Carries out an action that is running, to its end. Only one process does so at a time; a second one returns at once.
 */
export async function executeBulk(desk: Desk, bulkId: number): Promise<BulkAction> {
  // The lock is a session's: it is gone with the process, however that ends.
  const session = await desk.sql.reserve();
  try {
    const [lock] = await session<{ taken: boolean }[]>`
      SELECT pg_try_advisory_lock(hashtextextended(${`bulk ${bulkId}`}, 0)) AS taken`;
    if (lock?.taken) {
      try {
        await carryOut(desk, bulkId);
      } finally {
        await session`SELECT pg_advisory_unlock(hashtextextended(${`bulk ${bulkId}`}, 0))`;
      }
    }
  } finally {
    session.release();
  }
  const bulk = await getBulk(desk.sql, bulkId);
  if (!bulk) throw new DriftdeskError("bulk_unknown", `There is no action ${bulkId}.`, { status: 404 });
  return bulk;
}

async function carryOut(desk: Desk, bulkId: number): Promise<void> {
  const bulk = await getBulk(desk.sql, bulkId);
  if (bulk?.state !== "running") return;
  if (bulk.kind === "apply") {
    await settle(desk, bulk, await leftovers(desk, bulkId), { mayBeWritten: true });
    for (;;) {
      const intended = await intend(desk, bulk);
      if (intended === null) break;
      if (intended.length > 0)
        await settle(desk, bulk, await freshen(desk, bulk, intended), { mayBeWritten: false });
    }
  } else {
    while (await decide(desk, bulk)) {
      // Batch after batch, each in its own transaction.
    }
  }
  await finish(desk, bulk);
}

/** What an earlier process intended and did not settle. */
async function leftovers(desk: Desk, bulkId: number): Promise<IntendedFix[]> {
  return desk.sql<IntendedFix[]>`
    SELECT f.id, f.discrepancy_id AS "discrepancyId", f.account_id AS "accountId", f.resource, f.action,
           f.local_key AS "localKey", f.observed, f.expected, d.label, d.stripe_id AS "stripeId",
           d.customer_id AS "customerId", d.kind, d.observed_at AS "observedAt"
    FROM driftdesk.fixes f JOIN driftdesk.discrepancies d ON d.id = f.discrepancy_id
    WHERE f.bulk_id = ${bulkId} AND f.state = 'intended' ORDER BY f.id`;
}

async function pick(tx: TransactionSql, bulkId: number): Promise<Picked[]> {
  return tx<Picked[]>`
    SELECT d.id, d.account_id AS "accountId", d.resource, d.kind, d.stripe_id AS "stripeId", d.local_key AS "localKey",
           d.customer_id AS "customerId", d.label, d.fields, d.expected, d.observed_at AS "observedAt", d.state, d.version,
           i.version AS "seenVersion", d.bulk_id IS NOT DISTINCT FROM i.bulk_id AS ours
    FROM driftdesk.bulk_items i JOIN driftdesk.discrepancies d ON d.id = i.discrepancy_id
    WHERE i.bulk_id = ${bulkId} AND i.outcome IS NULL
      AND NOT EXISTS (SELECT FROM driftdesk.fixes f WHERE f.bulk_id = i.bulk_id AND f.discrepancy_id = i.discrepancy_id)
    ORDER BY d.id LIMIT ${batchSize}
    FOR UPDATE OF d`;
}

/** Why a row of the action is left alone, or null when it may be decided on. */
function obstacle(row: Picked): string | null {
  if (row.version !== row.seenVersion) return "Its values changed after the decision";
  if (row.state === "waiting" && row.ours) return null;
  if (["open", "snoozed", "rejected"].includes(row.state)) return null;
  return row.state === "waiting" ? "Another action waits for approval on it" : `It is ${row.state} by now`;
}

async function skip(tx: TransactionSql, bulkId: number, rows: { id: number; why: string }[]): Promise<void> {
  if (rows.length === 0) return;
  await tx`
    UPDATE driftdesk.bulk_items i SET outcome = 'skipped', message = v.why
    FROM unnest(${rows.map((row) => row.id)}::bigint[], ${rows.map((row) => row.why)}::text[]) AS v (id, why)
    WHERE i.bulk_id = ${bulkId} AND i.discrepancy_id = v.id`;
}

/** Step 1 for the next batch: the intents, committed. Answers null when no rows are left. */
async function intend(desk: Desk, bulk: BulkAction): Promise<IntendedFix[] | null> {
  const now = desk.now();
  return desk.sql.begin(async (tx) => {
    const rows = await pick(tx, bulk.id);
    if (rows.length === 0) return null;
    const judged = rows.map((row) => ({ row, why: obstacle(row) }));
    await skip(
      tx,
      bulk.id,
      judged.flatMap(({ row, why }) => (why === null ? [] : [{ id: row.id, why }])),
    );
    const taken = judged.filter(({ why }) => why === null).map(({ row }) => row);
    if (taken.length === 0) return [];
    const drafts = taken.map((row) => ({ row, ...changeOf(row) }));
    const inserted = await tx<{ id: number; discrepancyId: number }[]>`
      INSERT INTO driftdesk.fixes
        (discrepancy_id, account_id, resource, action, local_key, observed, expected, actor, approved_by, reason, bulk_id, intended_at)
      SELECT v.discrepancy_id, v.account_id, v.resource, v.action, v.local_key, v.observed, v.expected,
             ${bulk.requestedBy}, ${bulk.approvedBy}, ${bulk.reason}, ${bulk.id}, ${now}
      FROM jsonb_to_recordset(${tx.json(
        drafts.map(({ row, action, observed, expected }) => ({
          discrepancy_id: row.id,
          account_id: row.accountId,
          resource: row.resource,
          action,
          local_key: row.localKey,
          observed,
          expected,
        })) as never,
      )}) AS v (discrepancy_id bigint, account_id text, resource text, action text, local_key text, observed jsonb, expected jsonb)
      ORDER BY v.discrepancy_id
      RETURNING id, discrepancy_id AS "discrepancyId"`;
    await tx`
      UPDATE driftdesk.discrepancies SET state = 'applying', bulk_id = ${bulk.id}, decided_by = ${bulk.requestedBy},
        decided_at = ${now}, decision_reason = ${bulk.reason}, snoozed_until = NULL
      WHERE id = ANY(${taken.map((row) => row.id)}::bigint[])`;
    const fixIds = new Map(inserted.map((fix) => [fix.discrepancyId, fix.id]));
    const fixes = drafts.map(({ row, action, observed, expected }): IntendedFix => {
      const { accountId, resource, localKey, label, stripeId, customerId, kind, observedAt } = row;
      const id = fixIds.get(row.id) as number;
      return {
        id,
        discrepancyId: row.id,
        accountId,
        resource,
        action,
        localKey,
        observed,
        expected,
        label,
        stripeId,
        customerId,
        kind,
        observedAt,
      };
    });
    const entries = fixes.map((fix) => auditOf(bulk, fix, "fix.intended"));
    await appendAudit(tx, entries, now);
    return fixes;
  });
}

/** The columns that a fix writes, with what they held and what they shall hold. */
function changeOf(row: Picked): { action: "update" | "insert"; observed: Values; expected: Values } {
  if (row.kind === "missing_local") return { action: "insert", observed: {}, expected: row.expected ?? {} };
  const values = (side: keyof Omit<FieldDifference, "name">) =>
    Object.fromEntries(row.fields.map((field) => [field.name, field[side]]));
  return { action: "update", observed: values("local"), expected: values("stripe") };
}

export function auditOf(
  bulk: Pick<BulkAction, "id" | "requestedBy" | "approvedBy" | "reason">,
  fix: IntendedFix,
  action: AuditDraft["action"],
  more: Record<string, unknown> = {},
): AuditDraft {
  return {
    actor: bulk.requestedBy,
    action,
    account_id: fix.accountId,
    resource: fix.resource,
    discrepancy_id: fix.discrepancyId,
    bulk_id: bulk.id,
    fix_id: fix.id,
    subject: fix.label ?? fix.stripeId ?? fix.localKey,
    data: {
      kind: fix.kind,
      stripeId: fix.stripeId,
      localKey: fix.localKey,
      customerId: fix.customerId,
      fields: Object.keys(fix.expected).map((name) => ({
        name,
        before: fix.observed[name] ?? null,
        after: fix.expected[name] ?? null,
      })),
      approvedBy: bulk.approvedBy,
      reason: bulk.reason,
      ...more,
    },
  };
}

/** Rejects or snoozes the next batch. Answers whether there was one. */
async function decide(desk: Desk, bulk: BulkAction): Promise<boolean> {
  const now = desk.now();
  const until = bulk.kind === "snooze" ? new Date((bulk.filter as { until: string }).until) : null;
  return desk.sql.begin(async (tx) => {
    const rows = await pick(tx, bulk.id);
    if (rows.length === 0) return false;
    const judged = rows.map((row) => ({ row, why: obstacle(row) }));
    await skip(
      tx,
      bulk.id,
      judged.flatMap(({ row, why }) => (why === null ? [] : [{ id: row.id, why }])),
    );
    const taken = judged.filter(({ why }) => why === null).map(({ row }) => row);
    const ids = taken.map((row) => row.id);
    const rejected = bulk.kind === "reject";
    await tx`
      UPDATE driftdesk.discrepancies
      SET state = ${rejected ? "rejected" : "snoozed"}, snoozed_until = ${until}, closed_at = ${rejected ? now : null},
          decided_by = ${bulk.requestedBy}, decided_at = ${now}, decision_reason = ${bulk.reason}, bulk_id = ${bulk.id}
      WHERE id = ANY(${ids}::bigint[])`;
    await tx`
      UPDATE driftdesk.bulk_items SET outcome = 'applied' WHERE bulk_id = ${bulk.id} AND discrepancy_id = ANY(${ids}::bigint[])`;
    const entries = taken.map((row) => ({
      actor: bulk.requestedBy,
      action: rejected ? ("discrepancy.rejected" as const) : ("discrepancy.snoozed" as const),
      account_id: row.accountId,
      resource: row.resource,
      discrepancy_id: row.id,
      bulk_id: bulk.id,
      subject: row.label ?? row.stripeId ?? row.localKey,
      data: { reason: bulk.reason, until, fields: row.fields, customerId: row.customerId },
    }));
    await appendAudit(tx, entries, now);
    return true;
  });
}

async function finish(desk: Desk, bulk: BulkAction): Promise<void> {
  const now = desk.now();
  await desk.sql.begin(async (tx) => {
    const [counts] = await tx<{ applied: number; stale: number; failed: number; skipped: number }[]>`
      UPDATE driftdesk.bulk_actions b
      SET state = 'done', finished_at = ${now}, applied = c.applied, stale = c.stale, failed = c.failed, skipped = c.skipped
      FROM (
        SELECT (count(*) FILTER (WHERE outcome = 'applied'))::int AS applied, (count(*) FILTER (WHERE outcome = 'stale'))::int AS stale,
               (count(*) FILTER (WHERE outcome = 'failed'))::int AS failed, (count(*) FILTER (WHERE outcome = 'skipped'))::int AS skipped
        FROM driftdesk.bulk_items WHERE bulk_id = ${bulk.id}
      ) c
      WHERE b.id = ${bulk.id} AND b.state = 'running'
      RETURNING b.applied, b.stale, b.failed, b.skipped`;
    if (!counts) return;
    const entry = {
      actor: bulk.requestedBy,
      action: "bulk.finished" as const,
      bulk_id: bulk.id,
      data: { kind: bulk.kind, ...counts },
    };
    await appendAudit(tx, [entry], now);
  });
}
