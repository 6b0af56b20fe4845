import type { TransactionSql } from "postgres";
import type { Schedule } from "../db/schema.ts";
import { type Desk, type Desks, desksOf, systemActor } from "../desk.ts";
import { type RunView, requestRun } from "../reconcile/runs.ts";
import { nextTime, timesUntil } from "./next-times.ts";
import { scheduleColumns } from "./schedule.ts";

/**
 * Asks for the runs that are due, and answers their ids. What was due several times while nobody looked is one run. The
 * run and the schedule's next time are written together: another worker that sees the same finds nothing left.
 */
export async function beginDue(desks: Desks): Promise<number[]> {
  const begun: number[] = [];
  for (const desk of desksOf(desks))
    for (const schedule of await dueOf(desk)) begun.push(...(await begin(desk, schedule)));
  return begun;
}

type Due = Schedule & { nextDue: Date };

/** An incremental run that is due together with a full one has nothing to add to it. */
function dueOf(desk: Desk): Promise<Due[]> {
  return desk.sql<Due[]>`
    SELECT ${scheduleColumns(desk.sql)}
    FROM driftdesk.schedules s
    WHERE s.next_due <= ${desk.now()} AND s.account_name IS NOT DISTINCT FROM ${desk.config.account.name}
    ORDER BY s.mode = 'full' DESC, s.next_due`;
}

/** Thrown to take everything back: another worker was faster, or somebody changed the schedule. */
class Gone extends Error {}

async function begin(desk: Desk, schedule: Due): Promise<number[]> {
  const now = desk.now();
  const due = timesUntil(schedule, schedule.nextDue, now);
  const next = nextTime(schedule, now);
  const within = async (tx: TransactionSql, runId: number) => {
    const taken = await tx`
      UPDATE driftdesk.schedules
      SET next_due = ${next}, last_due = ${due.last}, last_run_id = ${runId}, last_missed = ${due.count - 1},
          waits_for = NULL
      WHERE id = ${schedule.id} AND next_due = ${schedule.nextDue} RETURNING id`;
    if (taken.length === 0) throw new Gone();
  };
  const { mode } = schedule;
  try {
    const { run, alreadyRunning } = await requestRun(desk, {
      mode,
      trigger: "schedule",
      actor: systemActor,
      within,
    });
    if (!alreadyRunning) return [run.id];
    if (covers(run, schedule)) await skip(desk, schedule, { due: due.last, next, runId: run.id });
    else await waitFor(desk, schedule, run.id);
  } catch (error) {
    if (!(error instanceof Gone)) throw error;
  }
  return [];
}

/** Whether the run under way does for what is due: an incremental one finds later what it did not find now. */
const covers = (run: RunView, { mode }: Schedule) =>
  mode === "incremental" || (run.mode === "full" && run.onlyResources === null);

async function skip(
  desk: Desk,
  schedule: Due,
  { due, next, runId }: { due: Date; next: Date | null; runId: number },
): Promise<void> {
  await desk.sql`
    UPDATE driftdesk.schedules
    SET next_due = ${next}, skipped_due = ${due}, skipped_run_id = ${runId}, waits_for = NULL
    WHERE id = ${schedule.id} AND next_due = ${schedule.nextDue}`;
}

async function waitFor(desk: Desk, { id, nextDue, waitsFor }: Due, runId: number): Promise<void> {
  if (waitsFor === runId) return;
  await desk.sql`
    UPDATE driftdesk.schedules SET waits_for = ${runId} WHERE id = ${id} AND next_due = ${nextDue}`;
}
