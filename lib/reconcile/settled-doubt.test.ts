import type Stripe from "stripe";
import { afterEach, expect, test } from "vitest";
import { chargesMapping, openSettledCharges, type SettledDesk } from "../../sandbox/testing-settled.ts";
import { parseConfig } from "../config/schema.ts";
import type { Desk } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";
import { executeRun } from "./run.ts";
import { getRun } from "./runs.ts";

let opened: SettledDesk<Stripe.Charge> | undefined;
afterEach(async () => {
  await opened?.close();
  opened = undefined;
});

/** A desk that remembers all of its charges, on the day after. */
async function openRemembering(count: number, mapping?: Parameters<typeof openSettledCharges>[1]) {
  opened = await openSettledCharges(count, mapping);
  await opened.run();
  opened.setDay(31);
  await opened.run();
  opened.setDay(32);
  return opened;
}

const ranges = (t: SettledDesk<Stripe.Charge>) => t.desk.sql`
  SELECT r.created_from, r.read_at, (SELECT count(*)::int FROM driftdesk.settled_objects o
    WHERE o.created >= r.created_from AND o.created < r.created_to) AS objects
  FROM driftdesk.settled_ranges r ORDER BY r.created_from`;

function remapped(t: SettledDesk<Stripe.Charge>, fields: Record<string, unknown>): Desk {
  const { config } = parseConfig({ resources: { charges: { ...chargesMapping, fields } } });
  if (!config) throw new Error("no such mapping");
  return t.with({ config: { ...t.desk.config, resources: config.accounts[0].resources } });
}

test("under another mapping nothing is taken from the memory of the old one", async () => {
  const t = await openRemembering(1_200);
  const { run } = await t.run(
    remapped(t, { status: "status", refunded: (c: { amount_refunded: number }) => c.amount_refunded + 1 }),
  );
  expect(run.resources[0]).toMatchObject({ mismatch: 1_200, settled: 0 });
  // One that comes to the same is another one, too; and has a memory of its own from then on.
  await t.local`UPDATE charges SET refunded = 0`;
  const same = remapped(t, {
    status: "status",
    refunded: (c: { amount_refunded: number }) => c.amount_refunded,
  });
  t.setDay(70);
  expect((await t.run(same)).run.resources[0]).toMatchObject({ mismatch: 0, settled: 0 });
  t.setDay(101);
  expect((await t.run(same)).run.resources[0]).toMatchObject({ mismatch: 0, settled: 0 });
  t.setDay(102);
  expect((await t.run(same)).run.resources[0]).toMatchObject({ mismatch: 0, settled: 600 });
});

test("a mapping that reads something outside of itself is found out by what is read again", async () => {
  let added = 0;
  const fields = {
    status: "status",
    refunded: (c: { amount_refunded: number }) => c.amount_refunded + added,
  } as const;
  const t = await openRemembering(2_000, { ...chargesMapping, fields });
  added = 1;
  const { run, asked } = await t.run();
  expect(run.resources[0]).toMatchObject({ mismatch: 2_000, settled: 0 });
  expect(asked).toBe(0);
});

test("where more differs than a range has pages, the pages are read; a few are asked for one by one", async () => {
  const t = await openRemembering(3_000);
  await t.local`UPDATE charges SET refunded = 5 WHERE id BETWEEN 2101 AND 2150 OR id BETWEEN 1101 AND 1103`;
  const { run, asked } = await t.run();
  expect(run.resources[0]).toMatchObject({ mismatch: 53, settled: 1_000 });
  expect(asked).toBe(3);
});

test("a run that is not believed leaves the memory as it was", async () => {
  const t = await openRemembering(1_200);
  const before = await ranges(t);
  await t.local`CREATE TABLE kept AS SELECT * FROM charges`;
  await t.local`DELETE FROM charges`;
  const { run } = await t.run();
  expect(run.state).toBe("suspicious");
  expect(await t.open()).toEqual([]);
  expect(await ranges(t)).toEqual(before);
  await t.local`INSERT INTO charges SELECT * FROM kept`;
  expect((await t.run()).run.resources[0]).toMatchObject({ state: "done", mismatch: 0, settled: 600 });
});

test("a run that is stopped at its very end has remembered nothing", async () => {
  const t = await openRemembering(1_200);
  const before = await ranges(t);
  t.change("ch_3", { amount_refunded: 7 });
  const stripe = {
    ...t.desk.stripe,
    counts: t.desk.stripe.counts,
    list: (async (...args: Parameters<Desk["stripe"]["list"]>) => {
      await t.desk.sql`UPDATE driftdesk.runs SET state = 'cancelled' WHERE state = 'running'`;
      return t.desk.stripe.list(...args);
    }) as Desk["stripe"]["list"],
  };
  expect((await t.run(t.with({ stripe }))).run.state).toBe("cancelled");
  expect(await ranges(t)).toEqual(before);
  await t.run();
  expect(await ranges(t)).not.toEqual(before);
});

test("a memory that lost its rows is not used", async () => {
  const t = await openRemembering(2_000);
  await t.desk.sql`DELETE FROM driftdesk.settled_objects`;
  const { run } = await t.run();
  expect(run.resources[0]).toMatchObject({ state: "done", compared: 2_000, settled: 0, missingInStripe: 0 });
});

