import type { Sql } from "postgres";
import type { Environment } from "./config/environment.ts";
import type { Config } from "./config/resource.ts";
import type { StripeReader } from "./stripe/reader.ts";

/** Everything that one process needs, opened once and closed once. Clock and randomness are in here so that tests can set them. */
export interface Desk {
  environment: Environment;
  config: Config;
  /** Driftdesk's own tables. */
  sql: Sql;
  /** The user's tables; the same connection pool as `sql` when both are one database. */
  local: Sql;
  stripe: StripeReader;
  now: () => Date;
  random: () => number;
}

/** Who does something. `email` stands in the audit log; policies and the system have names instead of addresses. */
export interface Actor {
  email: string;
  name: string;
  role: "viewer" | "support" | "finance" | "admin" | "system";
}
export const systemActor: Actor = { email: "system", name: "Driftdesk", role: "system" };
