import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, expect, test } from "vitest";
import { connect } from "./connect.ts";
import { attachEmbedded, type EmbeddedState, liveUsers, stateFile } from "./embedded.ts";

let folder: string;
const children: ChildProcess[] = [];

beforeEach(async () => {
  // A blank in the path, as people have it. Readable by others, for Postgres runs as another user under root.
  const parent = await mkdtemp(join(tmpdir(), "driftdesk embedded "));
  await chmod(parent, 0o755);
  folder = join(parent, "data folder");
});
afterEach(async () => {
  const keeper = await readState().catch(() => null);
  for (const child of children.splice(0)) child.kill("SIGKILL");
  await gone(keeper?.keeper.pid);
  await rm(join(folder, ".."), { recursive: true, force: true });
});

/** Another process that joins the same folder; it says the address that it got and stays until it is killed. */
async function otherProcess(): Promise<{ child: ChildProcess; url: string }> {
  const script = `
    import { attachEmbedded } from ${JSON.stringify(join(import.meta.dirname, "embedded.ts"))};
    const { url, release } = await attachEmbedded(${JSON.stringify(folder)});
    console.log(url);
    setInterval(() => {}, 1_000);
    process.on("SIGTERM", () => release().then(() => process.exit()));`;
  const child = spawn(process.execPath, ["--input-type=module-typescript", "--eval", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  const [url] = (await once(lines, "line")) as [string];
  return { child, url };
}

async function query<T>(url: string, text: string): Promise<T[]> {
  const sql = connect(url, { max: 1 });
  try {
    return (await sql.unsafe(text)) as unknown as T[];
  } finally {
    await sql.end();
  }
}

async function readState(): Promise<EmbeddedState> {
  return JSON.parse(await readFile(stateFile(folder), "utf8"));
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function gone(pid: number | undefined): Promise<void> {
  if (pid !== undefined) await expect.poll(() => isRunning(pid), { timeout: 20_000 }).toBe(false);
}

const serverPid = async () =>
  Number((await readFile(join(folder, "postgres", "postmaster.pid"), "utf8")).split("\n")[0]);

test("processes of one folder share one server, and the last one out stops it", async () => {
  const [one, other] = await Promise.all([otherProcess(), otherProcess()]);
  expect(other.url).toBe(one.url);
  await query(one.url, "CREATE TABLE kept AS SELECT 7 AS number");
  const { keeper } = await readState();
  const server = await serverPid();

  one.child.kill("SIGTERM");
  await once(one.child, "exit");
  expect(await query(other.url, "SELECT number FROM kept")).toEqual([{ number: 7 }]);

  other.child.kill("SIGTERM");
  await once(other.child, "exit");
  // Whoever leaves last waits for the end: nothing is left behind when its command returns.
  expect(isRunning(keeper.pid)).toBe(false);
  expect(isRunning(server)).toBe(false);
  expect(existsSync(stateFile(folder))).toBe(false);

  const later = await attachEmbedded(folder);
  expect(await query(later.url, "SELECT number FROM kept")).toEqual([{ number: 7 }]);
  await later.release();
});

test("a user that was killed is recognised as dead, and the server stops when only such are left", async () => {
  const { child } = await otherProcess();
  const { keeper } = await readState();
  expect(await liveUsers(folder)).toBe(1);
  child.kill("SIGKILL");
  await once(child, "exit");
  expect(await liveUsers(folder)).toBe(0);
  await gone(keeper.pid);
});

test("after a kill of the keeper and the server, the next one recovers what was committed", async () => {
  const first = await otherProcess();
  await query(first.url, "CREATE TABLE kept AS SELECT 7 AS number");
  const { keeper } = await readState();
  const server = await serverPid();
  process.kill(keeper.pid, "SIGKILL");
  process.kill(server, "SIGKILL");
  first.child.kill("SIGKILL");
  await gone(server);
  expect(existsSync(join(folder, "postgres", "postmaster.pid"))).toBe(true);

  const next = await attachEmbedded(folder);
  expect(await query(next.url, "SELECT number FROM kept")).toEqual([{ number: 7 }]);
  await next.release();
});

test("after a kill of the keeper alone, its server is taken down and started anew", async () => {
  const first = await otherProcess();
  await query(first.url, "CREATE TABLE kept AS SELECT 7 AS number");
  const { keeper } = await readState();
  const server = await serverPid();
  process.kill(keeper.pid, "SIGKILL");
  await gone(keeper.pid);

  const next = await attachEmbedded(folder);
  expect(await serverPid()).not.toBe(server);
  expect(await query(next.url, "SELECT number FROM kept")).toEqual([{ number: 7 }]);
  await next.release();
});

test("a port that somebody else took meanwhile is left to them", async () => {
  const first = await attachEmbedded(folder);
  const port = Number(new URL(first.url).port);
  await first.release();

  const intruder = createServer().listen(port, "127.0.0.1");
  await once(intruder, "listening");
  const next = await attachEmbedded(folder);
  expect(Number(new URL(next.url).port)).not.toBe(port);
  expect(await query(next.url, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
  await next.release();
  intruder.close();
});

test("a pid file that names some other process does not keep the server from starting", async () => {
  const first = await attachEmbedded(folder);
  await first.release();
  await writeFile(
    join(folder, "postgres", "postmaster.pid"),
    `${process.pid}\n${join(folder, "postgres")}\n`,
  );
  const next = await attachEmbedded(folder);
  expect(await query(next.url, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
  await next.release();
});

test("only its owner can read the password, and nobody gets in without it", async () => {
  const { url, release } = await attachEmbedded(folder);
  for (const file of [stateFile(folder), join(folder, "postgres-password")])
    expect((await stat(file)).mode & 0o077).toBe(0);
  const guess = Object.assign(new URL(url), { password: "guess" }).href;
  await expect(query(guess, "SELECT 1")).rejects.toThrow(/password authentication failed/);
  await release();
});
