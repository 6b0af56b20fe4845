import type { Scope } from "../db/schema.ts";
import type { Desk } from "../desk.ts";
import { cursorOf } from "./scope.ts";
import type { Stage } from "./staging.ts";

export interface Assessment {
  state: "done" | "incomplete" | "suspicious";
  message: string | null;
  /** Whether rows that one side lacks may be believed. */
  missing: boolean;
  /** Whether anything may be believed. */
  differences: boolean;
}

/** Decides how much of what was read may be believed. */
export async function assess(desk: Desk, stage: Stage, scope: Scope): Promise<Assessment> {
  return scope.mode === "full" ? assessEverything(desk, stage) : assessTouched(desk, stage, scope);
}

async function assessEverything(desk: Desk, stage: Stage): Promise<Assessment> {
  const [windows] = await desk.sql<{ unreadable: number; message: string | null }[]>`
    SELECT count(*)::int AS unreadable, min(message) AS message FROM driftdesk.windows
    WHERE run_id = ${stage.runId} AND resource = ${stage.resource.name} AND state = 'unreadable'`;
  if (windows && windows.unreadable > 0)
    return {
      state: "incomplete",
      message: `${windows.unreadable} ${windows.unreadable === 1 ? "part" : "parts"} of Stripe's list could not be read: ${windows.message} Nothing is reported missing on this account.`,
      missing: false,
      // Which of a customer's several objects counts cannot be told while some are unread.
      differences: stage.resource.match.by === "id",
    };
  return (await suspicion(desk, stage, 0)) ?? believed;
}

async function assessTouched(desk: Desk, stage: Stage, { mode }: Scope): Promise<Assessment> {
  const [unread] = await desk.sql.unsafe<{ lists: number; records: number; message: string | null }[]>(
    `SELECT (SELECT count(*)::int FROM driftdesk.event_lists l
             WHERE l.run_id = $1 AND l.resource = $2 AND l.state <> 'done') AS lists,
            (SELECT count(*)::int FROM ${stage.asked} WHERE state <> 'done') AS records,
            coalesce((SELECT min(message) FROM driftdesk.event_lists l WHERE l.run_id = $1 AND l.resource = $2),
                     (SELECT min(message) FROM ${stage.asked})) AS message`,
    [stage.runId, stage.resource.name],
  );
  if (unread && unread.lists + unread.records > 0) {
    const what = [
      ...(unread.lists > 0 ? ["Stripe's list of what changed"] : []),
      ...(unread.records > 0 ? [unread.records === 1 ? "1 record" : `${unread.records} records`] : []),
    ].join(" and ");
    return {
      state: "incomplete",
      message: `${what} could not be read: ${unread.message} Nothing is reported missing on this account, and the next run begins where this one did.`,
      missing: false,
      // Who else has an address may be among what was not read.
      differences: stage.resource.match.by !== "customerEmail" || unread.records === 0,
    };
  }
  // Somebody asked about just these, and looks at the answer.
  if (mode === "targets") return believed;
  return (await suspicion(desk, stage, (await cursorOf(desk.sql, stage))?.size ?? 0)) ?? believed;
}

export const believed: Assessment = { state: "done", message: null, missing: true, differences: true };

/** Whether too much is on one side only to be drift, measured by all that there is: `size` when it is known. */
async function suspicion(desk: Desk, stage: Stage, size: number): Promise<Assessment | null> {
  const [counts] = await desk.sql.unsafe<
    { local: number; stripe: number; missingLocal: number; missingInStripe: number }[]
  >(`
    SELECT (SELECT count(*)::int FROM ${stage.local}) AS local,
           (SELECT count(*)::int FROM ${stage.expected}) AS stripe,
           count(*) FILTER (WHERE kind = 'missing_local')::int AS "missingLocal",
           count(*) FILTER (WHERE kind = 'missing_in_stripe')::int AS "missingInStripe"
    FROM ${stage.candidates}`);
  const { local, stripe, missingLocal, missingInStripe } = counts ?? {
    local: 0,
    stripe: 0,
    missingLocal: 0,
    missingInStripe: 0,
  };
  const missing = missingLocal + missingInStripe;
  if (isTooMuchMissing(missing, Math.max(local, stripe, size)))
    return {
      state: "suspicious",
      message: `${size > 0 ? `Of what changed Stripe has ${stripe} and the table ${local}` : `Stripe has ${stripe} and the table ${local}`}; ${missingInStripe} rows are not in Stripe and ${missingLocal} objects have no row. So many at once are more likely a wrong key, filter or mapping than drift: none of them is reported. Run \`driftdesk check\`.`,
      missing: false,
      differences: true,
    };
  return null;
}

/** So many of so much are more likely a wrong key, file or mapping than drift. */
export const isTooMuchMissing = (missing: number, of: number): boolean =>
  missing > 100 && missing > 0.05 * of;
