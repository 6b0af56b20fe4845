import type { Logger } from "pino";
import type { Sql } from "postgres";
import { type Environment, readEnvironment, readRecordsEnvironment } from "./config/environment.ts";
import { loadConfig } from "./config/load.ts";
import type { Config } from "./config/resource.ts";
import { connect } from "./db/connect.ts";
import { attachEmbedded } from "./db/embedded.ts";
import { migrate } from "./db/migrate.ts";
import { createLog } from "./log.ts";
import { createStripeReader } from "./stripe/client.ts";
import type { StripeReader } from "./stripe/reader.ts";

/** Everything that one process needs. Clock and randomness are in here so that tests can set them. */
export interface Desk {
  environment: Environment;
  config: Config;
  /** Driftdesk's own tables. */
  sql: Sql;
  /** The user's tables; the same connection pool as `sql` when both are one database. */
  local: Sql;
  stripe: StripeReader;
  log: Logger;
  now: () => Date;
  random: () => number;
}

export interface OpenDesk extends Desk {
  /** Where Driftdesk's own tables are; the embedded Postgres has an address too. */
  databaseUrl: string;
  close(): Promise<void>;
}

/** Who does something. `email` stands in the audit log; policies and the system have names instead of addresses. */
export interface Actor {
  email: string;
  name: string;
  role: "viewer" | "support" | "finance" | "admin" | "system";
}
export const systemActor: Actor = { email: "system", name: "Driftdesk", role: "system" };

export interface OpenDeskOptions {
  environment?: Environment;
  config?: Config;
  now?: () => Date;
  random?: () => number;
  log?: Logger;
}

/** Opens what the environment names: starts or joins the embedded Postgres where none is named, and migrates. */
export async function openDesk(options: OpenDeskOptions = {}): Promise<OpenDesk> {
  const environment = options.environment ?? readEnvironment();
  const config = options.config ?? (await loadConfig(environment.configFile));
  const records = await openRecords(environment);
  const { sql, databaseUrl } = records;
  const localUrl = environment.localDatabaseUrl ?? databaseUrl;
  const local = localUrl === databaseUrl ? sql : connect(localUrl, { max: 10 });
  return {
    environment,
    config,
    databaseUrl,
    sql,
    local,
    stripe: createStripeReader({
      secretKey: environment.stripeSecretKey,
      apiBase: environment.stripeApiBase,
      pace: config.pace,
    }),
    log: options.log ?? createLog(),
    now: options.now ?? (() => new Date()),
    random: options.random ?? Math.random,
    async close() {
      if (local !== sql) await local.end({ timeout: 5 });
      await records.close();
    },
  };
}

export interface Records extends Pick<Desk, "sql" | "now"> {
  databaseUrl: string;
  close(): Promise<void>;
}

/** Opens Driftdesk's own tables only: for what needs neither a config nor Stripe. */
export async function openRecords(
  environment: Pick<Environment, "databaseUrl" | "dataFolder"> = readRecordsEnvironment(),
): Promise<Records> {
  const embedded =
    environment.databaseUrl === undefined ? await attachEmbedded(environment.dataFolder) : null;
  const databaseUrl = environment.databaseUrl ?? (embedded?.url as string);
  try {
    await migrate(databaseUrl);
  } catch (error) {
    await embedded?.release();
    throw error;
  }
  const sql = connect(databaseUrl, { max: 20 });
  return {
    databaseUrl,
    sql,
    now: () => new Date(),
    async close() {
      await sql.end({ timeout: 5 });
      await embedded?.release();
    },
  };
}
