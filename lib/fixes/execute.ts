// Carrying out a decision, write-ahead: intent, freshness, guarded write, outcome. Killed anywhere and called again,
// it goes on: what was intended and not settled is settled by reading the row.
import type { Fragment, Sql, TransactionSql } from "postgres";
import { type KnownDesk, knownDesks } from "../accounts/known.ts";
import { type AuditDraft, appendAudit } from "../audit/append.ts";
import type { BulkAction, Discrepancy, Fix } from "../db/schema.ts";
import { transaction } from "../db/transaction.ts";
import { inTurn } from "../db/turns.ts";
import type { Desks } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";
import { traced } from "../tracing/span.ts";
import { getBulk } from "./bulk.ts";
import { type EventPass, eventPassOf } from "./event-pass.ts";
import { freshen } from "./freshness.ts";
import { type BulkLock, whileLocked } from "./lock.ts";
import { planFix } from "./plan.ts";
import { pickReverts, planRevert, takeInHand, type Undone } from "./revert-plan.ts";
import { settle, settleAgain, settleWritten } from "./settle.ts";

const batchSize = 500;

/** A fix whose intent is committed and whose outcome is not known yet, with what it is about. */
export type IntendedFix = Pick<
  Fix,
  | "id"
  | "discrepancyId"
  | "accountId"
  | "resource"
  | "action"
  | "localKey"
  | "observed"
  | "expected"
  | "reverts"
> &
  Pick<Discrepancy, "label" | "stripeId" | "customerId" | "kind" | "observedAt" | "importId"> & {
    /** Of the file whose word it is. */
    fileName: string | null;
    exportedAt: Date | null;
  };

/** An action that this process carries out. */
export interface Work {
  desk: Desks;
  known: readonly KnownDesk[];
  bulk: BulkAction;
  lock: BulkLock;
}

/**
 * Carries out an action that is running, to its end or until somebody stops it. Only one process does so at a time; a
 * second one returns at once, with the action as it stands.
 */
export async function executeBulk(desk: Desks, bulkId: number): Promise<BulkAction> {
  await inTurn(desk.sql, "action", () =>
    whileLocked(desk, bulkId, (lock) =>
      traced("bulk action", { "driftdesk.bulk": bulkId }, () => carryOut(desk, bulkId, lock)),
    ),
  );
  const bulk = await getBulk(desk.sql, bulkId);
  if (!bulk) throw new DriftdeskError("bulk_unknown", `There is no bulk action ${bulkId}.`, { status: 404 });
  return bulk;
}

async function carryOut(desk: Desks, bulkId: number, lock: BulkLock): Promise<void> {
  const bulk = await getBulk(desk.sql, bulkId);
  if (bulk?.kind !== "apply" && bulk?.kind !== "revert") return;
  const work: Work = { desk, known: await knownDesks(desk), bulk, lock };
  // Undoing restores what was there, whatever Stripe says.
  const fresh = async (fixes: IntendedFix[], events?: EventPass) =>
    bulk.kind === "revert" ? fixes : freshen(work, fixes, events);
  // Also of an action that was stopped: what is intended has to have an outcome. Runs left these alone meanwhile, so no
  // cursor says anything about them: each is asked for.
  const unwritten = await settleWritten(work, await leftovers(work));
  await settleAgain(work, await fresh(unwritten));
  const events = eventPassOf(work);
  for (let batch = await intend(work, 0); batch !== null; ) {
    const { fixes, last } = batch;
    // While a batch is written, the intents of the next one are. Both have ended before this process lets go of the action.
    const [settled, next] = await Promise.allSettled([
      traced("bulk settle", { "driftdesk.rows": fixes.length }, async () =>
        settle(work, await fresh(fixes, events)),
      ),
      intend(work, last),
    ]);
    if (settled.status === "rejected") throw settled.reason;
    if (next.status === "rejected") throw next.reason;
    batch = next.value;
  }
  await finish(work);
}

