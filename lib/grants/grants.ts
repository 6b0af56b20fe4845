// The SQL that makes a role which may do what Driftdesk does, and nothing else.
import type { Sql } from "postgres";
import type { Configuration } from "../config/resource.ts";
import { DriftdeskError } from "../errors.ts";
import { quoteName } from "../local/catalog.ts";
import { dollarQuoted, quoteLiteral } from "../local/render.ts";
import { localGrants } from "./local.ts";
import { ownGrants } from "./own.ts";

/** Postgres cuts longer names. */
const longestName = 63;

/** What a role works on: Driftdesk's own tables, the user's as the config maps them, or both in one database. */
export type Granted = "own" | { local: Sql; config: Configuration };

/**
 * A script for a superuser, or for the owner of the tables who may make roles. It can be run any number of times, before
 * and after each change of the mapping; all of it happens, or nothing. No password is in it.
 */
export async function grantsFor(role: string, granted: readonly Granted[]): Promise<string> {
  if (role === "" || Buffer.byteLength(role) > longestName || role.includes("\0"))
    throw new DriftdeskError(
      "role_invalid",
      `A role's name has up to ${longestName} bytes. Give a shorter one.`,
    );
  const parts = granted.map((on) =>
    on === "own" ? ownGrants(role) : localGrants(on.local, on.config, role),
  );
  return `${["BEGIN;", roleSql(role), ...(await Promise.all(parts)), "COMMIT;"].join("\n\n")}\n`;
}

function roleSql(role: string): string {
  const make = `
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = ${quoteLiteral(role)}) THEN
    CREATE ROLE ${quoteName(role)} LOGIN;
  END IF;
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), ${quoteLiteral(role)});
END
`;
  return `-- It has no password yet. In psql: \\password ${quoteName(role)}
DO ${dollarQuoted(make)};`;
}
