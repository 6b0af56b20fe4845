import type { TransactionSql } from "postgres";
import { appendAudit } from "../audit/append.ts";
import type { Schedule } from "../db/schema.ts";
import { type Desks, desksOf, systemActor } from "../desk.ts";
import { nextTime, type Timing } from "./next-times.ts";
import { draftOf, type Entry, scheduleColumns } from "./schedule.ts";

type Wanted = Entry & { configKey: string };

/**
 * Makes the stored schedules those of the config. What an admin changed stays as it is, and knows what the config says by now;
 * what the config no longer has goes, unless an admin changed it.
 */
export async function keepSchedules(desk: Desks): Promise<void> {
  const wanted = wantedBy(desk);
  await desk.sql.begin(async (tx) => {
    // One process after the other: each compares with what the one before has written.
    await tx`LOCK TABLE driftdesk.schedules IN SHARE ROW EXCLUSIVE MODE`;
    const stored = await tx<Schedule[]>`
      SELECT ${scheduleColumns(tx)} FROM driftdesk.schedules s WHERE s.config_key IS NOT NULL`;
    const nameOf = (one: Pick<Schedule, "accountName" | "configKey">) =>
      JSON.stringify([one.accountName, one.configKey]);
    const known = new Map(stored.map((one) => [nameOf(one), one]));
    const now = desk.now();
    // What a desk begins with is nobody's change.
    const isFirst = stored.length === 0;
    // A handful of rows, at a start only.
    for (const entry of wanted) {
      const row = known.get(nameOf(entry));
      known.delete(nameOf(entry));
      if (row) await follow(tx, row, entry, now);
      else await add(tx, entry, now, isFirst);
    }
    for (const row of known.values()) await leave(tx, row, now);
  });
}

/** Each account's, by mode and place: entries of a config have no names. */
function wantedBy(desk: Desks): Wanted[] {
  return desksOf(desk).flatMap(({ config }) => {
    const counts = { full: 0, incremental: 0 };
    return config.schedule.map((entry) => {
      counts[entry.mode] += 1;
      const configKey = `${entry.mode} ${counts[entry.mode]}`;
      return { ...entry, accountName: config.account.name, configKey };
    });
  });
}

const byConfig = { by: "config" };

async function add(tx: TransactionSql, entry: Wanted, now: Date, isFirst: boolean): Promise<void> {
  const { accountName, configKey, cron, mode, timeZone } = entry;
  await tx`
    INSERT INTO driftdesk.schedules
      (account_name, config_key, cron, mode, time_zone, config_cron, config_mode, config_time_zone, next_due)
    VALUES (${accountName}, ${configKey}, ${cron}, ${mode}, ${timeZone}, ${cron}, ${mode}, ${timeZone},
            ${nextTime(entry, now)})`;
  if (!isFirst) await appendAudit(tx, [draftOf(entry, "schedule.added", systemActor, byConfig)], now);
}

async function follow(tx: TransactionSql, row: Schedule, entry: Wanted, now: Date): Promise<void> {
  const { cron, mode, timeZone } = entry;
  const asConfigured = { cron: row.configCron, mode: row.configMode, timeZone: row.configTimeZone };
  if (isSame(asConfigured, entry)) return;
  await tx`
    UPDATE driftdesk.schedules
    SET config_cron = ${cron}, config_mode = ${mode}, config_time_zone = ${timeZone} WHERE id = ${row.id}`;
  if (!isSame(asConfigured, row) || isSame(row, entry)) return;
  await tx`
    UPDATE driftdesk.schedules
    SET cron = ${cron}, mode = ${mode}, time_zone = ${timeZone}, waits_for = NULL,
        next_due = CASE WHEN paused_at IS NULL THEN ${nextTime(entry, now)}::timestamptz END
    WHERE id = ${row.id}`;
  await appendAudit(tx, [draftOf(entry, "schedule.changed", systemActor, byConfig, row)], now);
}

async function leave(tx: TransactionSql, row: Schedule, now: Date): Promise<void> {
  if (row.configCron === null) return;
  if (!isSame({ cron: row.configCron, mode: row.configMode, timeZone: row.configTimeZone }, row)) {
    await tx`
      UPDATE driftdesk.schedules SET config_cron = NULL, config_mode = NULL, config_time_zone = NULL
      WHERE id = ${row.id}`;
    return;
  }
  await tx`DELETE FROM driftdesk.schedules WHERE id = ${row.id}`;
  await appendAudit(tx, [draftOf(row, "schedule.removed", systemActor, byConfig)], now);
}

type Loose = { [Name in keyof Timing]: string | null } & { mode: string | null };
const isSame = (a: Loose, b: Loose) => a.cron === b.cron && a.mode === b.mode && a.timeZone === b.timeZone;
