import { randomUUID } from "node:crypto";
import type { Sql } from "postgres";
import { inject } from "vitest";
import { connect } from "./connect.ts";
import { migrate } from "./migrate.ts";

export interface FreshDatabase {
  url: string;
  sql: Sql;
  drop(): Promise<void>;
}

/** A new database on the test run's Postgres, with Driftdesk's tables when `migrated`. */
export async function freshDatabase(options: { migrated?: boolean } = {}): Promise<FreshDatabase> {
  const server = new URL(inject("postgresUrl"));
  const name = `t_${randomUUID().replaceAll("-", "")}`;
  const admin = connect(server.href, { max: 1 });
  await admin.unsafe(`CREATE DATABASE ${name}`);
  const url = Object.assign(new URL(server), { pathname: `/${name}` }).href;
  if (options.migrated) await migrate(url);
  const sql = connect(url);
  return {
    url,
    sql,
    async drop() {
      await sql.end();
      await admin.unsafe(`DROP DATABASE ${name} WITH (FORCE)`);
      await admin.end();
    },
  };
}
