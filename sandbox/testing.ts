// A desk for tests, on real parts: databases of its own, a sandbox of its own.
import { pino } from "pino";
import type { Sql } from "postgres";
import type { ConfigDefinition } from "../lib/config/define.ts";
import { readEnvironment } from "../lib/config/environment.ts";
import type { Config } from "../lib/config/resource.ts";
import { parseConfig } from "../lib/config/schema.ts";
import { freshDatabase } from "../lib/db/testing.ts";
import type { Desk } from "../lib/desk.ts";
import { createStripeReader } from "../lib/stripe/client.ts";
import { type Sandbox, type SandboxOptions, startSandbox } from "./server/server.ts";
import type { World } from "./world/world.ts";

export interface TestDesk {
  desk: Desk;
  /** The example company's database; the same as the desk's own unless there are two. */
  local: Sql;
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
    DATABASE_URL: own.url,
    LOCAL_DATABASE_URL: other?.url ?? own.url,
    STRIPE_SECRET_KEY: sandbox.secretKey,
    STRIPE_API_BASE: sandbox.url,
  };
  const config = configOf(options.config);
  const desk: Desk = {
    environment: readEnvironment(variables),
    config,
    sql: own.sql,
    local: other?.sql ?? own.sql,
    stripe: createStripeReader({ secretKey: sandbox.secretKey, apiBase: sandbox.url, pace: config.pace }),
    log: pino({ level: process.env.LOG_LEVEL ?? "silent" }, pino.destination(2)),
    now,
    random: Math.random,
  };
  return {
    desk,
    local: desk.local,
    sandbox,
    variables,
    with: (change) => ({ ...desk, ...change }),
    async close() {
      await sandbox.close();
      await other?.drop();
      await own.drop();
    },
  };
}

function configOf(given: ConfigDefinition | Config): Config {
  if (Array.isArray(given.resources)) return given as Config;
  const { config, issues } = parseConfig(given);
  if (config) return config.accounts[0];
  throw new Error(issues.map((issue) => `${issue.path}: ${issue.message}`).join("\n"));
}
