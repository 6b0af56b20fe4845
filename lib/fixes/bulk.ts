// A decision on one discrepancy or on many: the same path. Asked for once, however often the button is clicked.
import type { Sql, TransactionSql } from "postgres";
import { z } from "zod";
import { type KnownDesk, knownDesks } from "../accounts/known.ts";
import { appendAudit } from "../audit/append.ts";
import { authorise } from "../auth/permissions.ts";
import type { BulkAction } from "../db/schema.ts";
import { transaction } from "../db/transaction.ts";
import type { Actor, Desks } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";
import { decidable, secondPersonReasons, whyNot, whyNotState, writesMoney } from "./plan.ts";
import { type Selection, selected, selectionSchema, whyNotTogether } from "./selection.ts";

const bulkRequestSchema = z.strictObject({
  kind: z.enum(["apply", "reject", "snooze"]),
  selection: selectionSchema,
  reason: z.string().trim().max(2_000).optional(),
  /** Until when to snooze. */
  until: z.coerce.date().optional(),
  /** Made when the dialog opens: a second click with the same key is answered with the first one's action. */
  requestKey: z.string().trim().min(8).max(200),
});
type Request = z.output<typeof bulkRequestSchema>;
export type BulkRequest = Omit<z.input<typeof bulkRequestSchema>, "selection" | "until"> & {
  selection: Selection;
  until?: Date | undefined;
};

/**
 * Writes a decision down with the rows and versions that it is about. Rejecting and snoozing are done by this; applying is
 * `running` and wants `executeBulk`, or `waiting` for a second person. The same `requestKey` answers the same bulk.
 */
export async function requestBulk(desk: Desks, given: BulkRequest, actor: Actor): Promise<BulkAction> {
  const request = parseRequest(given, desk.now());
  authorise(actor, "decide");
  const known = await knownDesks(desk);
  const id = await transaction(desk.sql, (tx) => createBulk(tx, { desk, known, request, actor }));
  return (await getBulk(desk.sql, id)) as BulkAction;
}

interface Asking {
  desk: Desks;
  known: readonly KnownDesk[];
  request: Request & { runId?: number };
  actor: Actor;
}

/** Who asks, by their line in the table of people: whatever their address is later. */
export const personId = (tx: TransactionSql, actor: Pick<Actor, "email">) =>
  tx`(SELECT u.id FROM driftdesk.users u WHERE lower(u.email) = lower(${actor.email}::text))`;

/** In the caller's transaction. Answers its id; that of the first one when it was asked for before. */
export async function createBulk(tx: TransactionSql, asking: Asking): Promise<number> {
  const { desk, known, request, actor } = asking;
  const [created] = await tx<{ id: number }[]>`
    INSERT INTO driftdesk.bulk_actions (kind, request_key, requested_by, requested_by_id, reason, filter, state, created_at, run_id)
    VALUES (${request.kind}, ${request.requestKey}, ${actor.email}, ${personId(tx, actor)}, ${request.reason || null},
            ${"filter" in request.selection ? tx.json(request.selection.filter as never) : null}, 'running', ${desk.now()},
            ${request.runId ?? null})
    ON CONFLICT (request_key) DO NOTHING
    RETURNING id`;
  if (!created) return sameRequest(tx, request, actor);
  const counts = await snapshot(tx, desk, known, created.id, request);
  if (counts.total === 0)
    throw new DriftdeskError(
      "nothing_selected",
      "None of the selected differences is there any more. Reload the list and choose again.",
      { status: 409 },
    );
  if (counts.total > 1) authorise(actor, "bulk");
  if (request.kind === "apply" && counts.money) authorise(actor, "decide_money");
  await decide(tx, desk, created.id, request, actor, counts);
  return created.id;
}
const invalid = (what: string) =>
  new DriftdeskError("request_invalid", `This cannot be done: ${what}.`, { status: 400 });

function parseRequest(given: BulkRequest, now: Date): Request {
  const parsed = bulkRequestSchema.safeParse(given);
  if (!parsed.success)
    throw invalid(
      parsed.error.issues.map((issue) => `${issue.path.join(".") || "request"}: ${issue.message}`).join("; "),
    );
  const request = parsed.data;
  if (request.kind === "reject" && !request.reason) throw invalid("say why, the next person will ask");
  if (request.kind === "snooze" && !(request.until && request.until > now))
    throw invalid("choose a time that is still to come");
  return request;
}

