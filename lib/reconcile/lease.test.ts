import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type FreshDatabase, freshDatabase } from "../db/testing.ts";
import { joinRun, type Presence } from "./lease.ts";

let database: FreshDatabase;
const joined: Presence[] = [];
beforeEach(async () => {
  database = await freshDatabase({ migrated: true });
  await database.sql`
    INSERT INTO driftdesk.runs (mode, trigger, requested_by)
    SELECT 'full', 'command', 'system' FROM generate_series(1, 2)`;
});
afterEach(async () => {
  for (const presence of joined.splice(0)) await presence.leave();
  await database.drop();
});

async function join(runId = 1, leaseMs = 60_000): Promise<Presence> {
  const presence = await joinRun(database.sql, { runId, accountId: "acct_1", holder: randomUUID(), leaseMs });
  joined.push(presence);
  return presence;
}

async function take(presence: Presence, resource: string) {
  const lease = await presence.take(resource);
  if (!lease) throw new Error(`${resource} is another's`);
  return lease;
}

/** As if its holder had slept for longer than its lease. */
const expire = () =>
  database.sql`UPDATE driftdesk.leases SET expires_at = clock_timestamp() - interval '1 second'`;
const holders = async () =>
  (
    await database.sql<{ resource: string; run: number }[]>`
      SELECT resource, run_id AS run FROM driftdesk.leases ORDER BY resource`
  ).map(({ resource, run }) => `${resource} ${run}`);
const present = async () =>
  (
    await database.sql<{ holder: string }[]>`
      SELECT holder FROM driftdesk.run_processes WHERE expires_at > clock_timestamp()`
  ).map(({ holder }) => holder);

test("a resource is taken by one process, also of another run, and others take other ones", async () => {
  const [first, second, third] = [await join(1), await join(1), await join(2)];
  await take(first, "a");
  expect([await second.take("a"), await third.take("a")]).toEqual([null, null]);
  await take(second, "b");
  await take(third, "c");
  expect(await holders()).toEqual(["a 1", "b 1", "c 2"]);
});

test("what was released can be taken at once, what was not when its time is over", async () => {
  const [first, second] = [await join(), await join(2)];
  const lease = await take(first, "a");
  await lease.release();
  await take(second, "a");
  expect(await first.take("a")).toBeNull();
  await expire();
  await take(first, "a");
  expect(await holders()).toEqual(["a 1"]);
});

test("a holder that lives keeps what it has, and is known to be there", async () => {
  const presence = await join(1, 300);
  const leases = [await take(presence, "a"), await take(presence, "b")];
  const ends = async () => {
    const [row] = await database.sql<{ at: Date }[]>`
      SELECT least((SELECT min(expires_at) FROM driftdesk.leases),
                   (SELECT min(expires_at) FROM driftdesk.run_processes)) AS at`;
    return row?.at.getTime() ?? 0;
  };
  const before = await ends();
  await expect.poll(ends, { timeout: 10_000 }).toBeGreaterThan(before + 600);
  expect(leases.map((lease) => lease.signal.aborted)).toEqual([false, false]);
  expect(await present()).toEqual([presence.holder]);
});

test("a process that leaves lets go of everything", async () => {
  const presence = await join();
  await take(presence, "a");
  await presence.leave();
  expect([await holders(), await present()]).toEqual([[], []]);
});

test("a holder that slept past its lease commits nothing, and is told so; what it has besides stays its own", async () => {
  const sleeper = await join(1, 1_000);
  const [a, b] = [await take(sleeper, "a"), await take(sleeper, "b")];
  await a.begin((tx) => tx`UPDATE driftdesk.runs SET message = 'awake'`);
  await database.sql`
    UPDATE driftdesk.leases SET expires_at = clock_timestamp() - interval '1 second' WHERE resource = 'a'`;
  await take(await join(2), "a");
  await expect(a.begin((tx) => tx`UPDATE driftdesk.runs SET message = 'too late'`)).rejects.toMatchObject({
    code: "run_superseded",
  });
  expect(await database.sql`SELECT DISTINCT message FROM driftdesk.runs`).toEqual([{ message: "awake" }]);
  await expect.poll(() => a.signal.aborted, { timeout: 10_000 }).toBe(true);
  expect(b.signal.aborted).toBe(false);
  // What it gives back is its own, not the other's.
  await a.release();
  await sleeper.leave();
  expect(await holders()).toEqual(["a 2"]);
});
