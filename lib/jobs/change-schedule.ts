import type { TransactionSql } from "postgres";
import type { z } from "zod";
import { desksNamed } from "../accounts/known.ts";
import { type AuditAction, appendAudit } from "../audit/append.ts";
import { authorise } from "../auth/permissions.ts";
import { timing } from "../config/schedule.ts";
import type { Schedule } from "../db/schema.ts";
import { type Actor, type Desks, desksOf } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";
import { type RequestedRun, requestRun } from "../reconcile/runs.ts";
import { nextTime } from "./next-times.ts";
import { draftOf, type Entry, scheduleColumns } from "./schedule.ts";

export type TimingInput = z.input<typeof timing>;

/** Adds one to the config's. `account` is a name of the config's; null where it has one account without a name. */
export async function addSchedule(
  desk: Desks,
  given: TimingInput & { account: string | null },
  actor: Actor,
): Promise<void> {
  authorise(actor, "manage_schedules");
  const { account, ...wanted } = given;
  const [{ config }, ...others] = desksNamed(desk, account ?? undefined);
  if (others.length > 0)
    throw new DriftdeskError("account_unknown", "Say which account the schedule is for.", { status: 400 });
  const entry = { ...checked(wanted), accountName: config.account.name };
  const now = desk.now();
  await desk.sql.begin(async (tx) => {
    const { accountName, cron, mode, timeZone } = entry;
    await tx`
      INSERT INTO driftdesk.schedules (account_name, cron, mode, time_zone, changed_at, changed_by, next_due)
      VALUES (${accountName}, ${cron}, ${mode}, ${timeZone}, ${now}, ${actor.email}, ${nextTime(entry, now)})`;
    await appendAudit(tx, [draftOf(entry, "schedule.added", actor)], now);
  });
}

/** What was due and has not begun yet is left out: the new time counts from now on. */
export async function changeSchedule(
  desk: Desks,
  id: number,
  given: TimingInput,
  actor: Actor,
): Promise<void> {
  const wanted = checked(given);
  await change(desk, id, actor, (tx, row) => retime(tx, desk, row, wanted, actor));
}

/** Makes it what the config says again. */
export async function resetSchedule(desk: Desks, id: number, actor: Actor): Promise<void> {
  await change(desk, id, actor, (tx, row) => {
    const { configCron: cron, configMode: mode, configTimeZone: timeZone } = row;
    if (cron === null || mode === null || timeZone === null)
      throw new DriftdeskError(
        "schedule_not_configured",
        "The config has no such schedule: remove it instead.",
        {
          status: 409,
        },
      );
    return retime(tx, desk, row, { cron, mode, timeZone }, actor);
  });
}

/** Nothing is caught up later of what was due while it was paused. */
export async function pauseSchedule(desk: Desks, id: number, actor: Actor): Promise<void> {
  await change(desk, id, actor, async (tx, row) => {
    if (row.pausedAt !== null) return;
    await tx`
      UPDATE driftdesk.schedules
      SET paused_at = ${desk.now()}, paused_by = ${actor.email}, next_due = NULL, waits_for = NULL
      WHERE id = ${id}`;
    await note(tx, desk, row, "schedule.paused", actor);
  });
}

export async function resumeSchedule(desk: Desks, id: number, actor: Actor): Promise<void> {
  await change(desk, id, actor, async (tx, row) => {
    if (row.pausedAt === null) return;
    await tx`
      UPDATE driftdesk.schedules
      SET paused_at = NULL, paused_by = NULL, next_due = ${nextTime(row, desk.now())} WHERE id = ${id}`;
    await note(tx, desk, row, "schedule.resumed", actor);
  });
}

/** Of what the config does not have: that one would come back with the next start. */
export async function removeSchedule(desk: Desks, id: number, actor: Actor): Promise<void> {
  await change(desk, id, actor, async (tx, row) => {
    if (row.configCron !== null)
      throw new DriftdeskError(
        "schedule_configured",
        "This schedule stands in the config: pause it, or take it out there.",
        { status: 409 },
      );
    await tx`DELETE FROM driftdesk.schedules WHERE id = ${id}`;
    await note(tx, desk, row, "schedule.removed", actor);
  });
}

/** Asks for such a run now, beside the schedule: its next time stays. */
export async function runSchedule(desk: Desks, id: number, actor: Actor): Promise<RequestedRun> {
  authorise(actor, "run");
  const [row] = await desk.sql<Schedule[]>`
    SELECT ${scheduleColumns(desk.sql)} FROM driftdesk.schedules s WHERE s.id = ${id}`;
  const of = desksOf(desk).find(({ config }) => config.account.name === row?.accountName);
  if (!row || !of) throw gone();
  return requestRun(of, { mode: row.mode, trigger: "person", actor });
}

async function change(
  desk: Desks,
  id: number,
  actor: Actor,
  work: (tx: TransactionSql, row: Schedule) => Promise<void>,
): Promise<void> {
  authorise(actor, "manage_schedules");
  await desk.sql.begin(async (tx) => {
    const [row] = await tx<Schedule[]>`
      SELECT ${scheduleColumns(tx)} FROM driftdesk.schedules s WHERE s.id = ${id} FOR UPDATE`;
    if (!row) throw gone();
    await work(tx, row);
  });
}

type Checked = Omit<Entry, "accountName">;

async function retime(
  tx: TransactionSql,
  desk: Desks,
  row: Schedule,
  wanted: Checked,
  actor: Actor,
): Promise<void> {
  const { cron, mode, timeZone } = wanted;
  if (row.cron === cron && row.mode === mode && row.timeZone === timeZone) return;
  const now = desk.now();
  const next = row.pausedAt === null ? nextTime(wanted, now) : null;
  await tx`
    UPDATE driftdesk.schedules
    SET cron = ${cron}, mode = ${mode}, time_zone = ${timeZone}, next_due = ${next}, waits_for = NULL,
        changed_at = ${now}, changed_by = ${actor.email}
    WHERE id = ${row.id}`;
  const entry = { accountName: row.accountName, ...wanted };
  await appendAudit(tx, [draftOf(entry, "schedule.changed", actor, {}, row)], now);
}

function checked(given: TimingInput): Checked {
  const parsed = timing.safeParse(given);
  if (parsed.success) return { ...parsed.data, cron: parsed.data.cron.trim().replace(/\s+/g, " ") };
  throw new DriftdeskError("schedule_invalid", parsed.error.issues.map(inWords).join(" "), { status: 400 });
}

const names: Record<string, string> = {
  cron: "The time",
  timeZone: "The time zone",
  mode: "The kind of run",
};

function inWords({ path, message }: z.core.$ZodIssue): string {
  const name = names[String(path[0])] ?? "The schedule";
  return `${name}: ${message}.`;
}

const note = (tx: TransactionSql, desk: Desks, row: Schedule, action: AuditAction, actor: Actor) =>
  appendAudit(tx, [draftOf(row, action, actor)], desk.now());

const gone = () =>
  new DriftdeskError("schedule_gone", "There is no such schedule any more. Reload the page.", {
    status: 404,
  });
