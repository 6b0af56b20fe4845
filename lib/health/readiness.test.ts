import { spawn } from "node:child_process";
import { connect as connectTo, createServer, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { readEnvironment } from "../config/environment.ts";
import { type FreshDatabase, freshDatabase } from "../db/testing.ts";
import { beats } from "./beats.ts";
import { queueLateMs, readiness, readyWithinMs, type Watched } from "./readiness.ts";

const now = new Date("2026-11-24T12:00:00Z");
let database: FreshDatabase;
beforeAll(async () => {
  database = await freshDatabase({ migrated: true });
});
afterAll(() => database.drop());
const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const one of undo.splice(0)) await one();
});

/** A desk of its own each time: what was found out just now is answered again for a second. */
const watched = (databaseUrl = database.appUrl, inlineWorker = false): Watched => ({
  databaseUrl,
  environment: {
    ...readEnvironment({ STRIPE_SECRET_KEY: "rk_test_1" }),
    inlineWorker,
  },
  now: () => now,
});

test("a process whose parts are in order is ready", async () => {
  expect(await readiness(watched())).toEqual({
    ok: true,
    checks: {
      process: "ok",
      config: "ok",
      database: "ok",
      migrations: "ok",
      worker: "none",
      queue: "ok",
      redis: "none",
    },
    reasons: [],
  });
});

test("a database that hangs is found out in time, and is believed again once it answers", async () => {
  const { hostname, port } = new URL(database.appUrl);
  let hangs = true;
  const sockets = new Set<Socket>();
  const proxy = createServer((socket) => {
    sockets.add(socket.on("error", () => {}));
    if (hangs) return;
    const through = connectTo(Number(port), hostname);
    sockets.add(through.on("error", () => {}));
    socket.pipe(through).pipe(socket);
  });
  await new Promise<void>((listens) => proxy.listen(0, "127.0.0.1", listens));
  undo.push(() => {
    for (const socket of sockets) socket.destroy();
    proxy.close();
  });
  const url = new URL(database.appUrl);
  url.hostname = "127.0.0.1";
  url.port = String((proxy.address() as { port: number }).port);
  const desk = watched(url.href);
  const begun = performance.now();
  const asked = await Promise.all([readiness(desk), readiness(desk)]);
  expect(performance.now() - begun).toBeLessThan(readyWithinMs + 1_500);
  for (const { ok, checks } of asked)
    expect({ ok, checks }).toMatchObject({
      ok: false,
      checks: { database: "failing", migrations: "unknown" },
    });
  // Two at once cost one connection.
  expect(sockets.size).toBe(1);
  expect(JSON.stringify(asked)).not.toMatch(/127\.0\.0\.1|postgres|test app|ECONN/);
  hangs = false;
  await expect.poll(async () => (await readiness(desk)).ok, { timeout: 5_000 }).toBe(true);
});

test("tables that are older than this version make a process unfit", async () => {
  const { sql } = database;
  const [taken] = await sql`
    DELETE FROM driftdesk.migrations WHERE created_at = (SELECT max(created_at) FROM driftdesk.migrations)
    RETURNING hash, created_at`;
  undo.push(() => sql`INSERT INTO driftdesk.migrations ${sql(taken as never, "hash", "created_at")}`);
  expect(await readiness(watched())).toMatchObject({
    ok: false,
    checks: { database: "ok", migrations: "failing" },
    reasons: [expect.stringContaining("driftdesk migrate")],
  });
});

test("a worker that does not go round, or is not there where it should be, makes a process unfit", async () => {
  expect(await readiness(watched(undefined, true))).toMatchObject({
    ok: false,
    checks: { worker: "failing" },
  });
  const sweep = beats("sweep", 60_000);
  undo.push(sweep.end);
  expect(await readiness(watched(undefined, true))).toMatchObject({ ok: true, checks: { worker: "ok" } });
  const stuck = beats("alerts", -1);
  undo.push(stuck.end);
  expect(await readiness(watched())).toMatchObject({
    ok: false,
    checks: { worker: "failing" },
    reasons: [expect.stringContaining("does not go round")],
  });
});

test("what waits too long is said, and keeps nobody away", async () => {
  const { sql } = database;
  const at = new Date(now.getTime() - queueLateMs - 1_000);
  await sql`
    INSERT INTO driftdesk.runs (mode, trigger, requested_by, requested_at) VALUES ('full', 'person', 'ada', ${at})`;
  undo.push(() => sql`DELETE FROM driftdesk.runs`);
  expect(await readiness(watched())).toMatchObject({
    ok: true,
    checks: { queue: "late" },
    reasons: [expect.stringContaining("waiting for a worker")],
  });
});

test("a process that stops is unfit at once", async () => {
  const script = `
    import { beginStopping } from "./lib/health/beats.ts";
    import { readiness } from "./lib/health/readiness.ts";
    const desk = { databaseUrl: process.env.URL, environment: { inlineWorker: false }, now: () => new Date() };
    const before = await readiness(desk);
    beginStopping();
    const after = await readiness(desk);
    console.log(JSON.stringify([before.ok, after.ok, after.reasons]));
    process.exit();`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    env: { ...process.env, URL: database.appUrl },
  });
  let text = "";
  for await (const piece of child.stdout) text += piece;
  expect(JSON.parse(text)).toEqual([true, false, ["The process is stopping."]]);
});
