// How objects are spread over time is nobody's to know: each of these accounts has to be read in few requests more than
// it has pages, and without idle loops that wait for one long window. Time is simulated, the loops are the product's.
import { expect, test } from "vitest";
import type { StripeObject } from "../config/resource.ts";
import { SimulatedClock } from "../stripe/testing.ts";
import { Reading } from "./reading.ts";
import type { Window } from "./windows.ts";

const day = 86_400;
const now = 1_800_000_000;
const began = now - 5 * 365 * day;
const latencyMs = 300;
const loops = 12;

function chance(of: number): () => number {
  let state = of;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

/** So many objects, created at the times that `at` makes of numbers from 0 to 1. */
function spread(count: number, seed: number, at: (random: number) => number): number[] {
  const random = chance(seed);
  return Array.from({ length: count }, () => Math.floor(at(random())));
}
const anytime = (random: number) => began + random * (now - began);

interface Account {
  created: number[];
  /** The best that the loops could do, in pages one after another. */
  depth?: number;
  /** How many times the best it may take at most. */
  slower?: number;
}

const accounts: Record<string, Account> = {
  "nothing at all": { created: [] },
  "three objects": { created: [now - 10 * day, now - 100 * day, now - 1_000 * day] },
  "a few pages": { created: spread(350, 3, anytime), depth: 4 },
  "an even life": { created: spread(60_000, 5, anytime) },
  "steady growth": {
    created: spread(60_000, 6, (random) => Math.max(began, now + Math.log(1 - random * 0.999) * 180 * day)),
  },
  "a company that has nearly ended": { created: spread(20_000, 7, (random) => began + random * 60 * day) },
  "every night within a minute": {
    created: spread(40_000, 11, (random) => {
      const nights = random * 5 * 365;
      return began + Math.floor(nights) * day + (nights % 1) * 60;
    }),
  },
  "an import of an hour, and little else": {
    created: [...spread(5_000, 8, (r) => now - 3_600 + r * 3_600), ...spread(300, 9, anytime)],
    slower: 6,
  },
  "ten imports of ten minutes": {
    created: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].flatMap((i) =>
      spread(2_000, 20 + i, (random) => began + (i + 0.37) * 170 * day + random * 600),
    ),
    slower: 3,
  },
  "thousands in one second": {
    created: [...Array<number>(5_000).fill(now - 400 * day), ...spread(2_000, 10, anytime)],
    depth: 55,
  },
};

/** Reads an account with as many loops as one process has. */
async function read(created: readonly number[]) {
  const objects = created
    .map((at, i) => ({ id: `o_${i}`, created: at }) as StripeObject)
    .sort((a, b) => b.created - a.created);
  const clock = new SimulatedClock();
  const windows = new Map<number, Window>();
  const add = (createdFrom: number, createdTo: number): Window => {
    const window = {
      number: windows.size + done,
      createdFrom,
      createdTo,
      cursor: null,
      reached: null,
      status: null,
    };
    windows.set(window.number, window);
    return window;
  };
  let done = 0;
  let unclaimed: Window[] = [];
  const reading = new Reading({
    resource: "things",
    claim: async (wanted) => ({ windows: unclaimed.splice(0, wanted), open: windows.size }),
    company: { present: false, short: () => 0, gave: () => {} },
    loops,
    began,
    signal: new AbortController().signal,
  });
  unclaimed = [add(0, now + 1)];
  const seen: string[] = [];
  let requests = 0;
  const loop = async () => {
    for (let window = await reading.take(); window; window = await reading.take()) {
      const inside = objects.filter((o) => o.created < (window?.createdTo ?? 0));
      let pages = 0;
      for (let more = true, at = 0; more; at += 100) {
        requests++;
        await clock.sleep(latencyMs);
        const page = inside.slice(at, at + 100).filter((o) => o.created >= (window?.createdFrom ?? 0));
        more = page.length === 100 && (inside[at + 100]?.created ?? -1) >= window.createdFrom;
        seen.push(...page.map((o) => o.id));
        pages++;
        reading.readPage();
        const shared = more ? reading.share(window, page, false) : null;
        if (!shared) continue;
        window.createdFrom = shared.createdFrom;
        const made = shared.given.map((range) => add(range.createdFrom, range.createdTo));
        expect(shared.mine).toBe(made.length);
        reading.shared(shared.given, made);
      }
      windows.delete(window.number);
      done++;
      reading.finished(pages);
    }
    reading.stop();
  };
  let endedAt = 0;
  const over = Promise.all(Array.from({ length: loops }, loop)).then(() => {
    endedAt = clock.now();
  });
  await clock.run(3_600_000);
  await over;
  return { seen, requests, ms: endedAt };
}

test.each(Object.entries(accounts))("%s", async (_, { created, depth, slower = 1.5 }) => {
  const { seen, requests, ms } = await read(created);
  // The windows' borders leave nothing out, and nothing is in two of them.
  expect(seen).toHaveLength(created.length);
  expect(new Set(seen).size).toBe(created.length);
  const pages = Math.max(1, Math.ceil(created.length / 100));
  expect(requests).toBeLessThanOrEqual(pages === 1 ? 1 : pages + 1.5 * loops + pages / 16);
  const best = (depth ?? Math.max(1, pages / loops)) * latencyMs;
  // The first page is read alone: only it can tell how dense they are.
  expect(ms).toBeLessThanOrEqual(latencyMs + best * slower);
});

test("a reading has stopped only when nothing is being claimed for it any more", async () => {
  const claiming = Promise.withResolvers<{ windows: Window[]; open: number }>();
  const reading = new Reading({
    resource: "things",
    claim: () => claiming.promise,
    company: { present: true, short: () => 0, gave: () => {} },
    loops,
    began,
    signal: new AbortController().signal,
  });
  const taken = reading.take();
  reading.stop();
  expect(await taken).toBeNull();
  let stopped = false;
  const stopping = reading.stopped().then(() => {
    stopped = true;
  });
  await new Promise(setImmediate);
  expect(stopped).toBe(false);
  claiming.resolve({ windows: [], open: 1 });
  await stopping;
});
