// Two pairs of eyes: who may agree to what somebody else asked for, and what an approval is worth once values have changed.
import type { Sql, TransactionSql } from "postgres";
import { knownDesks } from "../accounts/known.ts";
import { appendAudit } from "../audit/append.ts";
import { authorise, can, type Permission } from "../auth/permissions.ts";
import { handsBehind, tieDays, tiedUntil } from "../auth/ties.ts";
import { type BulkAction, type Role, roles } from "../db/schema.ts";
import { transaction } from "../db/transaction.ts";
import type { Actor, Desk, Desks } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";
import { authoriseSecond, bulkColumns, getBulk, isOwn, lockBulk, lockRows } from "./bulk.ts";
import { writesMoney } from "./plan.ts";
import { undoesMoney, whyNotUndone } from "./revert-plan.ts";

/**
 * Another person agrees; then the bulk is `running` and wants `executeBulk`. Twice by the same person is once. What changed
 * while it waited is left out. Errors: `second_person_needed` for whoever asked, `second_person_tied` for whoever may be them
 * under another address, `approval_void` when everything changed.
 */
export async function approveBulk(desk: Desks, bulkId: number, actor: Actor): Promise<BulkAction> {
  const known = await knownDesks(desk);
  const left = await transaction(desk.sql, async (tx) => {
    // Before anything that a refusal could tell from.
    const person = await activePerson(tx, actor);
    authorise(person, "decide");
    const bulk = await lockBulk(tx, bulkId);
    if (bulk.approvedBy === person.email) return bulk.total;
    if (bulk.state !== "waiting")
      throw new DriftdeskError(
        "bulk_not_waiting",
        `Bulk action ${bulkId} does not wait for anybody: it is ${bulk.state}.`,
        { status: 409 },
      );
    if (await isOwn(tx, bulk, person))
      throw new DriftdeskError(
        "second_person_needed",
        "You asked for this yourself: somebody else has to agree to it.",
        { status: 403 },
      );
    authoriseSecond(person, bulk);
    await refuseTied(tx, desk, bulk, person);
    const rows = await leaveOutChanged(tx, desk, bulk);
    if (rows === 0) return 0;
    // The mapping may call amounts what it did not call so when this was asked for.
    const money = bulk.kind === "revert" ? undoesMoney(tx, known) : writesMoney(tx, known);
    const [row] = await tx<{ money: boolean }[]>`
      SELECT coalesce(bool_or(${money}), false) AS money
      FROM ${items(tx)}
      WHERE i.bulk_id = ${bulkId} AND i.outcome IS NULL`;
    authoriseSecond(person, { ...bulk, writesMoney: row?.money ?? false });
    await tx`UPDATE driftdesk.bulk_actions SET state = 'running', approved_by = ${person.email} WHERE id = ${bulkId}`;
    const data = { requestedBy: bulk.requestedBy, total: bulk.total, left: rows };
    await appendAudit(
      tx,
      [{ actor: person.email, action: "bulk.approved", bulk_id: bulkId, data }],
      desk.now(),
    );
    return rows;
  });
  if (left === 0)
    throw new DriftdeskError(
      "approval_void",
      "Everything in it has changed while it waited, so there is nothing left to agree to. Look at the new values and ask again.",
      { status: 409 },
    );
  return (await getBulk(desk.sql, bulkId)) as BulkAction;
}

/** A second person is a person: neither the system nor a token, and of this desk as it is at this moment. */
async function activePerson(tx: TransactionSql, actor: Actor): Promise<Actor> {
  const [person] = await tx<{ email: string; name: string; role: Role }[]>`
    SELECT email, name, role FROM driftdesk.users
    WHERE lower(email) = lower(${actor.email}) AND deactivated_at IS NULL
    FOR SHARE`;
  if (person && actor.role !== "system") return person;
  throw new DriftdeskError("not_allowed", `${actor.name} is not a person of this desk, who could agree.`, {
    status: 403,
  });
}

/** Not two people yet, or not for sure: one of them let the other in, or the same person let in both. */
async function refuseTied(
  tx: TransactionSql,
  desk: Pick<Desk, "now">,
  bulk: BulkAction,
  person: Actor,
): Promise<void> {
  const [tie] = await tx<{ until: Date | null }[]>`
    WITH RECURSIVE ${handsBehind(tx, desk.now())}
    SELECT ${tiedUntil(tx, requester(tx), tx`${person.email}::text`)} AS until
    FROM driftdesk.bulk_actions b WHERE b.id = ${bulk.id}`;
  if (!tie?.until) return;
  const until = `${tie.until.toISOString().slice(0, 16).replace("T", " ")} UTC`;
  throw new DriftdeskError(
    "second_person_tied",
    `Access, a role or a password went from one of you to the other, or from one person to both, within the last ${tieDays} days. Until ${until} somebody else has to agree.`,
    { status: 403 },
  );
}