/** What an earlier process intended and did not settle. */
async function leftovers({ desk, bulk }: Work): Promise<IntendedFix[]> {
  return desk.sql<IntendedFix[]>`
    SELECT f.id, f.discrepancy_id AS "discrepancyId", f.account_id AS "accountId", f.resource, f.action,
           f.local_key AS "localKey", f.observed, f.expected, f.reverts, d.label, d.stripe_id AS "stripeId",
           d.customer_id AS "customerId", d.kind, d.observed_at AS "observedAt", ${wordOfFile(desk.sql)}
    FROM driftdesk.fixes f JOIN driftdesk.discrepancies d ON d.id = f.discrepancy_id
    LEFT JOIN driftdesk.imports m ON m.id = d.import_id
    WHERE f.bulk_id = ${bulk.id} AND f.state = 'intended' ORDER BY f.id`;
}

/**
 * Step 1 for the batch that follows the discrepancy `after`: the intents, committed, with the last one's discrepancy.
 * Answers null when nothing is left to do.
 */
async function intend(
  { desk, bulk, lock }: Work,
  after: number,
): Promise<{ last: number; fixes: IntendedFix[] } | null> {
  const now = desk.now();
  return transaction(desk.sql, async (tx) => {
    await lock.stillHeld(tx);
    // Whoever stops the action waits for this lock, and nothing is intended after that.
    const [running] = await tx`
      SELECT FROM driftdesk.bulk_actions WHERE id = ${bulk.id} AND state = 'running' FOR NO KEY UPDATE`;
    const next = bulk.kind === "revert" ? pickReverts : pick;
    const rows = running ? await next(tx, bulk.id, after) : [];
    const last = rows.at(-1)?.id;
    if (last === undefined) return null;
    const skipped = rows.filter((row) => row.obstacle !== null);
    if (skipped.length > 0) {
      await tx`
        UPDATE driftdesk.bulk_items i SET outcome = 'skipped', message = v.why
        FROM unnest(${skipped.map((row) => row.id)}::bigint[], ${skipped.map((row) => row.obstacle)}::text[]) AS v (id, why)
        WHERE i.bulk_id = ${bulk.id} AND i.discrepancy_id = v.id`;
      await tx`UPDATE driftdesk.bulk_actions SET skipped = skipped + ${skipped.length} WHERE id = ${bulk.id}`;
    }
    const fixes = await writeIntents(
      tx,
      bulk,
      rows.filter((row) => row.obstacle === null),
      now,
    );
    await appendAudit(
      tx,
      fixes.map((fix) => auditOf(bulk, fix, "fix.intended")),
      now,
    );
    return { last, fixes };
  });
}

export type Picked = Pick<
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
> &
  Pick<IntendedFix, "importId" | "fileName" | "exportedAt"> & { obstacle: string | null; undoes?: Undone };

/** The next rows, locked, each with the reason to leave it alone if there is one. */
async function pick(tx: TransactionSql, bulkId: number, after: number): Promise<Picked[]> {
  return tx<Picked[]>`
    SELECT d.id, d.account_id AS "accountId", d.resource, d.kind, d.stripe_id AS "stripeId", d.local_key AS "localKey",
           d.customer_id AS "customerId", d.label, d.fields, d.expected, d.observed_at AS "observedAt", ${wordOfFile(tx)},
           CASE WHEN d.version <> i.version THEN 'Its values changed after the decision. Look again, then decide.'
                WHEN d.state NOT IN ('open', 'snoozed', 'rejected', 'waiting') THEN 'It is ' || d.state || ' by now.'
                WHEN d.bulk_id IS DISTINCT FROM i.bulk_id THEN 'Somebody decided on it again after this decision.'
           END AS obstacle
    FROM ${nextItems(tx, bulkId, after)} i JOIN driftdesk.discrepancies d ON d.id = i.discrepancy_id
    LEFT JOIN driftdesk.imports m ON m.id = d.import_id
    ORDER BY d.id
    FOR NO KEY UPDATE OF d`;
}