/** The action that was asked for with this key before. */
export async function sameRequest(
  tx: TransactionSql,
  request: { kind: BulkAction["kind"]; requestKey: string },
  actor: Actor,
): Promise<number> {
  const [existing] = await tx<{ id: number; kind: string; requestedBy: string }[]>`
    SELECT id, kind, requested_by AS "requestedBy" FROM driftdesk.bulk_actions WHERE request_key = ${request.requestKey}`;
  if (existing && existing.requestedBy === actor.email && existing.kind === request.kind) return existing.id;
  throw new DriftdeskError(
    "request_key_taken",
    "This request was made before, by somebody else or for something else.",
    {
      status: 409,
    },
  );
}

interface Counts {
  /** Rows that were meant, those among them that can be decided on, and whether they change amounts. */
  total: number;
  todo: number;
  money: boolean;
}

/** Remembers each row in the version that was seen. What cannot be decided on is skipped with its reason. */
async function snapshot(
  tx: TransactionSql,
  desk: Desks,
  known: readonly KnownDesk[],
  bulkId: number,
  request: Request,
): Promise<Counts> {
  const why = tx`coalesce(${whyNotState(tx, decidable[request.kind])}, ${request.kind === "apply" ? tx`coalesce(${whyNotTogether(tx, request.selection)}, ${whyNot(tx, known)})` : tx`NULL`})`;
  await tx`
    INSERT INTO driftdesk.bulk_items (bulk_id, discrepancy_id, version)
    SELECT ${bulkId}, s.id, s.version
    FROM (${selected(tx, desk, request.selection)}) s
    ${
      "filter" in request.selection
        ? tx`JOIN driftdesk.discrepancies d ON d.id = s.id WHERE ${why} IS NULL`
        : tx``
    }
    ORDER BY s.id`;
  await lockRows(tx, bulkId);
  await tx`
    UPDATE driftdesk.bulk_items i
    SET outcome = 'skipped', message = coalesce(${why}, 'Its values changed since you looked. Look again, then decide.')
    FROM driftdesk.discrepancies d
    WHERE i.bulk_id = ${bulkId} AND d.id = i.discrepancy_id AND (d.version <> i.version OR ${why} IS NOT NULL)`;
  const [counts] = await tx<Counts[]>`
    SELECT count(*)::int AS total, count(*) FILTER (WHERE i.outcome IS NULL)::int AS todo,
           coalesce(bool_or(i.outcome IS NULL AND ${writesMoney(tx, known)}), false) AS money
    FROM driftdesk.bulk_items i JOIN driftdesk.discrepancies d ON d.id = i.discrepancy_id
    WHERE i.bulk_id = ${bulkId}`;
  return counts as Counts;
}

/**
 * In one order everywhere, so that people who decide on the same rows wait for each other, never in a circle. A lock that
 * goes with the items' foreign keys: two actions that name a row hold these before either of them gets here.
 */
export async function lockRows(tx: TransactionSql, bulkId: number): Promise<void> {
  await tx`
    SELECT count(*) FROM (
      SELECT d.id FROM driftdesk.bulk_items i JOIN driftdesk.discrepancies d ON d.id = i.discrepancy_id
      WHERE i.bulk_id = ${bulkId} ORDER BY d.id FOR NO KEY UPDATE OF d
    ) locked`;
}

