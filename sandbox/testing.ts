// A desk for tests, on real parts: databases of its own, a sandbox of its own.
import { pino } from "pino";
import type { Sql } from "postgres";
import type { ConfigDefinition } from "../lib/config/define.ts";
import { readEnvironment } from "../lib/config/environment.ts";
import type { Config, Configuration } from "../lib/config/resource.ts";
import { parseConfig } from "../lib/config/schema.ts";
import { connect } from "../lib/db/connect.ts";
import { freshDatabase } from "../lib/db/testing.ts";
import type { Desk } from "../lib/desk.ts";
import { createStripeReader } from "../lib/stripe/client.ts";
import { type Sandbox, type SandboxOptions, startSandbox } from "./server/server.ts";
import type { World } from "./world/world.ts";

/** What webhooks to a test desk are signed with. */
export const webhookSecret = "whsec_ofTheTestDesk";

export interface TestDesk {
  /** It works as a role that has the rights which `driftdesk grants` gives, and no others. */
  desk: Desk;
  /** The example company's database, as its owner; the same as the desk's own unless there are two. */
  local: Sql;
  /** Driftdesk's own tables as their owner, for what Driftdesk itself may not. */
  owner: Sql;
  ownerUrl: string;
  /** Gives the role the rights on the company's tables; to be called once they are there, and when the mapping changes. */
  grant(change?: { config: ConfigDefinition | Config | Configuration }): Promise<void>;
  sandbox: Sandbox;
  /** What a child process needs to open the same desk. */
  variables: Record<string, string>;
  /** The desk with another configuration, or another clock. */
  with(change: Partial<Desk>): Desk;
  close(): Promise<void>;
}

export interface TestDeskOptions {
  world: World;
  config: ConfigDefinition | Config;
  databases?: 1 | 2;
  now?: () => Date;
  sandbox?: Partial<SandboxOptions>;
}

export async function openTestDesk(options: TestDeskOptions): Promise<TestDesk> {
  const own = await freshDatabase({ migrated: true });
  const other = options.databases === 2 ? await freshDatabase() : null;
  const now = options.now ?? (() => new Date());
  const sandbox = await startSandbox({ world: options.world, now, ...options.sandbox });
  const variables = {
    DATABASE_URL: own.appUrl,
    LOCAL_DATABASE_URL: other?.appUrl ?? own.appUrl,
    STRIPE_SECRET_KEY: sandbox.secretKey,
    STRIPE_API_BASE: sandbox.url,
    STRIPE_WEBHOOK_SECRET: webhookSecret,
  };
  const config = configOf(options.config);
  const sql = connect(own.appUrl);
  const desk: Desk = {
    environment: readEnvironment(variables),
    config,
    sql,
    local: other ? connect(other.appUrl) : sql,
    stripe: createStripeReader({ secretKey: sandbox.secretKey, apiBase: sandbox.url, pace: config.pace }),
    log: pino({ level: process.env.LOG_LEVEL ?? "silent" }, pino.destination(2)),
    now,
    random: Math.random,
  };
  return {
    desk,
    local: other?.sql ?? own.sql,
    owner: own.sql,
    ownerUrl: own.url,
    grant: (change) => (other ?? own).grant(mappingOf(change?.config ?? config)),
    sandbox,
    variables,
    with: (change) => ({ ...desk, ...change }),
    async close() {
      await sandbox.close();
      await Promise.all([sql.end(), desk.local.end()]);
      await other?.drop();
      await own.drop();
    },
  };
}

function mappingOf(given: ConfigDefinition | Config | Configuration): Configuration {
  if ("accounts" in given && Array.isArray(given.accounts)) return given as Configuration;
  const config = configOf(given as ConfigDefinition | Config);
  return { ...config, accounts: [config] };
}

function configOf(given: ConfigDefinition | Config): Config {
  if (Array.isArray(given.resources)) return given as Config;
  const { config, issues } = parseConfig(given);
  if (config) return config.accounts[0];
  throw new Error(issues.map((issue) => `${issue.path}: ${issue.message}`).join("\n"));
}