test("a row that comes to stand for a settled object while the run goes on is compared with what Stripe says", async () => {
  const t = await openRemembering(2_000);
  t.change("ch_1900", { amount_refunded: 300 });
  await t.local`INSERT INTO charges (stripe_id, status, refunded) VALUES ('ch_none', 'succeeded', 300)`;
  let moved = false;
  const list = (async (...args: Parameters<Desk["stripe"]["list"]>) => {
    const page = await t.desk.stripe.list(...args);
    const [copied] = await t.desk.sql`SELECT FROM driftdesk.local_copies`;
    if (copied && !moved) {
      moved = true;
      await t.local`UPDATE charges SET stripe_id = NULL WHERE stripe_id = 'ch_1900'`;
      await t.local`UPDATE charges SET stripe_id = 'ch_1900' WHERE stripe_id = 'ch_none'`;
    }
    return page;
  }) as Desk["stripe"]["list"];
  t.sandbox.setLatency(60);
  const { run } = await t.run(t.with({ stripe: { ...t.desk.stripe, counts: t.desk.stripe.counts, list } }));
  expect(moved).toBe(true);
  expect(run.resources[0]).toMatchObject({ state: "done", settled: 1_000 });
  expect(await t.open()).toEqual([]);
});

/** Begins a run, and stops it after its first page. */
async function leaveHalfDone(t: SettledDesk<Stripe.Charge>): Promise<number> {
  const stop = new AbortController();
  const stripe = {
    ...t.desk.stripe,
    counts: t.desk.stripe.counts,
    list: (async (...args: Parameters<Desk["stripe"]["list"]>) => {
      const page = await t.desk.stripe.list(...args);
      stop.abort(new DriftdeskError("run_superseded", "This process stops."));
      return page;
    }) as Desk["stripe"]["list"],
  };
  const { id } = await t.request();
  await expect(executeRun(t.with({ stripe }), id, { signal: stop.signal })).rejects.toMatchObject({
    code: "run_superseded",
  });
  return id;
}

test("a run that resumes goes on with what it had taken, unless that became too old meanwhile", async () => {
  const t = await openRemembering(2_000);
  const soon = await leaveHalfDone(t);
  const taken = await t.desk
    .sql`SELECT sum(objects)::int AS objects FROM driftdesk.windows WHERE read_at IS NOT NULL`;
  expect(taken).toEqual([{ objects: 1_000 }]);
  expect((await executeRun(t.desk, soon)).resources[0]).toMatchObject({
    compared: 2_000,
    settled: 1_000,
    mismatch: 0,
  });

  t.setDay(33);
  const late = await leaveHalfDone(t);
  t.setDay(45);
  for (const id of ["ch_100", "ch_1900"]) t.change(id, { amount_refunded: 1 });
  const { resources } = await executeRun(t.desk, late);
  expect(resources[0]).toMatchObject({ compared: 2_000, settled: 0, mismatch: 2 });
  expect((await getRun(t.desk.sql, late))?.attempts).toBe(2);
});

test("what is remembered comes back as it was, whatever the columns' types", async () => {
  const values = {
    padded: ["char(5)", "a", "'a'"],
    money: ["numeric(10,2)", "12.50", "12.5"],
    exact: ["numeric", "0.1000000000000000055511151231257827", "0.1000000000000000055511151231257827"],
    half: ["real", 0.1, "0.1"],
    whole: ["double precision", 0.30000000000000004, "0.30000000000000004"],
    at: ["timestamptz", 1_700_000_000, "to_timestamp(1700000000)"],
    on_day: ["date", 1_700_000_000, "'2023-11-14'"],
    yes: ["boolean", true, "true"],
    nothing: ["text", null, "NULL"],
    odd: ["text", '{"NULL",\\ \n\tü', `E'{"NULL",\\\\ \\n\\tü'`],
    list: ["text[]", ["a,b", null, '"', "NULL"], `ARRAY['a,b', NULL, '"', 'NULL']`],
    tree: ["jsonb", { b: [1, "2"], a: null }, `'{"a": null, "b": [1, "2"]}'`],
    bytes: ["bytea", "\\x00ff", "'\\x00ff'"],
  } as const;
  const fields = Object.fromEntries(
    Object.entries(values).map(([column, [, value]]) => [column, () => value]),
  );
  const columns = Object.entries(values).map(
    ([column, [type, , literal]]) => `${column} ${type} DEFAULT ${literal}`,
  );
  opened = await openSettledCharges(600, { ...chargesMapping, fields }, columns);
  const t = opened;
  await t.run();
  t.setDay(31);
  await t.run();
  // The oldest range is read, the other one taken.
  await t.desk.sql`UPDATE driftdesk.settled_ranges SET created_to = created_to - 6000 * 300, objects = 300`;
  await t.desk.sql`
    INSERT INTO driftdesk.settled_ranges
    SELECT settled_id, created_to, created_to + 6000 * 300, 300, read_at, good_until FROM driftdesk.settled_ranges`;
  t.setDay(32);
  const { run, asked } = await t.run();
  expect(run.resources[0]).toMatchObject({ compared: 600, mismatch: 0, settled: 300, rowErrors: 0 });
  expect(await t.open()).toEqual([]);
  expect(asked).toBe(0);
});
