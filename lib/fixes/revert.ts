// Undoing one fix, some, or all that a bulk action applied: an action like any other, carried out by `executeBulk`.
import type { Fragment, Sql, TransactionSql } from "postgres";
import { z } from "zod";
import { type KnownDesk, knownDesks } from "../accounts/known.ts";
import { appendAudit } from "../audit/append.ts";
import { authorise } from "../auth/permissions.ts";
import type { BulkAction } from "../db/schema.ts";
import { transaction } from "../db/transaction.ts";
import type { Actor, Desks } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";
import { getBulk, lockBulk, lockRows, personId, sameRequest } from "./bulk.ts";
import { secondPersonReasons } from "./plan.ts";
import { undoesMoney, whyNotUndone } from "./revert-plan.ts";

const id = z.number().int().positive();
/** What is to be undone: some fixes by their ids, or all that an action applied. */
export const undoneSchema = z.union([
  z.strictObject({ fixes: z.array(id).min(1).max(10_000) }),
  z.strictObject({ bulk: id }),
]);
export type UndoneSelection = z.infer<typeof undoneSchema>;

export interface RevertRequest {
  undo: UndoneSelection;
  reason?: string | undefined;
  /** Made when the dialog opens: a second click with the same key is answered with the first one's action. */
  requestKey: string;
}
export const revertRequestSchema = z.strictObject({
  undo: undoneSchema,
  reason: z.string().trim().max(2_000).optional(),
  requestKey: z.string().trim().min(8).max(200),
}) satisfies z.ZodType<RevertRequest>;

/**
 * Writes down that fixes are to be undone. The action is `running` and wants `executeBulk`, or `waiting` for a second
 * person. What cannot be undone is skipped with its reason; when nothing is left, it throws `nothing_to_undo`.
 */
export async function requestRevert(desk: Desks, given: RevertRequest, actor: Actor): Promise<BulkAction> {
  authorise(actor, "decide");
  const request = revertRequestSchema.parse(given);
  const { undo, requestKey } = request;
  const reason = request.reason || null;
  const known = await knownDesks(desk);
  const bulkId = await transaction(desk.sql, async (tx) => {
    await assertThere(tx, undo);
    const [created] = await tx<{ id: number }[]>`
      INSERT INTO driftdesk.bulk_actions (kind, request_key, requested_by, requested_by_id, reason, reverts, state, created_at)
      VALUES ('revert', ${requestKey}, ${actor.email}, ${personId(tx, actor)}, ${reason}, ${"bulk" in undo ? undo.bulk : null}, 'running', ${desk.now()})
      ON CONFLICT (request_key) DO NOTHING
      RETURNING id`;
    if (!created) return await sameRequest(tx, { kind: "revert", requestKey }, actor);
    const counts = await snapshot(tx, known, created.id, undo);
    if (counts.total > 1) authorise(actor, "bulk");
    if (counts.money) authorise(actor, "decide_money");
    await begin(tx, desk, created.id, { undo, reason }, actor, counts);
    return created.id;
  });
  return (await getBulk(desk.sql, bulkId)) as BulkAction;
}

/** Throws when what is to be undone is not there, or is still under way. */
async function assertThere(tx: TransactionSql, undo: UndoneSelection): Promise<void> {
  if ("fixes" in undo) {
    const [found] = await tx<{ missing: number[] }[]>`
      SELECT coalesce(array_agg(g.id), '{}') AS missing FROM unnest(${undo.fixes}::bigint[]) AS g (id)
      WHERE NOT EXISTS (SELECT FROM driftdesk.fixes f WHERE f.id = g.id)`;
    const missing = found?.missing ?? [];
    if (missing.length > 0)
      throw new DriftdeskError("fix_unknown", `There is no fix ${missing.join(", ")}.`, { status: 404 });
    return;
  }
  const bulk = await lockBulk(tx, undo.bulk);
  if (bulk.kind !== "apply")
    throw new DriftdeskError(
      "bulk_not_revertible",
      `Bulk action ${bulk.id} did not apply anything, so there is nothing to undo.`,
      { status: 409 },
    );
  if (bulk.state === "running" || bulk.state === "waiting")
    throw new DriftdeskError(
      "bulk_under_way",
      `Bulk action ${bulk.id} has not ended. Stop it, or wait for its end; then what it applied can be undone.`,
      { status: 409 },
    );
}

