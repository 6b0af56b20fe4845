// Against the sandbox over HTTP, with its own limiter.
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { type Sandbox, startSandbox } from "../../sandbox/server/server.ts";
import { generateWorld } from "../../sandbox/world/index.ts";
import { freshDatabase } from "../db/testing.ts";
import { createStripeReader } from "./client.ts";
import type { Clock } from "./pace.ts";
import { openBoard } from "./pace-board.ts";
import type { StripeReader } from "./reader.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const now = new Date("2026-11-24T12:00:00Z");
const world = generateWorld({ seed: 3, customers: 50, now });
const pace = { requestsPerSecond: 80, perEndpoint: 24 };
const kinds = ["subscription", "customer", "invoice", "charge", "refund"] as const;

/** A process that asks for one page after the other until it is killed. */
function ask(sandbox: Sandbox, databaseUrl: string): ChildProcess {
  const script = `
    import { createStripeReader } from ${JSON.stringify(join(import.meta.dirname, "client.ts"))};
    import { openBoard } from ${JSON.stringify(join(import.meta.dirname, "pace-board.ts"))};
    const stripe = createStripeReader({
      ...${JSON.stringify({ secretKey: sandbox.secretKey, apiBase: sandbox.url, pace })},
      board: openBoard(() => ${JSON.stringify(databaseUrl)}),
    });
    await stripe.account();
    for (const kind of ${JSON.stringify(kinds)})
      for (let i = 0; i < 6; i++)
        void (async () => {
          for (;;) await stripe.list(kind, { limit: 1 });
        })();`;
  const child = spawn(process.execPath, ["--input-type=module-typescript", "--eval", script], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  cleanups.push(() => child.kill("SIGKILL"));
  return child;
}

test("three processes, one killed and one more started, are refused hardly ever", async () => {
  const database = await freshDatabase({ migrated: true });
  cleanups.push(database.drop);
  const sandbox = await startSandbox({
    world,
    now: () => now,
    limits: { ...pace, concurrency: 40 },
    latencyMs: 60,
  });
  cleanups.push(sandbox.close);
  const answered = (requests: number) =>
    expect
      .poll(() => sandbox.counts.total, { timeout: 50_000, interval: 20 })
      .toBeGreaterThanOrEqual(requests);

  const [first] = [ask(sandbox, database.url), ask(sandbox, database.url), ask(sandbox, database.url)];
  await answered(250);
  const shares = await database.sql<{ account: number }[]>`
    SELECT (granted ->> '')::float8 AS account FROM driftdesk.pace_shares`;
  first.kill("SIGKILL");
  await answered(400);
  ask(sandbox, database.url);
  await answered(650);

  expect(shares.map(({ account }) => Math.round(account))).toEqual([27, 27, 27]);
  expect(sandbox.counts.refused / sandbox.counts.total).toBeLessThanOrEqual(0.01);
});

test("while somebody else takes a quarter of the account, less than 1 % is refused, and the rest is used", async () => {
  // For all of them time passes five times as fast.
  const haste = 5;
  const clock: Clock = {
    now: () => performance.now() * haste,
    sleep: (ms, background) => wait(ms / haste, undefined, { ref: !background }),
  };
  const budgets = { requestsPerSecond: 32, perEndpoint: 32 };
  const database = await freshDatabase({ migrated: true });
  cleanups.push(database.drop);
  const sandbox = await startSandbox({
    world,
    now: () => now,
    limits: budgets,
    latencyMs: 20,
    clock: clock.now,
  });
  cleanups.push(sandbox.close);
  const { url: apiBase, secretKey } = sandbox;
  const open = () => {
    const board = openBoard(
      () => database.url,
      () => new Date(now.getTime() + clock.now()),
    );
    cleanups.push(board.close);
    return createStripeReader({ secretKey, apiBase, pace: budgets, clock, board });
  };
  const readers = [open(), open(), open()];
  const sum = (of: "requests" | "rateLimited") => readers.reduce((all, reader) => all + reader.counts[of], 0);
  let over = false;
  const otherUser = async () => {
    while (!over) {
      void fetch(`${apiBase}/v1/payouts?limit=1`, { headers: { authorization: `Bearer ${secretKey}` } });
      await clock.sleep(1_000 / 8);
    }
  };
  const caller = async (reader: StripeReader, kind: (typeof kinds)[number]) => {
    while (!over) await reader.list(kind, { limit: 1 });
  };
  const callers = [otherUser(), ...readers.flatMap((reader) => kinds.map((kind) => caller(reader, kind)))];
  const sent = (requests: number) =>
    expect.poll(() => sum("requests"), { timeout: 50_000, interval: 20 }).toBeGreaterThanOrEqual(requests);

  await sent(400);
  const before = { at: clock.now(), requests: sum("requests"), rateLimited: sum("rateLimited") };
  await sent(1_200);
  const requests = sum("requests") - before.requests;
  const rateLimited = sum("rateLimited") - before.rateLimited;
  const seconds = (clock.now() - before.at) / 1_000;
  over = true;
  await Promise.all(callers);
  expect(rateLimited / requests).toBeLessThanOrEqual(0.01);
  expect(requests / seconds).toBeGreaterThanOrEqual(0.8 * 24);
});
