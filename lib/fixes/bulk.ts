// Decisions. One row is a bulk of one: there is one path from a click to a changed row.
import type { Sql, TransactionSql } from "postgres";
import { appendAudit } from "../audit/append.ts";
import { authorise } from "../auth/permissions.ts";
import type { BulkAction, BulkKind } from "../db/schema.ts";
import type { Actor, Desk } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";
import { applicableCondition, moneyCondition, type Selection, selectionCondition } from "./selection.ts";

export interface BulkRequest {
  kind: Extract<BulkKind, "apply" | "reject" | "snooze">;
  selection: Selection;
  reason?: string | undefined;
  /** Until when to snooze. */
  until?: Date | undefined;
  /** Made when the dialog opens: a second click with the same key is answered with the first one's action. */
  requestKey: string;
}

/**
 * Writes a decision down, together with exactly the rows and versions that it is about. What is to be applied and
 * needs no second person can then be executed; the caller does so at once or through a queue.
 */
export async function requestBulk(desk: Desk, request: BulkRequest, actor: Actor): Promise<BulkAction> {
  authorise(actor, "decide");
  checkRequest(request, desk.now());
  const now = desk.now();
  const id = await desk.sql.begin(async (tx) => {
    const [created] = await tx<{ id: number }[]>`
      INSERT INTO driftdesk.bulk_actions (kind, request_key, requested_by, reason, filter, state, created_at)
      VALUES (${request.kind}, ${request.requestKey}, ${actor.email}, ${request.reason ?? null},
              ${tx.json(requestDetails(request) as never)}, 'running', ${now})
      ON CONFLICT (request_key) DO NOTHING RETURNING id`;
    if (!created) return earlier(tx, request.requestKey, actor);
    const { total, money } = await snapshot(tx, desk, created.id, request);
    if (total === 0)
      throw new DriftdeskError(
        "nothing_selected",
        "None of the selected rows can be decided on any more: they were changed, decided or corrected meanwhile. Look again.",
        { status: 409 },
      );
    if (total > 1) authorise(actor, "bulk");
    if (request.kind === "apply" && money > 0) authorise(actor, "decide_money");
    const above = desk.config.fixes.secondPersonAbove;
    const waits = request.kind === "apply" && above !== undefined && total > above;
    await tx`
      UPDATE driftdesk.bulk_actions SET total = ${total}, state = ${waits ? "waiting" : "running"} WHERE id = ${created.id}`;
    if (waits)
      await tx`
        UPDATE driftdesk.discrepancies d SET state = 'waiting', bulk_id = ${created.id}, decided_by = ${actor.email}, decided_at = ${now}
        FROM driftdesk.bulk_items i WHERE i.bulk_id = ${created.id} AND i.outcome IS NULL AND d.id = i.discrepancy_id`;
    const data = { kind: request.kind, total, reason: request.reason ?? null, waits };
    await appendAudit(tx, [{ actor: actor.email, action: "bulk.requested", bulk_id: created.id, data }], now);
    return created.id;
  });
  return (await getBulk(desk.sql, id)) as BulkAction;
}

function checkRequest(request: BulkRequest, now: Date): void {
  if (request.kind === "reject" && !request.reason?.trim())
    throw new DriftdeskError("reason_missing", "Say why: the next person who meets this will want to know.", {
      status: 400,
    });
  if (request.kind === "snooze" && !(request.until && request.until > now))
    throw new DriftdeskError("until_missing", "Say until when: a time that is still to come.", {
      status: 400,
    });
}

/** What the action was asked for, as it is kept beside it. */
function requestDetails(request: BulkRequest): Record<string, unknown> {
  return {
    ...("filter" in request.selection
      ? { filter: request.selection.filter }
      : { ids: request.selection.ids.length }),
    ...(request.until && { until: request.until.toISOString() }),
  };
}

async function earlier(tx: TransactionSql, requestKey: string, actor: Actor): Promise<number> {
  const [row] = await tx<{ id: number; requested_by: string }[]>`
    SELECT id, requested_by FROM driftdesk.bulk_actions WHERE request_key = ${requestKey}`;
  if (!row || row.requested_by !== actor.email)
    throw new DriftdeskError(
      "request_key_taken",
      "This request was made by somebody else. Reload the page.",
      { status: 409 },
    );
  return row.id;
}

