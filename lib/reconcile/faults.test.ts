// Whatever Stripe or the line to it does: a run ends well, or says what it could not read, and never takes what it could
// not read for drift.
import { setTimeout as wait } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import type { Faults } from "../../sandbox/server/faults.ts";
import type { TestDesk } from "../../sandbox/testing.ts";
import { mirrorPace, openMirror } from "../../sandbox/testing-mirror.ts";
import { request, run } from "../../sandbox/testing-runs.ts";
import type { Desk } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";
import { createStripeReader } from "../stripe/client.ts";
import type { StripeReader } from "../stripe/reader.ts";
import { executeRun } from "./run.ts";
import { getRun, type RunView } from "./runs.ts";

/** Time that passes so many times faster. */
const compressed = (times: number) => ({
  now: () => performance.now() * times,
  sleep: (ms: number) => wait(ms / times),
  minutes: (count: number) => wait((count * 60_000) / times),
});
const fast = compressed(600);
/** Where a slow machine must not let the patience of a run pass. */
const slower = compressed(200);

let opened: TestDesk | undefined;
afterEach(async () => {
  await opened?.close();
  opened = undefined;
});

interface Company extends TestDesk {
  /** With all its readers in the compressed time. */
  desk: Desk;
  stripe: StripeReader;
}

/** A company with drift of each kind, as an undisturbed run has found it; then something changes on both sides. */
async function open(clock = fast): Promise<Company> {
  opened = await openMirror(600);
  const { local, sandbox } = opened;
  await local`UPDATE accounts SET status = 'nonsense' WHERE id % 100 = 1`;
  await local`DELETE FROM people WHERE id IN (7, 70)`;
  await local`INSERT INTO people (stripe_id) VALUES ('cus_nobody'), ('cus_nowhere')`;
  await local`INSERT INTO accounts (stripe_id, status) SELECT stripe_id, status FROM accounts WHERE id = 50`;
  const stripe = createStripeReader({
    secretKey: sandbox.secretKey,
    apiBase: sandbox.url,
    pace: mirrorPace,
    clock,
  });
  const desk = { ...opened.desk, stripe };
  await run(desk);
  return { ...opened, desk, stripe };
}

const found = async (t: TestDesk) =>
  (
    await t.desk.sql<{ line: string }[]>`
      SELECT concat_ws(' ', resource, kind, local_key, stripe_id, state, version) AS line
      FROM driftdesk.discrepancies ORDER BY 1`
  ).map((row) => row.line);
const states = (view: RunView) => view.resources.map(({ resource, state }) => `${resource} ${state}`);

/** A reader that tells when so many requests of a kind are under way; nothing of it waits. */
function counted(stripe: StripeReader, call: "list" | "retrieve", after: number) {
  const reached = Promise.withResolvers<void>();
  let count = 0;
  const tell = (one: string) => {
    if (one === call && ++count > after) reached.resolve();
  };
  const reader: StripeReader = {
    ...stripe,
    list: (...args) => {
      tell("list");
      return stripe.list(...args);
    },
    retrieve: (...args) => {
      tell("retrieve");
      return stripe.retrieve(...args);
    },
  };
  return { reader, reached: reached.promise };
}

const storms: [string, Partial<Faults>][] = [
  ["half of the requests are refused for the rate", { rateLimited: 0.5 }],
  ["a third of the answers are errors", { serverErrors: 0.33 }],
  ["a quarter of the connections are dropped", { dropped: 0.25 }],
  ["a quarter of the answers end in the middle", { truncated: 0.25 }],
];

test.each(storms)("%s: the run ends well and finds the same", async (_, faults) => {
  const t = await open();
  const before = await found(t);
  expect(before).toHaveLength(13);
  const asks = async () => {
    const earlier = t.sandbox.counts.total;
    expect(await run(t.desk, {}, { clock: fast })).toMatchObject({ state: "succeeded", message: null });
    return t.sandbox.counts.total - earlier;
  };
  // The first run also asked why the records differ.
  const undisturbed = await asks();
  Object.assign(t.sandbox.faults, faults);
  expect(await asks()).toBeGreaterThan(undisturbed);
  expect(await found(t)).toEqual(before);
});