/** Whose word a discrepancy `d` is, with the import `m`. */
export const wordOfFile = (sql: Sql | TransactionSql): Fragment =>
  sql`d.import_id AS "importId", m.file_name AS "fileName", m.exported_at AS "exportedAt"`;

/** The items that follow the discrepancy `after`, chosen before anything is joined to them: an action may have a million. */
export const nextItems = (tx: TransactionSql, bulkId: number, after: number): Fragment => tx`(
  SELECT * FROM driftdesk.bulk_items
  WHERE bulk_id = ${bulkId} AND discrepancy_id > ${after} AND outcome IS NULL
  ORDER BY discrepancy_id LIMIT ${batchSize}
)`;

async function writeIntents(
  tx: TransactionSql,
  bulk: BulkAction,
  rows: readonly Picked[],
  now: Date,
): Promise<IntendedFix[]> {
  const planned = rows.map((row) => ({ row, ...(row.undoes ? planRevert(row.undoes) : planFix(row)) }));
  const inserted = await tx<{ id: number; discrepancyId: number }[]>`
    INSERT INTO driftdesk.fixes
      (discrepancy_id, account_id, resource, action, local_key, observed, expected, reverts, actor, approved_by, reason, bulk_id,
       intended_at)
    SELECT v.discrepancy_id, v.account_id, v.resource, v.action, v.local_key, v.observed, v.expected, v.reverts,
           ${bulk.requestedBy}, ${bulk.approvedBy}, ${bulk.reason}, ${bulk.id}, ${now}
    FROM jsonb_to_recordset(${tx.json(
      planned.map(({ row, action, observed, expected, reverts }) => ({
        discrepancy_id: row.id,
        account_id: row.accountId,
        resource: row.resource,
        action,
        local_key: row.localKey,
        observed,
        expected,
        reverts,
      })) as never,
    )}) AS v (discrepancy_id bigint, account_id text, resource text, action text, local_key text, observed jsonb, expected jsonb,
              reverts bigint)
    ORDER BY v.discrepancy_id
    RETURNING id, discrepancy_id AS "discrepancyId"`;
  const taken = rows.map((row) => row.id);
  if (bulk.kind === "revert") await takeInHand(tx, bulk.id, taken);
  const ids = new Map(inserted.map((fix) => [fix.discrepancyId, fix.id]));
  return planned.map(
    ({ row: { id: discrepancyId, fields: _, obstacle: __, undoes: ___, ...row }, ...plan }) => ({
      ...row,
      ...plan,
      id: ids.get(discrepancyId) as number,
      discrepancyId,
    }),
  );
}

export function auditOf(
  bulk: Pick<BulkAction, "id" | "requestedBy" | "approvedBy" | "reason" | "runId">,
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
    run_id: bulk.runId,
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
      ...(fix.reverts !== null && { reverts: fix.reverts }),
      // Stripe was not asked: what was written is what somebody's file says.
      ...(fix.importId !== null &&
        fix.reverts === null && {
          import: { id: fix.importId, file: fix.fileName, exportedAt: fix.exportedAt },
        }),
      ...more,
    },
  };
}

async function finish({ desk, bulk, lock }: Work): Promise<void> {
  const now = desk.now();
  await transaction(desk.sql, async (tx) => {
    await lock.stillHeld(tx);
    const [counts] = await tx<{ applied: number; stale: number; failed: number; skipped: number }[]>`
      UPDATE driftdesk.bulk_actions b
      SET state = 'done', finished_at = ${now}
      WHERE b.id = ${bulk.id} AND b.state = 'running'
      RETURNING b.applied, b.stale, b.failed, b.skipped`;
    if (!counts) return;
    const data = { kind: bulk.kind, ...counts };
    const entry = { actor: bulk.requestedBy, action: "bulk.finished" as const, run_id: bulk.runId };
    await appendAudit(tx, [{ ...entry, bulk_id: bulk.id, data }], now);
  });
}
