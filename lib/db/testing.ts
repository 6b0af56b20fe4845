import { randomUUID } from "node:crypto";
import type { Sql } from "postgres";
import { inject } from "vitest";
import type { Configuration } from "../config/resource.ts";
import { type Granted, grantsFor } from "../grants/grants.ts";
import { connect } from "./connect.ts";
import { appRole, migratedTemplate } from "./testing-server.ts";

export interface FreshDatabase {
  url: string;
  /** As the owner of everything in it, who may do what Driftdesk may not. */
  sql: Sql;
  /** The same database for Driftdesk itself, as the role that `driftdesk grants` makes. */
  appUrl: string;
  /** Gives the role what a config takes, on the tables that are there by now. Runs the SQL that is printed. */
  grant(config: Configuration): Promise<void>;
  drop(): Promise<void>;
}

/** A new database on the test run's Postgres, with Driftdesk's tables when `migrated`. */
export async function freshDatabase(options: { migrated?: boolean } = {}): Promise<FreshDatabase> {
  const server = new URL(inject("postgresUrl"));
  const name = `t_${randomUUID().replaceAll("-", "")}`;
  const admin = connect(server.href, { max: 1 });
  await admin.unsafe(`CREATE DATABASE ${name}${options.migrated ? ` TEMPLATE ${migratedTemplate}` : ""}`);
  const url = Object.assign(new URL(server), { pathname: `/${name}` }).href;
  const appUrl = Object.assign(new URL(url), {
    username: encodeURIComponent(appRole.name),
    password: encodeURIComponent(appRole.password),
  }).href;
  const sql = connect(url);
  return {
    url,
    sql,
    appUrl,
    async grant(config) {
      // One connection, which the script's transaction is on.
      const owner = connect(url, { max: 1 });
      const local: Granted = { local: owner, config };
      await owner.unsafe(await grantsFor(appRole.name, options.migrated ? ["own", local] : [local]));
      await owner.end();
    },
    async drop() {
      await sql.end();
      await admin.unsafe(`DROP DATABASE ${name} WITH (FORCE)`);
      await admin.end();
    },
  };
}
