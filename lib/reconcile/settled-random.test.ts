// The promise of the slower rhythm, attacked: things change at Stripe and here at any time, runs come when they like
// and are interrupted, and still no difference stays unseen for longer than `rereadEvery`, nor is one shown that is none.
import { afterEach, expect, test } from "vitest";
import { chargesMapping, openSettledDesk, type SettledDesk } from "../../sandbox/testing-settled.ts";
import { Random } from "../../sandbox/world/random.ts";
import { DriftdeskError } from "../errors.ts";
import { executeRun } from "./run.ts";
import { getRun } from "./runs.ts";
import { forget } from "./settled-forget.ts";

const charges = 1_500;
const runs = 20;
const rereadDays = 8;

let opened: SettledDesk | undefined;
afterEach(async () => {
  await opened?.close();
  opened = undefined;
});

/** What Stripe and the table say, and since when Stripe's word has been what it is without anything having been heard of it. */
interface Truth {
  stripe: Map<string, number>;
  local: Map<string, number>;
  unheardSince: Map<string, number>;
}

async function happenings(t: SettledDesk, random: Random, truth: Truth, day: number): Promise<void> {
  if (random.chance(0.2)) await catchUp(t, truth);
  for (let count = random.int(0, 3); count > 0; count--) {
    // Mostly the same few: otherwise nothing would stay settled.
    const id = `ch_${random.chance(0.6) ? random.int(charges - 200, charges - 1) : random.int(0, charges - 1)}`;
    const value = random.int(0, 3);
    const write = async () => {
      await t.local`UPDATE charges SET refunded = ${value} WHERE stripe_id = ${id}`;
      if (truth.local.has(id)) truth.local.set(id, value);
    };
    const what = random.int(0, 9);
    if (what < 7) {
      t.change(id, { amount_refunded: value });
      if (truth.stripe.get(id) !== value) truth.unheardSince.set(id, day);
      truth.stripe.set(id, value);
      if (what < 2) await write();
      if (what === 2) {
        await forget(t.desk.sql, t.sandbox.world.account.id, "charges", [id], t.desk.now());
        truth.unheardSince.delete(id);
      }
    } else if (what === 7) await write();
    else if (truth.local.delete(id)) await t.local`DELETE FROM charges WHERE stripe_id = ${id}`;
    else {
      await t.local`INSERT INTO charges (stripe_id, status, refunded) VALUES (${id}, 'succeeded', ${value})`;
      truth.local.set(id, value);
    }
  }
}

/** Every row becomes what Stripe says: of differences for ever nothing would stay settled. */
async function catchUp(t: SettledDesk, { stripe, local }: Truth): Promise<void> {
  for (const [id, value] of stripe) {
    if (local.get(id) === value) continue;
    await t.local`DELETE FROM charges WHERE stripe_id = ${id}`;
    await t.local`INSERT INTO charges (stripe_id, status, refunded) VALUES (${id}, 'succeeded', ${value})`;
    local.set(id, value);
  }
}

/** Differences that are there, each with since when its object has said so unheard. */
function* differences({ stripe, local, unheardSince }: Truth): Generator<[line: string, since: number]> {
  for (const [id, value] of stripe) {
    const here = local.get(id);
    if (here === undefined) yield [`missing_local ${id}`, Number.NEGATIVE_INFINITY];
    else if (here !== value) yield [`mismatch ${id}`, unheardSince.get(id) ?? Number.NEGATIVE_INFINITY];
  }
}

/** A run that a process gave up in its middle, and another one went on with days later. Answers its first attempt's day. */
async function interruptedRun(t: SettledDesk, random: Random, day: number, setDay: (day: number) => void) {
  const stop = new AbortController();
  let calls = random.int(1, 12);
  const list: typeof t.desk.stripe.list = async (...args) => {
    const page = await t.desk.stripe.list(...args);
    if (--calls === 0) stop.abort(new DriftdeskError("run_superseded", "This process stops."));
    return page;
  };
  const stripe = { ...t.desk.stripe, counts: t.desk.stripe.counts, list };
  const { id } = await t.request();
  await executeRun(t.with({ stripe }), id, { signal: stop.signal }).catch((error: DriftdeskError) => {
    if (error.code !== "run_superseded") throw error;
  });
  if ((await getRun(t.desk.sql, id))?.state === "running") setDay(day + random.next() * 10);
  return executeRun(t.desk, id);
}

test.each([5])(
  "no difference stays unseen for longer than it says, and none is shown that is none (%i)",
  async (seed) => {
    const t = await openSettledDesk(charges, {
      ...chargesMapping,
      settled: { after: "2d", rereadEvery: `${rereadDays}d` },
    });
    opened = t;
    const random = new Random(seed);
    const ids = [...t.charges.keys()];
    const truth: Truth = {
      stripe: new Map(ids.map((id) => [id, 0])),
      local: new Map(ids.map((id) => [id, 0])),
      unheardSince: new Map(),
    };
    let day = 0;
    const setDay = (to: number) => {
      day = to;
      t.setDay(to);
    };
    const seen = { settled: 0, hidden: 0, shown: 0 };
    await t.run();
    for (let step = 0; step < runs; step++) {
      setDay(day + random.next() * 2);
      await happenings(t, random, truth, day);
      setDay(day + random.next());
      const began = day;
      const run = random.chance(0.2) ? await interruptedRun(t, random, day, setDay) : (await t.run()).run;
      expect(run.state).toBe("succeeded");
      seen.settled += run.resources[0]?.settled ?? 0;
      const shown = new Set(await t.open());
      const there = new Map(differences(truth));
      for (const line of shown) expect(there.has(line), `${line} is none, on day ${day}`).toBe(true);
      for (const [line, since] of there) {
        if (shown.has(line)) continue;
        seen.hidden++;
        expect(since, `${line} is not shown on day ${day}`).toBeGreaterThan(
          Math.min(began, day - rereadDays),
        );
      }
      seen.shown += shown.size;
    }
    // It is the memory that was attacked.
    expect(seen.settled).toBeGreaterThan(runs * charges * 0.2);
    expect(seen.hidden).toBeGreaterThan(0);
    expect(seen.shown).toBeGreaterThan(20);
  },
);