test.each([
  ["reads pages", "list", 4],
  ["asks a second time", "retrieve", 0],
] as const)(
  "ten minutes of outage while it %s: the run waits, ends well and finds the same",
  async (_, call, after) => {
    const t = await open(slower);
    const before = await found(t);
    const { reader, reached } = counted(t.stripe, call, after);
    const running = run({ ...t.desk, stripe: reader }, {}, { clock: slower });
    await reached;
    t.sandbox.faults.outage = true;
    await slower.minutes(10);
    t.sandbox.faults.outage = false;
    expect(await running).toMatchObject({ state: "succeeded", message: null });
    expect(await found(t)).toEqual(before);
  },
);

test("while it waits it says so, and for how long", async () => {
  const t = await open(slower);
  const { reader, reached } = counted(t.stripe, "list", 4);
  const id = await request(t.desk);
  const running = executeRun({ ...t.desk, stripe: reader }, id, { clock: slower });
  await reached;
  t.sandbox.faults.outage = true;
  const message = async () => (await getRun(t.desk.sql, id))?.resources[0]?.message;
  await expect
    .poll(message, { timeout: 10_000, interval: 20 })
    .toMatch(/^Stripe has not answered since 1\d:\d\d UTC\. It is asked again until 12:\d\d UTC/);
  t.sandbox.faults.outage = false;
  expect(await running).toMatchObject({ state: "succeeded", message: null });
});

test("an outage that does not end: the run is incomplete, nothing is missing, nothing is resolved", async () => {
  const t = await open();
  const before = await found(t);
  await t.local`DELETE FROM people WHERE id = 100`;
  await t.local`UPDATE people SET stripe_id = 'cus_other' WHERE stripe_id = 'cus_nobody'`;
  const { reader, reached } = counted(t.stripe, "list", 4);
  const running = run({ ...t.desk, stripe: reader }, {}, { clock: fast });
  await reached;
  t.sandbox.faults.outage = true;
  const ended = await running;
  expect(ended.state).toBe("incomplete");
  expect(ended.message).toContain("could not be read");
  expect(await found(t)).toEqual(before);
  t.sandbox.faults.outage = false;
  expect(await run(t.desk, {}, { clock: fast })).toMatchObject({ state: "succeeded" });
  expect((await found(t)).filter((line) => !before.includes(line))).toEqual([
    "customers missing_in_stripe 587 cus_nobody resolved 1",
    "customers missing_in_stripe 587 cus_other open 1",
    expect.stringMatching(/^customers missing_local cus_\w+ open 1$/),
  ]);
});

test("one kind of list that fails, while others are read, makes only its resource incomplete", async () => {
  const t = await open();
  const before = await found(t);
  await t.local`DELETE FROM accounts WHERE id = 200`;
  await t.local`DELETE FROM people WHERE id = 100`;
  Object.assign(t.sandbox.faults, { serverErrors: 1, only: "list subscriptions" });
  const ended = await run(t.desk, {}, { clock: fast });
  expect(states(ended)).toEqual(["customers done", "subscriptions incomplete"]);
  const more = (await found(t)).filter((line) => !before.includes(line));
  expect(more).toEqual([expect.stringMatching(/^customers missing_local cus_/)]);
});

test("told to stop while it waits for Stripe, it lets go at once; the run resumes when Stripe is back", async () => {
  const t = await open();
  const before = await found(t);
  const { reader, reached } = counted(t.stripe, "list", 4);
  const id = await request(t.desk);
  const stop = new AbortController();
  const running = executeRun({ ...t.desk, stripe: reader }, id, { clock: fast, signal: stop.signal });
  await reached;
  t.sandbox.faults.outage = true;
  await fast.minutes(3);
  stop.abort(new DriftdeskError("run_superseded", "This process stops."));
  await expect(running).rejects.toMatchObject({ code: "run_superseded" });
  // Nobody could say whose account it is; what was read is not given up for that.
  await expect(executeRun(t.desk, id, { clock: fast })).rejects.toMatchObject({ code: "stripe_unreachable" });
  expect(await getRun(t.desk.sql, id)).toMatchObject({ state: "running" });
  t.sandbox.faults.outage = false;
  expect(await executeRun(t.desk, id, { clock: fast })).toMatchObject({ state: "succeeded" });
  expect(await found(t)).toEqual(before);
});
