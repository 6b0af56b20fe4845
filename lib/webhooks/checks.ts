// The queue of what webhooks named. What is taken is kept from others for as long as its process lives; what changes
// meanwhile is looked at anew.
import { randomUUID } from "node:crypto";
import type { TransactionSql } from "postgres";
import type { WebhookCheck } from "../db/schema.ts";
import type { Desk } from "../desk.ts";

export type TakenCheck = Pick<WebhookCheck, "resource" | "kind" | "id" | "events">;

export interface Taken {
  accountId: string;
  holder: string;
  checks: TakenCheck[];
}

/** As many as a targeted run reads in less than a minute. */
const atOnce = 500;
/** How long a killed process keeps what it has to itself; one that lives renews it. */
const takenMs = 60_000;
const firstPauseMs = 30_000;
const longestPauseMs = 3_600_000;

type Queue = Pick<Desk, "sql" | "now">;

/** Accounts that have something due. */
export async function accountsDue({ sql, now }: Queue): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    SELECT DISTINCT account_id AS id FROM driftdesk.webhook_checks WHERE due_at <= ${now()} ORDER BY 1`;
  return rows.map((row) => row.id);
}

/**
 * Takes what is due of an account, unless somebody is at it already, or its last run of this kind was requested less than
 * the grace ago: what goes wrong all the time is gathered, and not a run each.
 */
export async function takeDue({ sql, now, config }: Desk, accountId: string): Promise<Taken> {
  const holder = randomUUID();
  const at = now();
  const checks = await sql.begin(async (tx) => {
    await tx`SELECT pg_advisory_xact_lock(hashtextextended(${`driftdesk webhook checks ${accountId}`}, 0))`;
    return tx<TakenCheck[]>`
      UPDATE driftdesk.webhook_checks c
      SET taken_by = ${holder}, taken_until = ${until(at, takenMs)}, attempts = c.attempts + 1
      FROM (
        SELECT account_id, resource, kind, id FROM driftdesk.webhook_checks
        WHERE account_id = ${accountId} AND due_at <= ${at}
        ORDER BY due_at LIMIT ${atOnce}
        FOR UPDATE
      ) d
      WHERE (c.account_id, c.resource, c.kind, c.id) = (d.account_id, d.resource, d.kind, d.id)
        AND NOT EXISTS (
          SELECT FROM driftdesk.webhook_checks t WHERE t.account_id = ${accountId} AND t.taken_until > ${at})
        AND NOT EXISTS (
          SELECT FROM driftdesk.runs r
          WHERE r.trigger = 'webhook' AND r.account_name IS NOT DISTINCT FROM ${config.account.name}
            AND r.requested_at > ${until(at, -config.webhooks.graceMs)})
      RETURNING c.resource, c.kind, c.id, c.events`;
  });
  return { accountId, holder, checks: [...checks] };
}

/** Keeps what was taken from others for as long as `work` goes on. */
export async function whileTaken<T>({ sql, now }: Queue, taken: Taken, work: () => Promise<T>): Promise<T> {
  const renewing = setInterval(() => {
    void sql`
      UPDATE driftdesk.webhook_checks SET taken_until = ${until(now(), takenMs)}
      WHERE account_id = ${taken.accountId} AND taken_by = ${taken.holder}`.catch(() => {});
  }, takenMs / 3);
  try {
    return await work();
  } finally {
    clearInterval(renewing);
  }
}

/** Takes what was looked at off the queue; answers false when another process has it by now. What came meanwhile stays. */
export async function settle(
  tx: TransactionSql | Desk["sql"],
  { accountId, holder }: Taken,
  checks: readonly TakenCheck[],
): Promise<boolean> {
  const settled = await tx`
    WITH looked AS (
      SELECT * FROM unnest(
        ${checks.map((one) => one.resource)}::text[], ${checks.map((one) => one.kind)}::text[],
        ${checks.map((one) => one.id)}::text[], ${checks.map((one) => one.events)}::int[]
      ) AS l (resource, kind, id, events)
    ), gone AS (
      DELETE FROM driftdesk.webhook_checks c USING looked l
      WHERE c.account_id = ${accountId} AND c.taken_by = ${holder} AND c.events = l.events
        AND (c.resource, c.kind, c.id) = (l.resource, l.kind, l.id)
      RETURNING c.id
    ), left_over AS (
      UPDATE driftdesk.webhook_checks c SET taken_by = NULL, taken_until = NULL, attempts = 0
      FROM looked l
      WHERE c.account_id = ${accountId} AND c.taken_by = ${holder} AND c.events <> l.events
        AND (c.resource, c.kind, c.id) = (l.resource, l.kind, l.id)
      RETURNING c.id
    )
    SELECT id FROM gone UNION ALL SELECT id FROM left_over`;
  return settled.length === checks.length;
}

/** Gives everything back that was not settled: at once, or, when it could not be looked at, later and later. */
export async function giveBack(
  { sql, now }: Queue,
  { accountId, holder }: Taken,
  { later }: { later: boolean },
): Promise<void> {
  const at = now();
  await sql`
    UPDATE driftdesk.webhook_checks
    SET taken_by = NULL, taken_until = NULL,
        attempts = ${later ? sql`attempts` : sql`attempts - 1`},
        due_at = ${
          later
            ? sql`${at}::timestamptz + least(${longestPauseMs}, ${firstPauseMs} * 2 ^ least(attempts - 1, 20)) * interval '1 millisecond'`
            : sql`due_at`
        }
    WHERE account_id = ${accountId} AND taken_by = ${holder}`;
}

const until = (at: Date, ms: number) => new Date(at.getTime() + ms);
