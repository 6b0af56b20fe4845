import { type KnownDesk, knownDesks } from "../accounts/known.ts";
import { type ReadEntry, readAudit } from "../audit/read.ts";
import type { Actor, Desks } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";
import { writesMoney } from "../fixes/plan.ts";
import { obstacleOf, statementFor } from "../fixes/preview.ts";
import { undoesMoney, whyNotUndone } from "../fixes/revert-plan.ts";
import { changedWhileWaiting } from "../fixes/second-person.ts";
import type { DiscrepancyFilter } from "./filter.ts";
import { type DiscrepancyView, getDiscrepancy } from "./get.ts";
import { findNeighbours, type Neighbours } from "./neighbours.ts";
import type { Sort } from "./sort.ts";
import { type WaitingBulk, waitingForSecond } from "./waiting.ts";

export interface LastAsked {
  at: Date;
  askedBy: string;
  /** Why nothing was written: declined, taken back, or other values meanwhile. */
  message: string;
}

export interface DiscrepancyDetails {
  discrepancy: DiscrepancyView;
  /** What applying it runs, with its values; null where no correction is known. */
  statement: string | null;
  /** Why nothing can be applied, for a person; null when something can. */
  obstacle: string | null;
  /** Whether applying it changes an amount of money, which not everybody may decide. */
  changesMoney: boolean;
  /** The action that waits for a second person with it; null when none does. */
  waiting: WaitingBulk | null;
  /** The last request for its correction that nothing came of, while it is open again; null when there is none. */
  lastAsked: LastAsked | null;
  /** The correction that it is fixed by; null when it is not. */
  fix: LastFix | null;
  /** What happened to it, newest first. */
  history: ReadEntry[];
  neighbours: Neighbours;
}

export interface LastFix {
  id: number;
  /** Why it cannot be undone, for a person; null when it can be. */
  obstacle: string | null;
  /** Whether undoing it changes an amount of money. */
  changesMoney: boolean;
}

/** The panel shows so many; the rest is in the audit log. */
const historyAtMost = 50;

/** One discrepancy with everything that its panel shows, and its place in the list that somebody came from. */
export async function discrepancyDetails(
  desk: Desks,
  request: { id: number; filter: DiscrepancyFilter; sort: Sort; reader: Actor },
): Promise<DiscrepancyDetails> {
  const discrepancy = await getDiscrepancy(desk.sql, request.id);
  if (!discrepancy)
    throw new DriftdeskError(
      "discrepancy_unknown",
      `There is no difference with the number ${request.id}. It may be from another database.`,
      { status: 404 },
    );
  const known = await knownDesks(desk);
  const waits = discrepancy.state === "waiting" && discrepancy.bulkId !== null;
  const [obstacle, [judged], statement, history, neighbours, waiting, asked, fix] = await Promise.all([
    obstacleOf(desk, known, request.id),
    desk.sql<{ changesMoney: boolean }[]>`
      SELECT ${writesMoney(desk.sql, known)} AS "changesMoney"
      FROM driftdesk.discrepancies d WHERE d.id = ${request.id}`,
    statementFor(known, discrepancy),
    readAudit(desk.sql, { discrepancyId: request.id }, { limit: historyAtMost }),
    findNeighbours(desk.sql, { ...request, now: desk.now() }),
    waits ? waitingForSecond(desk, request.reader, { bulk: discrepancy.bulkId as number }) : [],
    lastAsked(desk, request.id),
    lastFix(desk, known, request.id),
  ]);
  return {
    discrepancy,
    statement: obstacle === null ? statement : null,
    obstacle,
    changesMoney: judged?.changesMoney ?? false,
    waiting: waiting[0] ?? null,
    lastAsked: asked,
    fix,
    history: history.entries,
    neighbours,
  };
}

/** What became of the last time that somebody had to be asked about it, where nothing came of it. */
async function lastAsked({ sql }: Desks, id: number): Promise<LastAsked | null> {
  const [asked] = await sql<LastAsked[]>`
    SELECT a.at, coalesce((SELECT u.name FROM driftdesk.users u WHERE lower(u.email) = lower(a.actor)), a.actor) AS "askedBy",
           coalesce(i.message, ${changedWhileWaiting}) AS message
    FROM driftdesk.discrepancies d
    CROSS JOIN LATERAL (
      SELECT e.at, e.actor, e.bulk_id FROM driftdesk.audit_entries e
      WHERE e.discrepancy_id = d.id AND e.action = 'discrepancy.approved' ORDER BY e.seq DESC LIMIT 1
    ) a
    JOIN driftdesk.bulk_items i ON i.bulk_id = a.bulk_id AND i.discrepancy_id = d.id
    WHERE d.id = ${id} AND d.state = 'open'
      AND (i.outcome = 'skipped' OR i.outcome IS NULL AND d.version <> i.version)`;
  return asked ?? null;
}

async function lastFix({ sql }: Desks, known: readonly KnownDesk[], id: number): Promise<LastFix | null> {
  const [fix] = await sql<LastFix[]>`
    SELECT f.id, ${whyNotUndone(sql)} AS obstacle, ${undoesMoney(sql, known)} AS "changesMoney"
    FROM driftdesk.fixes f JOIN driftdesk.discrepancies d ON d.id = f.discrepancy_id
    WHERE d.id = ${id} AND d.state = 'fixed' AND f.state = 'applied' AND f.action <> 'revert'
    ORDER BY f.id DESC LIMIT 1`;
  return fix ?? null;
}