/** The address of whoever asked for a bulk `b`, as it is now. */
const requester = (sql: Sql | TransactionSql) => sql`
  coalesce((SELECT u.email FROM driftdesk.users u WHERE u.id = b.requested_by_id), b.requested_by)`;

/** Leaves out of every action that waits what changed since it was asked for. One with nothing left ends. Answers how many ended. */
export async function voidChanged(desk: Pick<Desk, "sql" | "now">): Promise<number> {
  const touched = await desk.sql<{ id: number }[]>`
    SELECT DISTINCT b.id FROM ${items(desk.sql)} JOIN driftdesk.bulk_actions b ON b.id = i.bulk_id
    WHERE b.state = 'waiting' AND i.outcome IS NULL AND ${whyVoid(desk.sql)} IS NOT NULL
    ORDER BY b.id`;
  let ended = 0;
  for (const { id } of touched)
    await transaction(desk.sql, async (tx) => {
      const bulk = await lockBulk(tx, id);
      if (bulk.state === "waiting" && (await leaveOutChanged(tx, desk, bulk)) === 0) ended++;
    });
  return ended;
}

export const changedWhileWaiting =
  "Its values changed while it waited for a second person. Look again, then ask again.";

/** Items `i` with what they are about: a discrepancy `d`, and, where it is to be undone, a fix `f`. */
const items = (sql: Sql | TransactionSql) => sql`
  driftdesk.bulk_items i JOIN driftdesk.discrepancies d ON d.id = i.discrepancy_id
  LEFT JOIN driftdesk.fixes f ON f.id = i.fix_id`;

/** Why an approval would not count for an item that waits, in words; NULL when it would. */
const whyVoid = (sql: Sql | TransactionSql) => sql`
  CASE WHEN i.fix_id IS NOT NULL THEN ${whyNotUndone(sql)}
       WHEN d.version <> i.version OR d.state = 'resolved' THEN ${changedWhileWaiting}
       WHEN d.state <> 'waiting' OR d.bulk_id IS DISTINCT FROM i.bulk_id
         THEN 'Somebody decided on it while it waited for a second person.' END`;

/** The same for one that is locked. Answers how many rows are left in it. */
async function leaveOutChanged(
  tx: TransactionSql,
  desk: Pick<Desk, "now">,
  bulk: BulkAction,
): Promise<number> {
  await lockRows(tx, bulk.id);
  const out = await tx`
    UPDATE driftdesk.bulk_items b SET outcome = 'skipped', message = v.why
    FROM (SELECT i.discrepancy_id AS id, ${whyVoid(tx)} AS why FROM ${items(tx)}
          WHERE i.bulk_id = ${bulk.id} AND i.outcome IS NULL) v
    WHERE b.bulk_id = ${bulk.id} AND b.discrepancy_id = v.id AND v.why IS NOT NULL`;
  const [row] = await tx<{ left: number }[]>`
    SELECT count(*)::int AS left FROM driftdesk.bulk_items WHERE bulk_id = ${bulk.id} AND outcome IS NULL`;
  const left = row?.left ?? 0;
  if (out.count === 0) return left;
  const over = left === 0;
  const now = desk.now();
  await tx`
    UPDATE driftdesk.bulk_actions
    SET skipped = skipped + ${out.count}, state = ${over ? "cancelled" : "waiting"}, finished_at = ${over ? now : null},
        message = ${over ? "Everything in it changed while it waited for a second person. Ask again." : null}
    WHERE id = ${bulk.id}`;
  const data = { requestedBy: bulk.requestedBy, changed: out.count, left };
  await appendAudit(tx, [{ actor: "system", action: "bulk.voided", bulk_id: bulk.id, data }], now);
  return left;
}

/** A bulk that waits, as one person sees it. */
export interface Waiting {
  bulk: BulkAction;
  /** The name of whoever asked. */
  askedBy: string;
  /** Whether it is the reader's own, which somebody else has to look at. */
  own: boolean;
  /** Whether the reader may agree to it, or decline it. */
  mayApprove: boolean;
  /** How many rows are left in it: what changed meanwhile is not. */
  left: number;
  /** How many people of this desk may agree to it. */
  approvers: number;
  /**
   * Until when the reader may not agree, whose role would do: they may be the same person as whoever asked. Of the reader's
   * own: until when that holds for everybody else, where it does.
   */
  tiedUntil: Date | null;
}

