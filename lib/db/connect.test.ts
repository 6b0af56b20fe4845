import { type AddressInfo, createConnection, createServer, type Socket } from "node:net";
import type { Sql, TransactionSql } from "postgres";
import { afterEach, beforeEach, expect, test } from "vitest";
import { connect, isConnectionLost } from "./connect.ts";
import { type FreshDatabase, freshDatabase } from "./testing.ts";

let database: FreshDatabase;
/** One connection: whoever comes next gets the one that broke, made anew. */
let sql: Sql;
beforeEach(async () => {
  database = await freshDatabase();
  await database.sql`CREATE TABLE written (what text)`;
  sql = connect(database.url, { max: 1 });
});
afterEach(async () => {
  await sql.end({ timeout: 5 });
  await database.drop();
});

const written = async () =>
  (await database.sql`SELECT what FROM written ORDER BY what`).map((row) => row.what);

/** Ends the session from outside, and waits until this side has noticed: the pool serves others again by then. */
async function breakConnection(session: Pick<TransactionSql, "unsafe">): Promise<void> {
  const [mine] = await session.unsafe<{ pid: number }[]>("SELECT pg_backend_pid() AS pid");
  await database.sql`SELECT pg_terminate_backend(${mine?.pid as number})`;
  await expect
    .poll(() => sql`SELECT pg_backend_pid() AS pid`.then(([row]) => row?.pid !== mine?.pid, isConnectionLost))
    .toBe(true);
  await sql`SELECT 1`;
}

const failure = (work: Promise<unknown>) =>
  work.then(
    () => null,
    (error: unknown) => error,
  );

test("what follows in a transaction whose connection broke is refused, not committed by itself", async () => {
  const refused: unknown[] = [];
  const begun = sql.begin(async (tx) => {
    await tx`INSERT INTO written VALUES ('before')`;
    await breakConnection(tx);
    refused.push(await failure(tx`INSERT INTO written VALUES ('after')`));
    refused.push(await failure(tx.savepoint((point) => point`INSERT INTO written VALUES ('inside')`)));
  });
  expect(isConnectionLost(await failure(begun))).toBe(true);
  await expect.poll(() => refused.map(isConnectionLost)).toEqual([true, true]);
  expect(await written()).toEqual([]);
  await sql.begin((tx) => tx`INSERT INTO written VALUES ('later')`);
  expect(await written()).toEqual(["later"]);
});

test("the same for a reserved connection, and giving it back does no harm", async () => {
  const session = await sql.reserve();
  await session`SELECT 1`;
  await breakConnection(session);
  expect(isConnectionLost(await failure(session`INSERT INTO written VALUES ('after')`))).toBe(true);
  session.release();
  expect(await written()).toEqual([]);
  await sql`INSERT INTO written VALUES ('later')`;
  await sql`INSERT INTO written VALUES ('later still')`;
  expect(await written()).toEqual(["later", "later still"]);
});

test("after a reset each statement on the next connection gets its own answer", async () => {
  const inbound: Socket[] = [];
  const server = new URL(database.url);
  const proxy = createServer((socket) => {
    inbound.push(socket);
    const behind = createConnection(Number(server.port), server.hostname);
    for (const [one, other] of [
      [socket, behind],
      [behind, socket],
    ] as const) {
      one.on("error", () => other.destroy());
      one.on("close", () => other.destroy());
      one.pipe(other);
    }
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const port = String((proxy.address() as AddressInfo).port);
  const reset = connect(Object.assign(new URL(server), { port }).href, { max: 1, applicationName: "reset" });
  try {
    let inside: unknown;
    const broken = failure(
      reset.begin(async (tx) => {
        inside = await failure(tx`SELECT pg_sleep(60)`);
        throw inside;
      }),
    );
    await expect
      .poll(async () => {
        const [row] = await database.sql`
          SELECT count(*)::int AS count FROM pg_stat_activity WHERE application_name = 'reset' AND wait_event = 'PgSleep'`;
        return row?.count;
      })
      .toBe(1);
    inbound.at(-1)?.resetAndDestroy();
    expect(isConnectionLost(await broken)).toBe(true);
    expect(inside).toMatchObject({ code: "ECONNRESET" });
    for (const number of [1, 2, 3])
      expect(await reset.begin((tx) => tx`SELECT ${number}::int AS mine`)).toEqual([{ mine: number }]);
  } finally {
    await reset.end({ timeout: 1 });
    proxy.close();
  }
}, 15_000);

test("a connection that breaks under many small queries takes nothing else down", async () => {
  const pool = connect(database.url, { max: 3, applicationName: "busy" });
  let going = true;
  const errors: unknown[] = [];
  const busy = Array.from({ length: 6 }, async () => {
    while (going) {
      const error = await failure(pool.begin((tx) => tx`SELECT pg_sleep(0.001)`));
      if (error !== null) errors.push(error);
    }
  });
  await expect
    .poll(
      async () => {
        await database.sql`
          SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'busy'`;
        return errors.length;
      },
      { timeout: 20_000, interval: 5 },
    )
    .toBeGreaterThan(10);
  going = false;
  await Promise.all(busy);
  expect(errors.every(isConnectionLost)).toBe(true);
  expect(await pool`SELECT 1 AS one`).toEqual([{ one: 1 }]);
  await pool.end();
});

test.each([
  ["a server that is not there", "postgres://postgres@127.0.0.1:1/none", true],
  ["a database that is not there", null, false],
])("%s: whether the connection is lost", async (_, url, lost) => {
  const other = connect(url ?? Object.assign(new URL(database.url), { pathname: "/none" }).href, { max: 1 });
  expect(isConnectionLost(await failure(other`SELECT 1`))).toBe(lost);
  await other.end({ timeout: 1 });
});

test("a server that has no connection left is none that can be asked", async () => {
  const name = new URL(database.url).pathname.slice(1);
  await database.sql.unsafe(`ALTER DATABASE ${name} CONNECTION LIMIT 0`);
  const other = connect(database.appUrl, { max: 1 });
  const error = await failure(other`SELECT 1`);
  expect(error).toMatchObject({ code: "53300" });
  expect(isConnectionLost(error)).toBe(true);
  await other.end({ timeout: 1 });
});

test("what the database refuses is no lost connection", async () => {
  expect(isConnectionLost(await failure(sql`SELECT 1 / 0`))).toBe(false);
  expect(isConnectionLost(new Error("no code"))).toBe(false);
});
