import type { Desk } from "../desk.ts";
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
export async function assess(desk: Desk, stage: Stage): Promise<Assessment> {
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
  if (missing > 100 && missing > 0.05 * Math.max(local, stripe))
    return {
      state: "suspicious",
      message: `Stripe has ${stripe} and the table ${local}; ${missingInStripe} rows are not in Stripe and ${missingLocal} objects have no row. So many at once are more likely a wrong key, filter or mapping than drift: none of them is reported. Run \`driftdesk check\`.`,
      missing: false,
      differences: true,
    };
  return { state: "done", message: null, missing: true, differences: true };
}
