import { knownDesks } from "../accounts/known.ts";
import { type ReadEntry, readAudit } from "../audit/read.ts";
import type { Desks } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";
import { writesMoney } from "../fixes/plan.ts";
import { obstacleOf, statementFor } from "../fixes/preview.ts";
import type { DiscrepancyFilter } from "./filter.ts";
import { type DiscrepancyView, getDiscrepancy } from "./get.ts";
import { findNeighbours, type Neighbours } from "./neighbours.ts";
import type { Sort } from "./sort.ts";

export interface DiscrepancyDetails {
  discrepancy: DiscrepancyView;
  /** What applying it runs, with its values; null where no correction is known. */
  statement: string | null;
  /** Why nothing can be applied, for a person; null when something can. */
  obstacle: string | null;
  /** Whether applying it changes an amount of money, which not everybody may decide. */
  changesMoney: boolean;
  /** What happened to it, newest first. */
  history: ReadEntry[];
  neighbours: Neighbours;
}

/** The panel shows so many; the rest is in the audit log. */
const historyAtMost = 50;

/** One discrepancy with everything that its panel shows, and its place in the list that somebody came from. */
export async function discrepancyDetails(
  desk: Desks,
  request: { id: number; filter: DiscrepancyFilter; sort: Sort },
): Promise<DiscrepancyDetails> {
  const discrepancy = await getDiscrepancy(desk.sql, request.id);
  if (!discrepancy)
    throw new DriftdeskError(
      "discrepancy_unknown",
      `There is no difference with the number ${request.id}. It may be from another database.`,
      { status: 404 },
    );
  const known = await knownDesks(desk);
  const [obstacle, [judged], statement, history, neighbours] = await Promise.all([
    obstacleOf(desk, known, request.id),
    desk.sql<{ changesMoney: boolean }[]>`
      SELECT ${writesMoney(desk.sql, known)} AS "changesMoney"
      FROM driftdesk.discrepancies d WHERE d.id = ${request.id}`,
    statementFor(known, discrepancy),
    readAudit(desk.sql, { discrepancyId: request.id }, { limit: historyAtMost }),
    findNeighbours(desk.sql, { ...request, now: desk.now() }),
  ]);
  return {
    discrepancy,
    statement: obstacle === null ? statement : null,
    obstacle,
    changesMoney: judged?.changesMoney ?? false,
    history: history.entries,
    neighbours,
  };
}
