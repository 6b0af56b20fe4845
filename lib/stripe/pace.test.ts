import { describe, expect, test } from "vitest";
import { Gate, type Limits } from "../../sandbox/server/limits.ts";
import { Refusal } from "../../sandbox/server/refusal.ts";
import { type Budgets, type Ending, Pace, type Priority } from "./pace.ts";
import { busiestSecond, jitter, SimulatedClock } from "./testing.ts";

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
  options: { late?: () => number; answer?: (endpoint: string, now: number) => Ending } = {},
): Promise<Map<string, number[]>> {
  const clock = new SimulatedClock(options.late);
  const pace = new Pace(budgets, clock);
  const sent = new Map<string, number[]>();
  const endMs = seconds * 1_000;
  async function caller({ endpoint, latencyMs = 200 }: Load) {
    while (clock.now() < endMs) {
      const turn = await pace.turn(endpoint);
      if (clock.now() >= endMs) return;
      sent.set(endpoint, [...(sent.get(endpoint) ?? []), clock.now()]);
      await clock.sleep(latencyMs);
      turn.over(options.answer?.(endpoint, clock.now()) ?? "answered");
    }
  }
  for (const load of loads) for (let i = 0; i < load.callers; i++) void caller(load);
  await clock.run(endMs);
  return sent;
}

const all = (sent: Map<string, number[]>) => [...sent.values()].flat();

describe.each([
  ["on time", () => () => 0, 1_000],
  // A request that was late by 8 ms, and one a second later that was not.
  ["late timers", jitter, 992],
])("%s", (_, late, second) => {
  test("steady work uses the account's budget, and no second sees more", async () => {
    const loads = ["a", "b", "c", "d", "e", "f"].map((endpoint) => ({
      endpoint,
      callers: 10,
      latencyMs: 100,
    }));
    const sent = await simulate({ requestsPerSecond: 100, perEndpoint: 25 }, loads, 20, { late: late() });
    expect(all(sent).length).toBeGreaterThanOrEqual(0.99 * 100 * 20);
    expect(busiestSecond(all(sent), second)).toBeLessThanOrEqual(100);
    for (const times of sent.values()) expect(busiestSecond(times, second)).toBeLessThanOrEqual(25);
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
    expect(all(sent).length).toBeGreaterThanOrEqual(0.99 * 25 * 20);
    expect(busiestSecond(all(sent), second)).toBeLessThanOrEqual(25);
  });
});