/** What waits for a second person, oldest first, or the one that is asked about. */
export async function waitingBulks(
  { sql, now }: Pick<Desk, "sql" | "now">,
  reader: Actor,
  only: { bulk?: number } = {},
): Promise<Waiting[]> {
  const rows = await sql<(BulkAction & Omit<Waiting, "bulk">)[]>`
    WITH RECURSIVE ${handsBehind(sql, now())}
    SELECT ${bulkColumns(sql)}, ${isReaders(sql, reader)} AS own,
           NOT ${isReaders(sql, reader)} AND ${mayAgree(sql, reader)} AND ${readersTie(sql, reader)} IS NULL AS "mayApprove",
           coalesce((SELECT u.name FROM driftdesk.users u
                     WHERE u.id = b.requested_by_id OR lower(u.email) = lower(b.requested_by)
                     ORDER BY u.id = b.requested_by_id DESC LIMIT 1), b.requested_by) AS "askedBy",
           (SELECT count(*) FROM ${items(sql)}
            WHERE i.bulk_id = b.id AND i.outcome IS NULL AND ${whyVoid(sql)} IS NULL)::int AS left,
           others.approvers,
           CASE WHEN ${isReaders(sql, reader)} THEN CASE WHEN others.approvers = 0 THEN others.until END
                WHEN ${mayAgree(sql, reader)} THEN ${readersTie(sql, reader)} END AS "tiedUntil"
    FROM driftdesk.bulk_actions b CROSS JOIN LATERAL (
      SELECT count(*) FILTER (WHERE o.until IS NULL)::int AS approvers, min(o.until) AS until
      FROM (
        SELECT ${tiedUntil(sql, requester(sql), sql`u.email`)} AS until
        FROM driftdesk.users u
        WHERE u.deactivated_at IS NULL AND u.id IS DISTINCT FROM b.requested_by_id AND lower(u.email) <> lower(b.requested_by)
          AND u.role = ANY (CASE WHEN b.total > 1 AND b.writes_money THEN ${rolesThat("bulk", "decide_money")}::text[]
                                 WHEN b.total > 1 THEN ${rolesThat("bulk")}::text[]
                                 WHEN b.writes_money THEN ${rolesThat("decide_money")}::text[]
                                 ELSE ${rolesThat("decide")}::text[] END)
      ) o
    ) others
    WHERE b.state = 'waiting' ${only.bulk === undefined ? sql`` : sql`AND b.id = ${only.bulk}`}
    ORDER BY b.id LIMIT 100`;
  return rows.map(({ askedBy, own, mayApprove, left, approvers, tiedUntil: until, ...bulk }) => ({
    bulk,
    askedBy,
    own,
    mayApprove,
    left,
    approvers,
    tiedUntil: until,
  }));
}

/** How many wait for this person to look at them, and how many of their own wait for somebody else. */
export async function countWaiting(
  { sql, now }: Pick<Desk, "sql" | "now">,
  reader: Actor,
): Promise<{ forMe: number; mine: number }> {
  const [counts] = await sql<{ forMe: number; mine: number }[]>`
    WITH RECURSIVE ${handsBehind(sql, now())}
    SELECT count(*) FILTER (WHERE NOT ${isReaders(sql, reader)} AND ${mayAgree(sql, reader)}
                              AND ${readersTie(sql, reader)} IS NULL)::int AS "forMe",
           count(*) FILTER (WHERE ${isReaders(sql, reader)})::int AS mine
    FROM driftdesk.bulk_actions b WHERE b.state = 'waiting'`;
  return counts ?? { forMe: 0, mine: 0 };
}

const rolesThat = (...needed: Permission[]) =>
  roles.filter((role) => [...needed, "decide" as const].every((permission) => can(role, permission)));

/** As `isOwn`, of a bulk `b`. */
const isReaders = (sql: Sql, reader: Actor) => sql`
  (lower(b.requested_by) = lower(${reader.email}::text)
   OR EXISTS (SELECT FROM driftdesk.users me
              WHERE me.id = b.requested_by_id AND lower(me.email) = lower(${reader.email}::text)))`;

/** As `refuseTied`, of a bulk `b`. */
const readersTie = (sql: Sql, reader: Actor) => tiedUntil(sql, requester(sql), sql`${reader.email}::text`);

/** As `authoriseSecond`, of a bulk `b`. */
const mayAgree = (sql: Sql, { role }: Actor) => sql`
  (${can(role, "decide")} AND (b.total = 1 OR ${can(role, "bulk")}) AND (NOT b.writes_money OR ${can(role, "decide_money")}))`;
