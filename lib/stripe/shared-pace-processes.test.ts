// Real processes, one of them killed, against the sandbox over HTTP with its own limiter.
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { type Sandbox, startSandbox } from "../../sandbox/server/server.ts";
import { generateWorld } from "../../sandbox/world/index.ts";
import { freshDatabase } from "../db/testing.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const pace = { requestsPerSecond: 80, perEndpoint: 24 };
const kinds = ["subscription", "customer", "invoice", "charge", "refund"];

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
  const now = new Date("2026-11-24T12:00:00Z");
  const sandbox = await startSandbox({
    world: generateWorld({ seed: 3, customers: 50, now }),
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
