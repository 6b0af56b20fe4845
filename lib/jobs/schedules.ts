import type { RunState, Schedule } from "../db/schema.ts";
import { type Desks, desksOf } from "../desk.ts";
import { toleranceMs } from "./next-times.ts";
import { scheduleColumns } from "./schedule.ts";

export interface ScheduleView extends Schedule {
  /** Of the last run. */
  lastState: RunState | null;
  /** The config has it, with other values. */
  differs: boolean;
  /** It was due so long ago that somebody should look. */
  late: boolean;
}

/** What runs when, of the accounts that the config has; what is due first comes first. */
export async function listSchedules(desks: Desks): Promise<ScheduleView[]> {
  const names = desksOf(desks).map(({ config }) => config.account.name ?? "");
  const rows = await desks.sql<(Schedule & { lastState: RunState | null })[]>`
    SELECT ${scheduleColumns(desks.sql)}, r.state AS "lastState"
    FROM driftdesk.schedules s
    LEFT JOIN driftdesk.runs r ON r.id = s.last_run_id
    WHERE coalesce(s.account_name, '') = ANY (${names})
    ORDER BY s.next_due NULLS LAST, s.id`;
  const now = desks.now().getTime();
  return rows.map((row) => ({
    ...row,
    differs: differs(row),
    late: row.nextDue !== null && row.nextDue.getTime() + toleranceMs(row, row.nextDue) < now,
  }));
}

const differs = (row: Schedule) =>
  row.configCron !== null &&
  (row.configCron !== row.cron || row.configMode !== row.mode || row.configTimeZone !== row.timeZone);
