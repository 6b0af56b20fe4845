import { appendAudit } from "../audit/append.ts";
import { listed, type Schedule, underWayStates } from "../db/schema.ts";
import { type Desk, type Desks, desksOf, systemActor } from "../desk.ts";
import { nextTime, timesUntil, toleranceMs } from "./next-times.ts";
import { draftOf, scheduleColumns } from "./schedule.ts";

/**
 * Writes into the history which runs did not begin or not end in time, each due time once. To be called before what is due
 * is begun: that moves the schedule on. Due times that passed while nobody worked are one entry, with their number.
 */
export async function noticeOverdue(desks: Desks): Promise<void> {
  for (const desk of desksOf(desks)) {
    const schedules = await desk.sql<Seen[]>`
      SELECT ${scheduleColumns(desk.sql)}, r.requested_at AS "requestedAt"
      FROM driftdesk.schedules s
      LEFT JOIN driftdesk.runs r ON r.id = s.last_run_id AND r.state IN (${desk.sql.unsafe(listed(underWayStates))})
      WHERE s.account_name IS NOT DISTINCT FROM ${desk.config.account.name}
        AND (s.next_due < ${desk.now()} OR r.id IS NOT NULL)`;
    for (const schedule of schedules) {
      const overdue = notBegun(schedule, desk.now()) ?? notEnded(schedule, desk.now());
      if (overdue) await write(desk, schedule, overdue);
    }
  }
}

/** `requestedAt` is that of the last run, while it is under way. */
type Seen = Schedule & { requestedAt: Date | null };

interface Overdue {
  due: Date;
  /** The last of several, and how many. */
  last: Date;
  count: number;
  why: "not_begun" | "not_ended";
}

function notBegun(schedule: Seen, now: Date): Overdue | null {
  const { nextDue, overdueDue } = schedule;
  const told = overdueDue !== null && nextDue !== null && overdueDue >= nextDue;
  const due = told ? nextTime(schedule, overdueDue) : nextDue;
  if (due === null) return null;
  const until = new Date(now.getTime() - toleranceMs(schedule, due));
  return until < due ? null : { due, ...timesUntil(schedule, due, until), why: "not_begun" };
}

function notEnded(schedule: Seen, now: Date): Overdue | null {
  const { lastDue, overdueDue, requestedAt } = schedule;
  if (lastDue === null || requestedAt === null || (overdueDue !== null && overdueDue >= lastDue)) return null;
  // From its beginning on: what was caught up late has its time too.
  const late = now.getTime() - requestedAt.getTime() >= toleranceMs(schedule, lastDue);
  return late ? { due: lastDue, last: lastDue, count: 1, why: "not_ended" } : null;
}

async function write(desk: Desk, schedule: Seen, { due, last, count, why }: Overdue): Promise<void> {
  await desk.sql.begin(async (tx) => {
    const told = await tx<{ accountId: string | null }[]>`
      UPDATE driftdesk.schedules s SET overdue_due = ${last}
      WHERE s.id = ${schedule.id} AND s.overdue_due IS NOT DISTINCT FROM ${schedule.overdueDue}
        AND s.next_due IS NOT DISTINCT FROM ${schedule.nextDue}
      RETURNING (SELECT min(id) FROM driftdesk.accounts WHERE config_name = s.account_name) AS "accountId"`;
    if (!told[0]) return;
    const more = { due: due.toISOString(), why, ...(count > 1 && { missed: count }) };
    const draft = {
      ...draftOf(schedule, "schedule.overdue", systemActor, more),
      account_id: desk.config.account.id ?? told[0].accountId,
      run_id: why === "not_ended" ? schedule.lastRunId : null,
    };
    await appendAudit(tx, [draft], desk.now());
  });
}