async function decide(
  tx: TransactionSql,
  desk: Desks,
  bulkId: number,
  request: Asking["request"],
  actor: Actor,
  counts: Counts,
): Promise<void> {
  const now = desk.now();
  const apply = request.kind === "apply";
  // A policy has a limit of its own, and nothing of an amount.
  const because =
    actor.role === "system"
      ? []
      : secondPersonReasons(desk.config.fixes, { rows: counts.todo, money: counts.money });
  const state = counts.todo === 0 || !apply ? "done" : because.length > 0 ? "waiting" : "running";
  const skipped = counts.total - counts.todo;
  await tx`
    UPDATE driftdesk.bulk_actions
    SET state = ${state}, total = ${counts.total}, skipped = ${skipped}, applied = ${apply ? 0 : counts.todo},
        writes_money = ${apply && counts.money}, finished_at = ${state === "done" ? now : null}
    WHERE id = ${bulkId}`;
  const { selection } = request;
  const data = {
    kind: request.kind,
    total: counts.total,
    skipped,
    reason: request.reason || null,
    until: request.until?.toISOString() ?? null,
    needsSecondPerson: state === "waiting",
    ...(state === "waiting" && { because }),
    ...("ids" in selection ? {} : { filter: selection.filter, seenUntil: selection.seenUntil.toISOString() }),
  };
  const entry = { actor: actor.email, action: "bulk.requested" as const, run_id: request.runId ?? null };
  await appendAudit(tx, [{ ...entry, bulk_id: bulkId, data }], now);
  // Whoever decides last has the row: an earlier action that has not begun with it leaves it alone.
  if (state === "running") {
    await tx`
      UPDATE driftdesk.discrepancies d SET bulk_id = ${bulkId}
      FROM driftdesk.bulk_items i
      WHERE i.bulk_id = ${bulkId} AND i.outcome IS NULL AND d.id = i.discrepancy_id`;
    return;
  }
  const word = { apply: "approved", reject: "rejected", snooze: "snoozed" } as const;
  await auditRows(tx, bulkId, `discrepancy.${word[request.kind]}`, actor, request, now);
  await tx`
    UPDATE driftdesk.discrepancies d
    SET state = ${apply ? "waiting" : word[request.kind]}, bulk_id = ${bulkId}, decided_at = ${now},
        decided_by = ${actor.email}, decision_reason = ${request.reason || null},
        snoozed_until = ${request.kind === "snooze" ? (request.until ?? null) : null},
        closed_at = ${request.kind === "reject" ? now : null}
    FROM driftdesk.bulk_items i
    WHERE i.bulk_id = ${bulkId} AND i.outcome IS NULL AND d.id = i.discrepancy_id`;
  if (!apply)
    await tx`UPDATE driftdesk.bulk_items SET outcome = 'applied' WHERE bulk_id = ${bulkId} AND outcome IS NULL`;
}

const auditBatch = 5_000;

/** One entry per row. In batches: one JSON value for a million entries would not fit. */
async function auditRows(
  tx: TransactionSql,
  bulkId: number,
  action: string,
  actor: Actor,
  request: Request,
  now: Date,
): Promise<void> {
  const decision = { reason: request.reason || null, until: request.until?.toISOString() ?? null };
  for (let after: number | null = 0; after !== null; ) {
    const batches: { last: number | null }[] = await tx`
      WITH batch AS (
        SELECT d.* FROM driftdesk.bulk_items i JOIN driftdesk.discrepancies d ON d.id = i.discrepancy_id
        WHERE i.bulk_id = ${bulkId} AND i.outcome IS NULL AND i.discrepancy_id > ${after}
        ORDER BY i.discrepancy_id LIMIT ${auditBatch}
      ), appended AS (
        SELECT driftdesk.append_audit(jsonb_agg(jsonb_build_object(
          'actor', ${actor.email}::text, 'action', ${action}::text, 'account_id', account_id, 'resource', resource,
          'discrepancy_id', id, 'bulk_id', ${bulkId}::bigint, 'subject', coalesce(label, stripe_id, local_key),
          'data', jsonb_build_object('kind', kind, 'stripeId', stripe_id, 'localKey', local_key,
            'customerId', customer_id, 'fields', fields, 'change', change, 'version', version) || ${tx.json(decision)}::jsonb)
          ORDER BY id), ${now}) AS appended
        FROM batch
      )
      SELECT max(b.id) AS last FROM batch b, appended a WHERE a.appended > 0`;
    after = batches[0]?.last ?? null;
  }
}

/**
 * Stops a bulk that waits or runs. What was applied stays, and can be seen; the rest is open again. Of one that waits,
 * whoever asked takes it back; anybody else declines it, and says why.
 */