/** The fixes `f` that are meant, each with its discrepancy `d`; of several of one discrepancy the newest. */
export const undone = (sql: Sql | TransactionSql, undo: UndoneSelection): Fragment => sql`
  (
    SELECT DISTINCT ON (discrepancy_id) * FROM driftdesk.fixes
    WHERE ${
      "fixes" in undo
        ? sql`id = ANY(${undo.fixes}::bigint[])`
        : sql`bulk_id = ${undo.bulk} AND state = 'applied' AND action <> 'revert'`
    }
    ORDER BY discrepancy_id, id DESC
  ) f
  JOIN driftdesk.discrepancies d ON d.id = f.discrepancy_id`;

interface Counts {
  total: number;
  todo: number;
  money: boolean;
}

async function snapshot(
  tx: TransactionSql,
  known: readonly KnownDesk[],
  bulkId: number,
  undo: UndoneSelection,
): Promise<Counts> {
  await tx`
    INSERT INTO driftdesk.bulk_items (bulk_id, discrepancy_id, version, fix_id)
    SELECT ${bulkId}, d.id, d.version, f.id FROM ${undone(tx, undo)} ORDER BY d.id`;
  await lockRows(tx, bulkId);
  const items = tx`
    driftdesk.bulk_items i JOIN driftdesk.fixes f ON f.id = i.fix_id JOIN driftdesk.discrepancies d ON d.id = i.discrepancy_id`;
  await tx`
    UPDATE driftdesk.bulk_items b SET outcome = 'skipped', message = v.why
    FROM (SELECT i.discrepancy_id AS id, ${whyNotUndone(tx)} AS why FROM ${items} WHERE i.bulk_id = ${bulkId}) v
    WHERE b.bulk_id = ${bulkId} AND b.discrepancy_id = v.id AND v.why IS NOT NULL`;
  const [counts] = await tx<(Counts & { reasons: string[] })[]>`
    SELECT count(*)::int AS total, count(*) FILTER (WHERE i.outcome IS NULL)::int AS todo,
           coalesce(bool_or(i.outcome IS NULL AND ${undoesMoney(tx, known)}), false) AS money,
           coalesce(array_agg(DISTINCT i.message) FILTER (WHERE i.message IS NOT NULL), '{}') AS reasons
    FROM ${items} WHERE i.bulk_id = ${bulkId}`;
  const { reasons, ...rest } = counts as Counts & { reasons: string[] };
  if (rest.todo === 0)
    throw new DriftdeskError(
      "nothing_to_undo",
      `There is nothing to undo. ${reasons.length > 0 ? reasons.join(" ") : "Nothing was applied."}`,
      { status: 409 },
    );
  return rest;
}

async function begin(
  tx: TransactionSql,
  desk: Desks,
  bulkId: number,
  { undo, reason }: { undo: UndoneSelection; reason: string | null },
  actor: Actor,
  { total, todo, money }: Counts,
): Promise<void> {
  const because = secondPersonReasons(desk.config.fixes, { rows: todo, money });
  const waits = because.length > 0;
  const skipped = total - todo;
  await tx`
    UPDATE driftdesk.bulk_actions
    SET state = ${waits ? "waiting" : "running"}, total = ${total}, skipped = ${skipped},
        writes_money = ${money}
    WHERE id = ${bulkId}`;
  const data = {
    kind: "revert",
    total,
    skipped,
    reason,
    needsSecondPerson: waits,
    ...(waits && { because }),
    ...("bulk" in undo && { reverts: undo.bulk }),
  };
  await appendAudit(
    tx,
    [{ actor: actor.email, action: "bulk.requested", bulk_id: bulkId, data }],
    desk.now(),
  );
}