async function snapshot(
  tx: TransactionSql,
  desk: Desk,
  bulkId: number,
  request: BulkRequest,
): Promise<{ total: number; money: number }> {
  const sql = tx as unknown as Sql;
  const [counts] = await tx<{ total: number; money: number }[]>`
    WITH chosen AS (
      SELECT d.id, d.version, ${moneyCondition(sql, desk.config)} AS money
      FROM driftdesk.discrepancies d
      WHERE ${selectionCondition(sql, request.selection, desk.now())}
        AND d.state IN ('open', 'snoozed', 'rejected')
        ${request.kind === "apply" ? sql`AND ${applicableCondition(sql, desk.config)}` : sql``}
      FOR UPDATE OF d
    ), items AS (
      INSERT INTO driftdesk.bulk_items (bulk_id, discrepancy_id, version)
      SELECT ${bulkId}, id, version FROM chosen
    )
    SELECT count(*)::int AS total, (count(*) FILTER (WHERE money))::int AS money FROM chosen`;
  return counts ?? { total: 0, money: 0 };
}

/** Agrees to what somebody else asked for. Nobody approves their own. */
export async function approveBulk(desk: Desk, bulkId: number, actor: Actor): Promise<BulkAction> {
  authorise(actor, "bulk");
  const now = desk.now();
  await desk.sql.begin(async (tx) => {
    const bulk = await waiting(tx, bulkId);
    if (bulk.requestedBy === actor.email)
      throw new DriftdeskError(
        "own_request",
        "You asked for this yourself: another person has to approve it.",
        { status: 403 },
      );
    const [money] = await tx`
      SELECT FROM driftdesk.bulk_items i JOIN driftdesk.discrepancies d ON d.id = i.discrepancy_id
      WHERE i.bulk_id = ${bulkId} AND ${moneyCondition(tx as unknown as Sql, desk.config)} LIMIT 1`;
    if (money) authorise(actor, "decide_money");
    await tx`UPDATE driftdesk.bulk_actions SET state = 'running', approved_by = ${actor.email} WHERE id = ${bulkId}`;
    const data = { requestedBy: bulk.requestedBy, total: bulk.total };
    await appendAudit(tx, [{ actor: actor.email, action: "bulk.approved", bulk_id: bulkId, data }], now);
  });
  return (await getBulk(desk.sql, bulkId)) as BulkAction;
}

/** Declines or withdraws what waits for a second person; its rows are open again. */
export async function cancelBulk(desk: Desk, bulkId: number, actor: Actor): Promise<BulkAction> {
  authorise(actor, "decide");
  const now = desk.now();
  await desk.sql.begin(async (tx) => {
    const bulk = await waiting(tx, bulkId);
    if (bulk.requestedBy !== actor.email) authorise(actor, "bulk");
    await tx`
      UPDATE driftdesk.discrepancies SET state = 'open', bulk_id = NULL, decided_by = NULL, decided_at = NULL
      WHERE bulk_id = ${bulkId} AND state = 'waiting'`;
    await tx`UPDATE driftdesk.bulk_actions SET state = 'cancelled', finished_at = ${now} WHERE id = ${bulkId}`;
    const data = { requestedBy: bulk.requestedBy, total: bulk.total };
    await appendAudit(tx, [{ actor: actor.email, action: "bulk.cancelled", bulk_id: bulkId, data }], now);
  });
  return (await getBulk(desk.sql, bulkId)) as BulkAction;
}

async function waiting(tx: TransactionSql, bulkId: number): Promise<BulkAction> {
  const [bulk] = await tx<BulkAction[]>`
    SELECT ${bulkColumns(tx as unknown as Sql)} FROM driftdesk.bulk_actions b WHERE b.id = ${bulkId} FOR UPDATE`;
  if (!bulk) throw new DriftdeskError("bulk_unknown", `There is no action ${bulkId}.`, { status: 404 });
  if (bulk.state !== "waiting")
    throw new DriftdeskError("bulk_decided", "Somebody has decided this already.", { status: 409 });
  return bulk;
}

const bulkColumns = (sql: Sql) => sql`
  b.id, b.kind, b.request_key AS "requestKey", b.requested_by AS "requestedBy", b.reason, b.filter, b.state, b.total,
  b.applied, b.stale, b.failed, b.skipped, b.message, b.approved_by AS "approvedBy", b.created_at AS "createdAt",
  b.finished_at AS "finishedAt"`;

export async function getBulk(sql: Sql, id: number): Promise<BulkAction | null> {
  const [bulk] = await sql<
    BulkAction[]
  >`SELECT ${bulkColumns(sql)} FROM driftdesk.bulk_actions b WHERE b.id = ${id}`;
  return bulk ?? null;
}

/** What waits for a second person, oldest first. */
export async function waitingBulks(sql: Sql): Promise<BulkAction[]> {
  return sql<BulkAction[]>`
    SELECT ${bulkColumns(sql)} FROM driftdesk.bulk_actions b WHERE b.state = 'waiting' ORDER BY b.id`;
}
