import type { Sql, TransactionSql } from "postgres";
import type { AuditAction, AuditDraft } from "../audit/append.ts";
import type { Schedule } from "../db/schema.ts";
import type { Actor } from "../desk.ts";
import { timingWords } from "./cron-words.ts";

/** What a schedule says: of which account, when, and which kind of run. */
export type Entry = Pick<Schedule, "accountName" | "cron" | "mode" | "timeZone">;

export const scheduleColumns = (sql: Sql | TransactionSql) => sql`
  s.id, s.account_name AS "accountName", s.config_key AS "configKey", s.cron, s.mode, s.time_zone AS "timeZone",
  s.config_cron AS "configCron", s.config_mode AS "configMode", s.config_time_zone AS "configTimeZone",
  s.paused_at AS "pausedAt", s.paused_by AS "pausedBy", s.changed_at AS "changedAt", s.changed_by AS "changedBy",
  s.next_due AS "nextDue", s.last_due AS "lastDue", s.last_run_id AS "lastRunId", s.last_missed AS "lastMissed",
  s.skipped_due AS "skippedDue", s.skipped_run_id AS "skippedRunId", s.waits_for AS "waitsFor",
  s.overdue_due AS "overdueDue"`;

/** An entry of the history about a schedule; `before` makes it one about a change. */
export function draftOf(
  entry: Entry,
  action: AuditAction,
  actor: Actor,
  more: Record<string, unknown> = {},
  before?: Entry,
): AuditDraft {
  const { accountName, mode, cron, timeZone } = entry;
  const data = {
    schedule: timingWords(entry),
    mode,
    cron,
    timeZone,
    ...(accountName !== null && { account: accountName }),
    ...(before && { fields: changesOf(before, entry) }),
    ...more,
  };
  const subject = `${before?.mode ?? mode} run ${timingWords(before ?? entry)}${accountName === null ? "" : ` of ${accountName}`}`;
  return { actor: actor.email, action, subject, data };
}

const changesOf = (before: Entry, after: Entry) =>
  (
    [
      ["when", timingWords(before), timingWords(after)],
      ["mode", before.mode, after.mode],
    ] as const
  ).flatMap(([name, from, to]) => (from === to ? [] : [{ name, before: from, after: to }]));