export async function cancelBulk(
  desk: Desks,
  bulkId: number,
  actor: Actor,
  given: { reason?: string | undefined } = {},
): Promise<BulkAction> {
  authorise(actor, "decide");
  const reason = given.reason?.trim().slice(0, 2_000) || null;
  await transaction(desk.sql, async (tx) => {
    const bulk = await lockBulk(tx, bulkId);
    if (bulk.state !== "waiting" && bulk.state !== "running") return;
    const own = await isOwn(tx, bulk, actor);
    if (!own) authoriseSecond(actor, bulk);
    const declines = bulk.state === "waiting" && !own;
    if (declines && reason === null) throw invalid("say why, whoever asked for it will want to know");
    const now = desk.now();
    const told = declines ? "Declined" : bulk.state === "waiting" ? "Taken back" : "Stopped";
    const message = `${told} by ${actor.name}${reason === null ? "." : `: ${reason}`}`;
    await lockRows(tx, bulkId);
    // What is intended gets the outcome of its fix.
    const left = await tx`
      UPDATE driftdesk.bulk_items i SET outcome = 'skipped', message = ${message}
      WHERE i.bulk_id = ${bulkId} AND i.outcome IS NULL AND NOT EXISTS (
        SELECT FROM driftdesk.fixes f
        WHERE f.bulk_id = i.bulk_id AND f.discrepancy_id = i.discrepancy_id AND f.state = 'intended')`;
    await tx`
      UPDATE driftdesk.bulk_actions
      SET state = 'cancelled', finished_at = ${now}, message = ${message}, skipped = skipped + ${left.count}
      WHERE id = ${bulkId}`;
    await tx`
      UPDATE driftdesk.discrepancies d
      SET state = 'open', bulk_id = NULL, decided_at = NULL, decided_by = NULL, decision_reason = NULL
      FROM driftdesk.bulk_items i
      WHERE i.bulk_id = ${bulkId} AND d.id = i.discrepancy_id AND d.bulk_id = ${bulkId} AND d.state = 'waiting'`;
    const action = declines ? "bulk.declined" : "bulk.cancelled";
    const { requestedBy, applied, total } = bulk;
    const data = { was: bulk.state, requestedBy, applied, total, reason };
    await appendAudit(tx, [{ actor: actor.email, action, bulk_id: bulkId, data }], now);
  });
  return (await getBulk(desk.sql, bulkId)) as BulkAction;
}

/** Whether somebody asked for a bulk themselves: by their address in any case, or by who they are in the users table. */
export async function isOwn(
  tx: TransactionSql,
  bulk: Pick<BulkAction, "requestedBy" | "requestedById">,
  actor: Pick<Actor, "email">,
): Promise<boolean> {
  if (bulk.requestedBy.toLowerCase() === actor.email.toLowerCase()) return true;
  if (bulk.requestedById === null) return false;
  const same = await tx`
    SELECT FROM driftdesk.users WHERE id = ${bulk.requestedById} AND lower(email) = lower(${actor.email})`;
  return same.length > 0;
}

/** What it takes to approve or stop what somebody else asked for. */
export function authoriseSecond(actor: Actor, bulk: Pick<BulkAction, "total" | "writesMoney">): void {
  authorise(actor, "decide");
  if (bulk.total > 1) authorise(actor, "bulk");
  if (bulk.writesMoney) authorise(actor, "decide_money");
}

export async function lockBulk(tx: TransactionSql, id: number): Promise<BulkAction> {
  const [bulk] = await tx<BulkAction[]>`
    SELECT ${bulkColumns(tx)} FROM driftdesk.bulk_actions b WHERE b.id = ${id} FOR NO KEY UPDATE`;
  if (!bulk) throw new DriftdeskError("bulk_unknown", `There is no bulk action ${id}.`, { status: 404 });
  return bulk;
}

/** Of `driftdesk.bulk_actions b`, as a `BulkAction` has them. */
export const bulkColumns = (sql: Sql | TransactionSql) => sql`
  b.id, b.kind, b.request_key AS "requestKey", b.requested_by AS "requestedBy", b.requested_by_id AS "requestedById",
  b.reason, b.filter, b.state, b.total, b.applied, b.stale, b.failed, b.skipped, b.message,
  b.approved_by AS "approvedBy", b.writes_money AS "writesMoney", b.created_at AS "createdAt", b.finished_at AS "finishedAt",
  b.run_id AS "runId", b.reverts`;

export async function getBulk(sql: Sql, id: number): Promise<BulkAction | null> {
  const [bulk] = await sql<
    BulkAction[]
  >`SELECT ${bulkColumns(sql)} FROM driftdesk.bulk_actions b WHERE b.id = ${id}`;
  return bulk ?? null;
}

export interface BulkItemView {
  discrepancyId: number;
  label: string | null;
  outcome: string;
  message: string | null;
}

/** The rows of a bulk that did not go as decided, with their reasons. */
export async function bulkProblems(sql: Sql, id: number, limit = 100): Promise<BulkItemView[]> {
  return sql<BulkItemView[]>`
    SELECT i.discrepancy_id AS "discrepancyId", coalesce(d.label, d.stripe_id, d.local_key) AS label, i.outcome, i.message
    FROM driftdesk.bulk_items i JOIN driftdesk.discrepancies d ON d.id = i.discrepancy_id
    WHERE i.bulk_id = ${id} AND i.outcome IN ('stale', 'failed', 'skipped')
    ORDER BY i.discrepancy_id LIMIT ${limit}`;
}
