// The embedded Postgres: one server per data folder, shared by every process that is started from there. A keeper
// process of its own session starts it and stops it when the last user is gone, so that no terminal's Ctrl-C, and no
// kill -9 of one user, takes it away from the others.
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { DriftdeskError } from "../errors.ts";
import { connect } from "./connect.ts";
import { packageFolder } from "./package-folder.ts";
import { isAlive, markOf, type ProcessMark } from "./process-alive.ts";

/** What the keeper writes down once its Postgres takes connections. */
export interface EmbeddedState {
  keeper: ProcessMark;
  url: string;
}

export const stateFile = (folder: string) => join(folder, "postgres.json");
export const usersFolder = (folder: string) => join(folder, "postgres-users");
export const keeperLog = (folder: string) => join(folder, "postgres.log");

export interface Embedded {
  url: string;
  /** Leaves the server to the others; when there are none it is stopped, and this waits for it. */
  release(): Promise<void>;
}

const patienceMs = 60_000;

/** Joins the folder's Postgres, starting it first when nobody has. */
export async function attachEmbedded(folder: string): Promise<Embedded> {
  await mkdir(usersFolder(folder), { recursive: true });
  const ticket = join(usersFolder(folder), randomUUID());
  await writeFile(ticket, JSON.stringify(markOf(process.pid)));
  const deadline = Date.now() + patienceMs;
  for (let nextSpawn = 0; ; await wait(50)) {
    const state = await readState(folder);
    if (state && (await answers(state.url)))
      return { url: state.url, release: () => release(folder, ticket, state.keeper) };
    if (Date.now() > deadline) {
      await rm(ticket, { force: true });
      throw new DriftdeskError(
        "embedded_postgres",
        `The embedded Postgres did not start. ${keeperLog(folder)} says why. Set DATABASE_URL to use a Postgres of your own.`,
      );
    }
    // Of several keepers that start at once one gets the lock, the others go.
    if (!state && Date.now() >= nextSpawn) {
      nextSpawn = Date.now() + 1_500;
      startKeeper(folder);
    }
  }
}

function startKeeper(folder: string): void {
  const script = join(packageFolder(), "lib", "db", "embedded-keeper.ts");
  const keeper = spawn(process.execPath, [script, folder], {
    detached: true,
    stdio: "ignore",
    cwd: packageFolder(),
  });
  keeper.unref();
}

async function release(folder: string, ticket: string, keeper: ProcessMark): Promise<void> {
  await rm(ticket, { force: true });
  const others = await liveUsers(folder);
  for (const deadline = Date.now() + 20_000; others === 0 && isAlive(keeper) && Date.now() < deadline; )
    await wait(50);
}

/** How many processes use this folder's server; tickets of dead ones are thrown away. */
export async function liveUsers(folder: string): Promise<number> {
  let live = 0;
  for (const name of await readdir(usersFolder(folder)).catch(() => [])) {
    const ticket = join(usersFolder(folder), name);
    const text = await readFile(ticket, "utf8").catch(() => "");
    // A ticket that is being written is empty for a moment: its owner is alive.
    if (text === "" || isAlive(JSON.parse(text))) live++;
    else await rm(ticket, { force: true });
  }
  return live;
}

async function readState(folder: string): Promise<EmbeddedState | null> {
  try {
    const state: EmbeddedState = JSON.parse(await readFile(stateFile(folder), "utf8"));
    return isAlive(state.keeper) ? state : null;
  } catch {
    return null;
  }
}

async function answers(url: string): Promise<boolean> {
  const sql = connect(url, { max: 1 });
  try {
    await sql`SELECT 1`;
    return true;
  } catch {
    return false;
  } finally {
    await sql.end({ timeout: 1 });
  }
}
