// Whether single sign-on is the only way in: decided by an admin, on the desk.
import type { Sql } from "postgres";
import { appendAudit } from "../audit/append.ts";
import type { Environment } from "../config/environment.ts";
import type { Actor, Desk } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";
import { authorise } from "./permissions.ts";

/** What it takes to know: the setting counts only where the environment names a provider. */
export interface OnlyDoor {
  sql: Sql;
  environment: Pick<Environment, "oidc">;
}

const setting = "single_sign_on_only";

/** Without a provider in the environment nobody could come in: then it does not count. */
export async function isSingleSignOnOnly(desk: OnlyDoor): Promise<boolean> {
  return desk.environment.oidc !== undefined && (await isRequired(desk.sql));
}

/** What was decided, whatever the environment says. */
export async function isRequired(sql: Sql): Promise<boolean> {
  const [row] = await sql<{ value: boolean }[]>`
    SELECT value = 'true' AS value FROM driftdesk.settings WHERE name = ${setting}`;
  return row?.value ?? false;
}

/**
 * Makes single sign-on the only way in, or opens the door for passwords again. Sessions that a password opened end at their
 * next request. Errors: `single_sign_on_missing`, `single_sign_on_untried` while no admin has come in that way.
 */
export async function requireSingleSignOn(
  desk: Pick<Desk, "sql" | "now"> & OnlyDoor,
  required: boolean,
  actor: Actor,
): Promise<void> {
  // The command line, which is the way back when the provider is gone.
  if (actor.role !== "system") authorise(actor, "manage_users");
  if (required && desk.environment.oidc === undefined)
    throw new DriftdeskError(
      "single_sign_on_missing",
      "Set OIDC_ISSUER, OIDC_CLIENT_ID and OIDC_CLIENT_SECRET first: without a provider nobody could sign in.",
      { status: 409 },
    );
  await desk.sql.begin(async (tx) => {
    if (required) {
      const [tried] = await tx`
        SELECT FROM driftdesk.users
        WHERE role = 'admin' AND deactivated_at IS NULL AND last_single_sign_on_at IS NOT NULL LIMIT 1`;
      if (!tried)
        throw new DriftdeskError(
          "single_sign_on_untried",
          "No admin has come in by single sign-on yet. Sign in that way once, so that nobody is locked out.",
          { status: 409 },
        );
    }
    // What was never decided is off.
    const changed = await tx`
      INSERT INTO driftdesk.settings AS s (name, value, changed_by, changed_at)
      SELECT ${setting}, ${tx.json(required)}, ${actor.email}, ${desk.now()}
      WHERE ${required} OR EXISTS (SELECT FROM driftdesk.settings WHERE name = ${setting})
      ON CONFLICT (name) DO UPDATE SET value = excluded.value, changed_by = excluded.changed_by, changed_at = excluded.changed_at
      WHERE s.value <> excluded.value
      RETURNING name`;
    if (changed.length === 0) return;
    const data = { to: required ? "on" : "off" };
    await appendAudit(
      tx,
      [{ actor: actor.email, action: "setting.changed", subject: "single sign-on as the only way in", data }],
      desk.now(),
    );
  });
}
