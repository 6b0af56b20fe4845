// Promise 3 for runs that read only what changed: kill -9 at any instant, then a restart: the end state equals the
// undisturbed one, and the next run begins where this one did.
import type { ChildProcess } from "node:child_process";
import { join } from "node:path";
import { afterEach, beforeAll, expect, test } from "vitest";
import { createExample } from "../../sandbox/example/create.ts";
import everyType from "../../sandbox/example/every-type.config.ts";
import { type Attempt, attemptRun, bringToEnd, kill } from "../../sandbox/storm/attempt.ts";
import { type EndState, endState, leftovers } from "../../sandbox/storm/end-state.ts";
import { openTestDesk, type TestDesk } from "../../sandbox/testing.ts";
import { request } from "../../sandbox/testing-runs.ts";
import { anything } from "../../sandbox/world/changes/anything.ts";
import { passTime } from "../../sandbox/world/changes/time.ts";
import { Random } from "../../sandbox/world/random.ts";
import { generateWorld } from "../../sandbox/world/world.ts";
import { getRun } from "./runs.ts";

const start = new Date("2026-11-24T12:00:00Z");
const now = new Date(start.getTime() + 3_600_000);
const seed = 23;
/** Slow enough that there is something to kill. */
const latencyMs = 20;

let opened: TestDesk | undefined;
const children: ChildProcess[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  await opened?.close();
  opened = undefined;
});

/** Another process that works on the run. All are: what a config's functions look like depends on who has loaded it. */
function attempt({ variables }: TestDesk, id: number): Attempt {
  const configFile = join(import.meta.dirname, "../../sandbox/example/every-type.config.ts");
  const options = { variables: { ...variables, DRIFTDESK_CONFIG: configFile }, now, leaseMs: 600 };
  const begun = attemptRun(id, options);
  children.push(begun.child);
  return begun;
}

/** A company that was read to its end an hour ago; then the same things happened on both sides each time. */
async function open(): Promise<{ t: TestDesk; id: number }> {
  const world = generateWorld({ seed, customers: 60, now: start, invoicesPerSubscription: 2 });
  let time = start;
  const t = await openTestDesk({ world, config: everyType, now: () => time });
  opened = t;
  await createExample(t.local, world, { seed, now: start, drift: 0.05 });
  await t.grant();
  await attempt(t, await request(t.desk)).ended;
  await t.desk.sql`DELETE FROM driftdesk.runs`;
  time = now;
  passTime(world, now);
  const random = new Random(seed);
  for (let i = 0; i < 70; i++) {
    try {
      random.pick(anything)(world, now, random.next());
    } catch {
      // Stripe refuses it.
    }
  }
  await t.local`UPDATE users SET plan = 'none', updated_at = clock_timestamp() WHERE md5(id::text) < '2'`;
  await t.local`DELETE FROM payments WHERE stripe_charge_id IN (
    SELECT stripe_id FROM driftdesk.discrepancies WHERE resource = 'payments' AND local_key IS NOT NULL)`;
  t.sandbox.setLatency(latencyMs);
  return { t, id: await request(t.desk, { mode: "incremental" }) };
}

/** What the run says, and where the next one begins. */
async function told({ desk }: TestDesk): Promise<{ state: EndState; cursors: unknown[] }> {
  const cursors = await desk.sql`
    SELECT resource, mapping, stripe_at, seen, size FROM driftdesk.cursors ORDER BY resource`;
  const state = await endState(desk.sql);
  // Two runs were asked for.
  const entries = state.entries.filter((entry) => (entry as { action: string }).action !== "run.requested");
  return { state: { ...state, entries }, cursors: [...cursors] };
}

let undisturbed: Awaited<ReturnType<typeof told>>;
let requests: number;

beforeAll(async () => {
  const { t, id } = await open();
  const before = t.sandbox.counts.total;
  await attempt(t, id).ended;
  expect(await getRun(t.desk.sql, id)).toMatchObject({ state: "succeeded", mode: "incremental" });
  requests = t.sandbox.counts.total - before;
  undisturbed = await told(t);
  // What the others are compared with must be worth it.
  expect(requests).toBeGreaterThan(100);
  const actions = new Set(undisturbed.state.entries.map((entry) => (entry as { action: string }).action));
  for (const action of ["found", "changed", "resolved"]) expect(actions).toContain(`discrepancy.${action}`);
  await t.close();
  opened = undefined;
});

test.each([1, 2])("killed at random instants (seed %i) it ends as if nothing had happened", async (of) => {
  const { t, id } = await open();
  const random = new Random(of);
  const before = t.sandbox.counts.total;
  let kills = 0;
  for (let next = random.int(1, 40); next < requests; ) {
    const running = attempt(t, id);
    let over = false;
    void running.ended.then(() => {
      over = true;
    });
    await expect
      .poll(() => over || t.sandbox.counts.total - before >= next, { timeout: 30_000, interval: 1 })
      .toBe(true);
    if (over && (await running.ended).code === 0) break;
    if (!over) {
      await kill(running);
      kills++;
    }
    next = t.sandbox.counts.total - before + random.int(1, 80);
  }
  await bringToEnd(t.desk.sql, id, () => attempt(t, id));
  expect(kills).toBeGreaterThan(1);
  expect(await told(t)).toEqual(undisturbed);
  expect(await leftovers(t.desk.sql)).toEqual([]);
  expect((await getRun(t.desk.sql, id))?.attempts).toBeGreaterThan(1);
});