test("after a silence there is no burst", async () => {
  const clock = new SimulatedClock();
  const pace = new Pace({ requestsPerSecond: 10, perEndpoint: 10 }, clock);
  await clock.run(60_000);
  const sent: number[] = [];
  for (let i = 0; i < 30; i++)
    void pace.turn("a").then((turn) => {
      sent.push(clock.now());
      turn.over("answered");
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

/** Whether an endpoint is crowded at the end of four seconds with so many callers, who all began at the same moment. */
async function crowdedBy(callers: number, elsewhere = 0): Promise<boolean> {
  const clock = new SimulatedClock();
  const pace = new Pace({ requestsPerSecond: 50, perEndpoint: 25 }, clock);
  async function caller(endpoint: string) {
    for (;;) {
      const turn = await pace.turn(endpoint);
      await clock.sleep(200);
      turn.over("answered");
    }
  }
  for (let i = 0; i < callers; i++) void caller("a");
  for (let i = 0; i < elsewhere; i++) void caller(`b${i}`);
  await clock.run(4_000);
  return pace.crowded("a");
}

test("an endpoint is crowded when its budget is used up, not because callers who come together wait for a moment", async () => {
  expect(await crowdedBy(3)).toBe(false);
  expect(await crowdedBy(6)).toBe(true);
});

test("every endpoint is crowded when the account's budget is used up", async () => {
  expect(await crowdedBy(1, 5)).toBe(false);
  expect(await crowdedBy(1, 20)).toBe(true);
});

describe("a person who waits", () => {
  const budgets = { requestsPerSecond: 20, perEndpoint: 10 };

  /** Send times by priority, with callers of both. */
  async function simulateBoth(endpoints: { person: string; run: string }, persons: number) {
    const clock = new SimulatedClock();
    const pace = new Pace(budgets, clock);
    const sent: Record<Priority, number[]> = { person: [], run: [] };
    async function caller(priority: Priority) {
      for (;;) {
        const turn = await pace.turn(endpoints[priority], priority);
        sent[priority].push(clock.now());
        await clock.sleep(50);
        turn.over("answered");
      }
    }
    for (let i = 0; i < 30; i++) void caller("run");
    await clock.run(5_000);
    for (let i = 0; i < persons; i++) void caller("person");
    await clock.run(25_000);
    return { sent, perSecond: (times: number[]) => times.filter((at) => at >= 5_000).length / 20 };
  }

  test("goes before the pages of a run that came before", async () => {
    const { sent } = await simulateBoth({ person: "a", run: "a" }, 1);
    expect(sent.person[0]).toBeLessThanOrEqual(5_100);
  });

  test("at the same endpoint leaves every fifth request to the run", async () => {
    const { sent, perSecond } = await simulateBoth({ person: "a", run: "a" }, 30);
    expect(perSecond(sent.person)).toBeCloseTo(8, 0);
    expect(perSecond(sent.run)).toBeCloseTo(2, 0);
  });

  test("at another endpoint takes nothing from it that it does not need", async () => {
    const { sent, perSecond } = await simulateBoth({ person: "b", run: "a" }, 30);
    expect(perSecond(sent.person)).toBeCloseTo(10, 0);
    expect(perSecond(sent.run)).toBeCloseTo(10, 0);
  });
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
    return (endpoint: string, now: number): Ending => {
      if (refused || endpoint !== "a" || now < 5_000) return "answered";
      refused = true;
      return { refused: reason };
    };
  }

  test("of an endpoint slows that one down, and success brings it back", async () => {
    const sent = await simulate(budgets, loads, 30, { answer: refusing("endpoint-rate") });
    expect(during(sent.get("a"), 5.5, 6.5)).toBeLessThanOrEqual(15);
    expect(during(sent.get("b"), 5.5, 6.5)).toBeGreaterThanOrEqual(19);
    expect(during(sent.get("a"), 25, 30)).toBeGreaterThanOrEqual(19);
  });

  test("of the account slows everybody down", async () => {
    const sent = await simulate(budgets, loads, 30, { answer: refusing("global-rate") });
    expect(during(all(sent), 5.5, 6.5)).toBeLessThanOrEqual(30);
    expect(during(all(sent), 25, 30)).toBeGreaterThanOrEqual(38);
  });

  test("of a specific resource slows down what asked for it", async () => {
    const sent = await simulate(budgets, loads, 10, { answer: refusing("resource-specific") });
    expect(during(sent.get("a"), 5.5, 6.5)).toBeLessThanOrEqual(15);
    expect(during(sent.get("b"), 5.5, 6.5)).toBeGreaterThanOrEqual(19);
  });

  test("without a reason means both", async () => {
    const sent = await simulate(budgets, loads, 10, { answer: refusing(undefined) });
    expect(during(sent.get("a"), 5.5, 6.5)).toBeLessThanOrEqual(15);
    expect(during(all(sent), 5.5, 6.5)).toBeLessThanOrEqual(29);
  });

  test("again and again slows down to a request per second, not to none", async () => {
    const sent = await simulate(
      { requestsPerSecond: 40, perEndpoint: 40 },
      [{ endpoint: "a", callers: 5 }],
      60,
      {
        answer: () => ({ refused: "endpoint-rate" }),
      },
    );
    expect(during(sent.get("a"), 30, 60)).toBeCloseTo(1, 1);
  });
});

describe("for too many at the same time", () => {
  /** What became of requests that take 200 ms and are judged by the sandbox's limits. */
  async function judged(limits: Limits) {
    const clock = new SimulatedClock();
    const gate = new Gate(limits, clock.now);
    const pace = new Pace({ requestsPerSecond: 100, perEndpoint: 25 }, clock);
    const requests: { at: number; endpoint: string; refused: boolean }[] = [];
    async function caller(endpoint: string) {
      for (;;) {
        const turn = await pace.turn(endpoint);
        const request = { at: clock.now(), endpoint, refused: false };
        requests.push(request);
        try {
          const leave = gate.enter(endpoint);
          await clock.sleep(200);
          leave();
          turn.over("answered");
        } catch (error) {
          if (!(error instanceof Refusal)) throw error;
          request.refused = true;
          await clock.sleep(5);
          turn.over({ refused: error.headers["Stripe-Rate-Limited-Reason"] });
          await clock.sleep(200);
        }
      }
    }
    for (const endpoint of ["a", "b", "c", "d"]) for (let i = 0; i < 10; i++) void caller(endpoint);
    await clock.run(120_000);
    const steady = requests.filter(({ at }) => at > 10_000);
    return {
      refusedShare: steady.filter(({ refused }) => refused).length / steady.length,
      perSecond: steady.filter(({ refused }) => !refused).length / 110,
    };
  }
  const rates = { requestsPerSecond: 100, perEndpoint: 25 };

  test("of the account, fewer are under way", async () => {
    const { refusedShare, perSecond } = await judged({ ...rates, concurrency: 8 });
    expect(refusedShare).toBeLessThanOrEqual(0.01);
    // Eight at a time and five times a second would be forty.
    expect(perSecond).toBeGreaterThanOrEqual(0.8 * 40);
  });

  test("of an endpoint, fewer are under way there", async () => {
    const { refusedShare, perSecond } = await judged({ ...rates, endpointConcurrency: 3 });
    expect(refusedShare).toBeLessThanOrEqual(0.01);
    expect(perSecond).toBeGreaterThanOrEqual(0.7 * 4 * 15);
  });
});
