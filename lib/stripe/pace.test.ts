import { describe, expect, test } from "vitest";
import { type Budgets, type Clock, Pace } from "./pace.ts";

/** Time that passes only when nothing else is left to do. `late` makes timers late, as a busy process does. */
class SimulatedClock implements Clock {
  #time = 0;
  #sleepers: { at: number; wake: () => void }[] = [];
  readonly #late: () => number;

  constructor(late: () => number = () => 0) {
    this.#late = late;
  }

  readonly now = () => this.#time;
  readonly sleep = (ms: number) =>
    new Promise<void>((wake) => this.#sleepers.push({ at: this.#time + ms + this.#late(), wake }));

  async run(untilMs: number): Promise<void> {
    for (;;) {
      await new Promise(setImmediate);
      this.#sleepers.sort((a, b) => a.at - b.at);
      const [next] = this.#sleepers;
      if (!next || next.at > untilMs) break;
      this.#sleepers.shift();
      this.#time = next.at;
      next.wake();
    }
    this.#time = untilMs;
  }
}

/** Lateness of 0 to 8 ms, the same in every run of the test. */
function jitter(): () => number {
  let state = 1;
  return () => {
    state = (state * 16_807) % 2_147_483_647;
    return (state % 80) / 10;
  };
}

interface Load {
  endpoint: string;
  /** Callers who ask again as soon as they are answered. */
  callers: number;
  latencyMs?: number;
}

/** Send times per endpoint, in milliseconds. */
async function simulate(
  budgets: Budgets,
  loads: Load[],
  seconds: number,
  options: { late?: () => number; answer?: (pace: Pace, endpoint: string, now: number) => void } = {},
): Promise<Map<string, number[]>> {
  const clock = new SimulatedClock(options.late);
  const pace = new Pace(budgets, clock);
  const sent = new Map<string, number[]>();
  const endMs = seconds * 1_000;
  async function caller({ endpoint, latencyMs = 200 }: Load) {
    while (clock.now() < endMs) {
      await pace.turn(endpoint);
      if (clock.now() >= endMs) return;
      sent.set(endpoint, [...(sent.get(endpoint) ?? []), clock.now()]);
      await clock.sleep(latencyMs);
      (options.answer ?? ((p, e) => p.succeeded(e)))(pace, endpoint, clock.now());
      pace.over();
    }
  }
  for (const load of loads) for (let i = 0; i < load.callers; i++) void caller(load);
  await clock.run(endMs);
  return sent;
}

/** The most requests within any second, one that begins with a request being the worst. */
function busiestSecond(times: number[]): number {
  const sorted = [...times].sort((a, b) => a - b);
  let busiest = 0;
  for (let i = 0, end = 0; i < sorted.length; i++) {
    while (end < sorted.length && (sorted[end] as number) < (sorted[i] as number) + 1_000) end++;
    busiest = Math.max(busiest, end - i);
  }
  return busiest;
}

const all = (sent: Map<string, number[]>) => [...sent.values()].flat();

describe.each([
  ["on time", () => () => 0],
  ["late timers", jitter],
])("%s", (_, late) => {
  test("steady work uses the account's budget, and no second sees more", async () => {
    const loads = ["a", "b", "c", "d", "e", "f"].map((endpoint) => ({
      endpoint,
      callers: 10,
      latencyMs: 100,
    }));
    const sent = await simulate({ requestsPerSecond: 100, perEndpoint: 25 }, loads, 20, { late: late() });
    expect(all(sent).length).toBeGreaterThanOrEqual(0.95 * 100 * 20);
    expect(busiestSecond(all(sent))).toBeLessThanOrEqual(100);
    for (const times of sent.values()) expect(busiestSecond(times)).toBeLessThanOrEqual(25);
  });

  test("one endpoint alone uses its own budget, and no second sees more", async () => {
    const sent = await simulate(
      { requestsPerSecond: 100, perEndpoint: 25 },
      [{ endpoint: "a", callers: 30 }],
      20,
      {
        late: late(),
      },
    );
    expect(all(sent).length).toBeGreaterThanOrEqual(0.95 * 25 * 20);
    expect(busiestSecond(all(sent))).toBeLessThanOrEqual(25);
  });
});

test("after a silence there is no burst", async () => {
  const clock = new SimulatedClock();
  const pace = new Pace({ requestsPerSecond: 10, perEndpoint: 10 }, clock);
  await clock.run(60_000);
  const sent: number[] = [];
  for (let i = 0; i < 30; i++)
    void pace.turn("a").then(() => {
      sent.push(clock.now());
      pace.over();
    });
  await clock.run(63_500);
  expect(sent).toHaveLength(30);
  expect(busiestSecond(sent)).toBeLessThanOrEqual(10);
  expect(sent.filter((at) => at === 60_000).length).toBeLessThanOrEqual(2);
});

test("a crowd at one endpoint holds up nobody at another", async () => {
  const sent = await simulate(
    { requestsPerSecond: 100, perEndpoint: 10 },
    [
      { endpoint: "crowded", callers: 500, latencyMs: 10 },
      { endpoint: "quiet", callers: 1, latencyMs: 10 },
    ],
    10,
  );
  expect(sent.get("quiet")?.length).toBeGreaterThanOrEqual(95);
  expect(sent.get("crowded")?.length).toBeGreaterThanOrEqual(95);
});

test("no more than 50 requests are under way at once, however slow the answers are", async () => {
  const sent = await simulate(
    { requestsPerSecond: 1_000, perEndpoint: 1_000 },
    [{ endpoint: "a", callers: 300, latencyMs: 5_000 }],
    4,
  );
  expect(sent.get("a")).toHaveLength(50);
});

describe("a refusal", () => {
  const budgets = { requestsPerSecond: 40, perEndpoint: 20 };
  const loads = [
    { endpoint: "a", callers: 20, latencyMs: 100 },
    { endpoint: "b", callers: 20, latencyMs: 100 },
  ];
  const during = (times: number[] = [], from: number, to: number) =>
    times.filter((at) => at >= from * 1_000 && at < to * 1_000).length / (to - from);
  /** Refuses one answer, in the fifth second. */
  function refusing(reason: string | undefined) {
    let refused = false;
    return (pace: Pace, endpoint: string, now: number) => {
      if (refused || endpoint !== "a" || now < 5_000) return pace.succeeded(endpoint);
      refused = true;
      pace.refused(endpoint, reason);
    };
  }

  test("of an endpoint slows that one down, and success brings it back", async () => {
    const sent = await simulate(budgets, loads, 30, { answer: refusing("endpoint-rate") });
    expect(during(sent.get("a"), 5.5, 6.5)).toBeLessThanOrEqual(14);
    expect(during(sent.get("b"), 5.5, 6.5)).toBeGreaterThanOrEqual(19);
    expect(during(sent.get("a"), 25, 30)).toBeGreaterThanOrEqual(19);
  });

  test("of the account slows everybody down", async () => {
    const sent = await simulate(budgets, loads, 30, { answer: refusing("global-rate") });
    expect(during(all(sent), 5.5, 6.5)).toBeLessThanOrEqual(29);
    expect(during(all(sent), 25, 30)).toBeGreaterThanOrEqual(38);
  });

  test("again and again slows down to a request per second, not to none", async () => {
    const sent = await simulate(
      { requestsPerSecond: 40, perEndpoint: 40 },
      [{ endpoint: "a", callers: 5 }],
      60,
      {
        answer: (pace, endpoint) => pace.refused(endpoint, "endpoint-rate"),
      },
    );
    expect(during(sent.get("a"), 30, 60)).toBeCloseTo(1, 1);
  });
});
