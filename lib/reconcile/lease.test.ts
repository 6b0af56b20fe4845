import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type FreshDatabase, freshDatabase } from "../db/testing.ts";
import { type Lease, takeLease } from "./lease.ts";

let database: FreshDatabase;
const taken: Lease[] = [];
beforeEach(async () => {
  database = await freshDatabase({ migrated: true });
  await database.sql`
    INSERT INTO driftdesk.runs (mode, trigger, requested_by)
    SELECT 'full', 'command', 'system' FROM generate_series(1, 2)`;
});
afterEach(async () => {
  for (const lease of taken.splice(0)) await lease.release();
  await database.drop();
});

async function take(resources: string[], leaseMs = 60_000, runId = 1): Promise<Lease> {
  const claim = { runId, accountId: "acct_1", resources, holder: randomUUID(), leaseMs };
  const lease = await takeLease(database.sql, claim);
  taken.push(lease);
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

test("resources are taken all together or not at all", async () => {
  await take(["b", "c"]);
  await expect(take(["a", "b"], 60_000, 2)).rejects.toMatchObject({ code: "run_busy" });
  expect(await holders()).toEqual(["b 1", "c 1"]);
  await take(["a"], 60_000, 2);
});

test("what was released can be taken at once, what was not when its time is over", async () => {
  const first = await take(["a"]);
  await first.release();
  await take(["a"], 60_000, 2);
  await expect(take(["a"])).rejects.toMatchObject({ code: "run_busy" });
  await expire();
  await take(["a"]);
  expect(await holders()).toEqual(["a 1"]);
});

test("a holder that lives keeps it", async () => {
  const lease = await take(["a", "b"], 300);
  const ends = async () => {
    const [row] = await database.sql<{ at: Date }[]>`SELECT min(expires_at) AS at FROM driftdesk.leases`;
    return row?.at.getTime() ?? 0;
  };
  const before = await ends();
  await expect.poll(ends, { timeout: 10_000 }).toBeGreaterThan(before + 600);
  expect(lease.signal.aborted).toBe(false);
});

test("a holder that slept past its lease commits nothing, and is told so", async () => {
  const sleeper = await take(["a", "b"], 1_000);
  const begin = sleeper.holding(["a"]);
  await begin((tx) => tx`UPDATE driftdesk.runs SET message = 'awake'`);
  await expire();
  await take(["a"], 60_000, 2);
  await expect(begin((tx) => tx`UPDATE driftdesk.runs SET message = 'too late'`)).rejects.toMatchObject({
    code: "run_superseded",
  });
  expect(await database.sql`SELECT DISTINCT message FROM driftdesk.runs`).toEqual([{ message: "awake" }]);
  await expect.poll(() => sleeper.signal.aborted, { timeout: 10_000 }).toBe(true);
  // What it gives back is its own, not the other's.
  await sleeper.release();
  expect(await holders()).toEqual(["a 2"]);
});
