import type { Logger } from "pino";
import type { Sql } from "postgres";
import type { Scope } from "./auth/permissions.ts";
import {
  configFileOf,
  type Environment,
  type KeyVariables,
  readEnvironment,
  readRecordsEnvironment,
  secretsIn,
} from "./config/environment.ts";
import { loadConfig } from "./config/load.ts";
import type { Config, Configuration, Rules } from "./config/resource.ts";
import { connect } from "./db/connect.ts";
import { attachEmbedded } from "./db/embedded.ts";
import { migrate } from "./db/migrate.ts";
import type { Role } from "./db/schema.ts";
import { DriftdeskError } from "./errors.ts";
import { createLog, hide } from "./log.ts";
import { createStripeReader } from "./stripe/client.ts";
import { type Board, openBoard } from "./stripe/pace-board.ts";
import type { StripeReader } from "./stripe/reader.ts";

/** What one process needs, whatever the account. Clock and randomness are in here so that tests can set them. */
interface Process {
  environment: Environment;
  /** Driftdesk's own tables. */
  sql: Sql;
  /** The user's tables; the same connection pool as `sql` when both are one database. */
  local: Sql;
  log: Logger;
  now: () => Date;
  random: () => number;
}

/** An account's mapping and its way to Stripe. */
export interface AccountView {
  config: Config;
  stripe: StripeReader;
}

/** Everything that work on one Stripe account needs. */
export interface Desk extends Process, AccountView {}

/** The desks of all accounts. */
interface AllDesks extends Process {
  config: Rules;
  accounts: readonly [AccountView, ...AccountView[]];
}

/** For what may be about several accounts. One account's desk is enough where there is only that. */
export type Desks = Desk | AllDesks;

export interface OpenDesk extends AllDesks {
  /** Where Driftdesk's own tables are; the embedded Postgres has an address too. */
  databaseUrl: string;
  close(): Promise<void>;
}

/** Each account's desk, in the order of the config. */
export function desksOf(desks: Desks): [Desk, ...Desk[]] {
  if (!("accounts" in desks)) return [desks];
  const deskOf = (account: AccountView): Desk => {
    const { environment, sql, local, log, now, random } = desks;
    return { environment, sql, local, log, now, random, ...account };
  };
  const [first, ...others] = desks.accounts;
  return [deskOf(first), ...others.map(deskOf)];
}

/** Who does something. `email` stands in the audit log; policies and the system have names instead of addresses. */
export interface Actor {
  email: string;
  name: string;
  role: Role | "system" | "token";
  /** What a token is for. */
  scopes?: readonly Scope[];
}
export const systemActor: Actor = { email: "system", name: "Driftdesk", role: "system" };
/** What the mapping lets nobody decide about is decided in this name. */
export const policyActor: Actor = { email: "policy", name: "The policy", role: "system" };

export interface OpenDeskOptions {
  environment?: Environment;
  config?: Configuration;
  now?: () => Date;
  random?: () => number;
  log?: Logger;
}

/** Opens what the environment names: starts or joins the embedded Postgres where none is named, and migrates. */
export async function openDesk(options: OpenDeskOptions = {}): Promise<OpenDesk> {
  const { config, environment } = await readSettings(options);
  hide(secretsIn(environment));
  const board = openBoard(() => records.databaseUrl);
  const accounts = viewsOf(config, environment, board);
  const records = await openRecords(environment);
  const { sql, databaseUrl } = records;
  const localUrl = environment.localDatabaseUrl ?? databaseUrl;
  const local = localUrl === databaseUrl ? sql : connect(localUrl, { max: 10 });
  return {
    environment,
    config,
    accounts,
    databaseUrl,
    sql,
    local,
    log: options.log ?? createLog(),
    now: options.now ?? (() => new Date()),
    random: options.random ?? Math.random,
    async close() {
      await board.close();
      if (local !== sql) await local.end({ timeout: 5 });
      await records.close();
    },
  };
}

/** The config, and the environment with the keys that it names. */
export async function readSettings(
  given: Pick<OpenDeskOptions, "config" | "environment"> = {},
): Promise<{ config: Configuration; environment: Environment }> {
  const config = given.config ?? (await loadConfig(given.environment?.configFile ?? configFileOf()));
  return { config, environment: given.environment ?? environmentFor(config) };
}

/** What is set from outside, with the variables that the config names. */
function environmentFor(config: Configuration): Environment {
  const webhookVariables = new Set(config.accounts.map(({ account }) => account.webhookSecret));
  return readEnvironment(process.env, keyVariablesOf(config), webhookVariables);
}

/** The variables that have to hold a key, with the path of the setting that names each. */
export function keyVariablesOf({ accounts }: Configuration): KeyVariables {
  return new Map(
    accounts.map(({ account: { key, name } }) => [key, name === null ? null : `accounts.${name}.key`]),
  );
}

/** Throws `account_twice` when two accounts have the same key in two variables. */
function viewsOf(
  config: Configuration,
  environment: Pick<Environment, "stripeKeys" | "stripeApiBase">,
  board: Board,
): [AccountView, ...AccountView[]] {
  const seen = new Map<string, string | null>();
  const viewOf = (of: Config): AccountView => {
    const { name, key, stripeAccount } = of.account;
    const secretKey = environment.stripeKeys[key];
    if (secretKey === undefined)
      throw new DriftdeskError("environment_invalid", `${key} is missing: accounts.${name}.key names it.`);
    const other = seen.get(`${secretKey} ${stripeAccount}`);
    if (other !== undefined)
      throw new DriftdeskError(
        "account_twice",
        `The variables of the accounts "${other}" and "${name}" hold the same key: one Stripe account has one name. Set the key of each account, or remove one of them from the config.`,
      );
    seen.set(`${secretKey} ${stripeAccount}`, name);
    const stripe = createStripeReader({
      secretKey,
      keyVariable: key,
      stripeAccount,
      apiBase: environment.stripeApiBase,
      pace: of.pace,
      board,
    });
    return { config: of, stripe };
  };
  const [first, ...others] = config.accounts;
  return [viewOf(first), ...others.map(viewOf)];
}

export interface Records extends Pick<Desk, "sql" | "now"> {
  databaseUrl: string;
  environment: Pick<Environment, "auditSigningKey" | "auditPublicKey">;
  close(): Promise<void>;
}

/** Opens Driftdesk's own tables only: for what needs neither a config nor Stripe. */
export async function openRecords(
  environment: Pick<
    Environment,
    "databaseUrl" | "dataFolder" | "auditSigningKey" | "auditPublicKey"
  > = readRecordsEnvironment(),
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
    environment,
    sql,
    now: () => new Date(),
    async close() {
      await sql.end({ timeout: 5 });
      await embedded?.release();
    },
  };
}
