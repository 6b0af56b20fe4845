// Several processes ask one account. Their time is simulated, the board is a real Postgres, and the sandbox's own
// limiter is the judge.
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { Gate, type Limits } from "../../sandbox/server/limits.ts";
import { Refusal } from "../../sandbox/server/refusal.ts";
import { type FreshDatabase, freshDatabase } from "../db/testing.ts";
import type { Budgets, Priority } from "./pace.ts";
import { type Board, openBoard } from "./pace-board.ts";
import { SharedPace } from "./shared-pace.ts";
import { busiestSecond, jitter, SimulatedClock } from "./testing.ts";

let database: FreshDatabase;
beforeAll(async () => {
  database = await freshDatabase({ migrated: true });
});
afterAll(() => database.drop());
const boards: Board[] = [];
afterEach(async () => {
  for (const board of boards.splice(0)) await board.close();
  await database.sql`DELETE FROM driftdesk.pace_shares`;
});

const live: Budgets & Limits = { requestsPerSecond: 100, perEndpoint: 25 };
const six = ["a", "b", "c", "d", "e", "f"];

interface Sent {
  at: number;
  endpoint: string;
  priority: Priority;
  refused: boolean;
}

interface Process {
  sent: Sent[];
  shared: SharedPace;
  /** So many callers for each endpoint, who ask again as soon as they are answered. */
  ask(endpoints: readonly string[], callers: number, priority?: Priority): void;
  stopAsking(): void;
  end(): Promise<void>;
  /** Nothing more is heard of it. */
  kill(): void;
  database: "answers" | "refuses" | "is silent";
}

/** An account with these limits, some processes that ask it, and a clock. */
function openAccount(limits: Limits, late: () => number = () => 0) {
  const clock = new SimulatedClock(late);
  const gate = new Gate(limits, clock.now);
  const processes: Process[] = [];
  const from = Date.UTC(2026, 10, 24);

  function start(budgets: Budgets = live, account = "key"): Process {
    let dead = false;
    let asking = 0;
    const board = openBoard(
      () => database.url,
      () => new Date(from + clock.now()),
    );
    boards.push(board);
    const shared = new SharedPace({
      budgets,
      clock,
      account,
      board: {
        ...board,
        async exchange(report) {
          if (dead) return new Promise(() => {});
          if (process.database === "refuses") throw new Error("connection refused");
          while (process.database === "is silent") await clock.sleep(100);
          return clock.hold(board.exchange(report));
        },
      },
    });
    async function caller(endpoint: string, priority: Priority, turn: number) {
      while (!dead && asking === turn) {
        const request = await shared.pace.turn(endpoint, priority);
        if (dead) return;
        const reason = knock(gate, endpoint, clock);
        process.sent.push({ at: clock.now(), endpoint, priority, refused: reason !== null });
        await clock.sleep(reason === null ? 200 : 5);
        request.over(reason === null ? "answered" : { refused: reason });
        if (reason !== null) await clock.sleep(300);
      }
    }
    const process: Process = {
      sent: [],
      shared,
      ask(endpoints, callers, priority = "run") {
        for (const endpoint of endpoints)
          for (let i = 0; i < callers; i++) void caller(endpoint, priority, asking);
      },
      stopAsking: () => {
        asking++;
      },
      end: () => clock.hold(board.close()),
      kill: () => {
        dead = true;
      },
      database: "answers",
    };
    processes.push(process);
    return process;
  }

  return {
    clock,
    start,
    /** Somebody else's program, which tells nobody what it takes. */
    async otherUser(endpoint: string, perSecond: number) {
      for (;;) {
        knock(gate, endpoint, clock);
        await clock.sleep(1_000 / perSecond);
      }
    },
    until: (seconds: number) => clock.run(seconds * 1_000),
    all: () => processes.flatMap((process) => process.sent),
  };
}

/** The reason of the 429, or null. An answer takes 200 ms. */
function knock(gate: Gate, endpoint: string, clock: SimulatedClock): string | null {
  try {
    void clock.sleep(200).then(gate.enter(endpoint));
    return null;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return error.headers["Stripe-Rate-Limited-Reason"] ?? null;
  }
}

/** Answered requests a second between two moments. */
const rate = (sent: readonly Sent[], from: number, to: number) =>
  sent.filter(({ at, refused }) => !refused && at >= from * 1_000 && at < to * 1_000).length / (to - from);
const refusedShare = (sent: readonly Sent[], from = 0) => {
  const later = sent.filter(({ at }) => at >= from * 1_000);
  return later.filter(({ refused }) => refused).length / later.length;
};

test("a process alone sends at its budget from the first second", async () => {
  const account = openAccount(live);
  const one = account.start();
  one.ask(six, 12);
  await account.until(5);
  expect(rate(one.sent, 0, 1)).toBeGreaterThanOrEqual(95);
  expect(rate(one.sent, 0, 5)).toBeGreaterThanOrEqual(99);
  expect(refusedShare(one.sent)).toBe(0);
});

test.each([2, 8])("%i processes together use the budget like one", async (count) => {
  const account = openAccount(live, jitter());
  const processes = Array.from({ length: count }, () => account.start());
  for (const process of processes) process.ask(six, 12);
  await account.until(20);
  expect(refusedShare(account.all())).toBe(0);
  expect(rate(account.all(), 1, 20)).toBeGreaterThanOrEqual(97);
  const times = account.all().map(({ at }) => at);
  // Each begins with a request of which the others know nothing, and each one's shares are rounded.
  expect(busiestSecond(times)).toBeLessThanOrEqual(100 + 2 * count);
  expect(busiestSecond(times.filter((at) => at > 2_000))).toBeLessThanOrEqual(100 + count);
  for (const { sent } of processes) expect(rate(sent, 2, 20)).toBeGreaterThanOrEqual(0.9 * (100 / count));
});

test("one that comes later gets its part within a second, and nobody is refused for it", async () => {
  const account = openAccount(live, jitter());
  const [first, second] = [account.start(), account.start()];
  first.ask(six, 12);
  await account.until(5);
  second.ask(six, 12);
  await account.until(20);
  expect(second.sent[0]?.at).toBeLessThan(5_010);
  expect(rate(second.sent, 6, 20)).toBeGreaterThanOrEqual(47);
  expect(rate(first.sent, 6, 20)).toBeGreaterThanOrEqual(47);
  expect(rate(account.all(), 0, 20)).toBeGreaterThanOrEqual(97);
  // The first request of a newcomer waits for nobody.
  expect(busiestSecond(account.all().map(({ at }) => at))).toBeLessThanOrEqual(102);
});

test("one that wants little gets all of that, and the others the rest", async () => {
  const account = openAccount(live);
  const [much, more, little] = [account.start(), account.start(), account.start()];
  much.ask(["a"], 20);
  more.ask(["a"], 40);
  little.ask(["a"], 1);
  await account.until(12);
  expect(rate(little.sent, 2, 12)).toBeGreaterThanOrEqual(4.5);
  expect(rate(much.sent, 2, 12)).toBeCloseTo(10, 0);
  expect(rate(more.sent, 2, 12)).toBeCloseTo(10, 0);
});

test.each([
  ["ends", (process: Process) => void process.end(), 1],
  ["has nothing more to ask", (process: Process) => process.stopAsking(), 2.5],
  ["is killed", (process: Process) => process.kill(), 6],
])("when one %s, the others soon have its part", async (_, leave, withinSeconds) => {
  const account = openAccount(live, jitter());
  const [left, stays] = [account.start(), account.start()];
  left.ask(six, 12);
  stays.ask(six, 12);
  await account.until(5);
  left.stopAsking();
  leave(left);
  await account.until(20);
  expect(rate(stays.sent, 2, 5)).toBeLessThanOrEqual(52);
  expect(rate(stays.sent, 5 + withinSeconds, 20)).toBeGreaterThanOrEqual(97);
  expect(refusedShare(account.all())).toBe(0);
});

test.each(["refuses", "is silent"] as const)(
  "when the database %s, the last share is kept for five seconds; then it is one request a second, until it is back",
  async (trouble) => {
    const account = openAccount(live);
    const [cut, stays] = [account.start(), account.start()];
    cut.ask(six, 12);
    stays.ask(six, 12);
    await account.until(5);
    cut.database = trouble;
    await account.until(15);
    expect(rate(cut.sent, 5, 9)).toBeGreaterThanOrEqual(45);
    expect(rate(cut.sent, 11, 15)).toBeCloseTo(1, 0);
    expect(rate(stays.sent, 11, 15)).toBeGreaterThanOrEqual(97);
    cut.database = "answers";
    await account.until(25);
    expect(rate(cut.sent, 17, 25)).toBeGreaterThanOrEqual(47);
    expect(refusedShare(account.all())).toBeLessThanOrEqual(0.01);
  },
);

test("two keys of one account share as well, once the account is known", async () => {
  const account = openAccount(live);
  const [one, other] = [account.start(live, "key 1"), account.start(live, "key 2")];
  for (const process of [one, other]) {
    process.shared.alsoKnownAs("acct_1 live");
    process.ask(six, 12);
  }
  await account.until(10);
  expect(rate(one.sent, 2, 10)).toBeGreaterThanOrEqual(47);
  expect(rate(other.sent, 2, 10)).toBeGreaterThanOrEqual(47);
  expect(refusedShare(account.all())).toBe(0);
});

test("another account's processes are none of its business", async () => {
  const account = openAccount({ requestsPerSecond: 1_000, perEndpoint: 1_000 });
  const [one, other] = [account.start(live, "key 1"), account.start(live, "key 2")];
  one.ask(six, 12);
  other.ask(six, 12);
  await account.until(5);
  expect(rate(one.sent, 1, 5)).toBeGreaterThanOrEqual(97);
  expect(rate(other.sent, 1, 5)).toBeGreaterThanOrEqual(97);
});

test("somebody else takes a part of the account unannounced: less than 1 % is refused, and the rest is used", async () => {
  const account = openAccount(live, jitter());
  const processes = [account.start(), account.start(), account.start()];
  for (const process of processes) process.ask(six, 12);
  await account.until(10);
  void account.otherUser("elsewhere", 25);
  await account.until(120);
  expect(refusedShare(account.all(), 25)).toBeLessThanOrEqual(0.01);
  // Simulated timers are late: the other one takes a little less than 25.
  expect(rate(account.all(), 25, 120)).toBeGreaterThanOrEqual(0.93 * 75);
});

test("of one endpoint as well, and the other endpoints do not suffer", async () => {
  const account = openAccount(live, jitter());
  const processes = [account.start(), account.start()];
  for (const process of processes) process.ask(["a", "b"], 12);
  void account.otherUser("a", 10);
  await account.until(120);
  const at = (endpoint: string) => account.all().filter((sent) => sent.endpoint === endpoint);
  expect(refusedShare(at("a"), 15)).toBeLessThanOrEqual(0.01);
  expect(rate(at("a"), 15, 120)).toBeGreaterThanOrEqual(0.9 * 15);
  expect(rate(at("b"), 15, 120)).toBeGreaterThanOrEqual(24);
});

test("what one learns from a refusal, the others go by", async () => {
  const account = openAccount({ requestsPerSecond: 1_000, perEndpoint: 1_000 });
  const [one, other] = [account.start(), account.start()];
  one.ask(six, 12);
  other.ask(six, 12);
  await account.until(5);
  void one.shared.pace.turn("a").then((turn) => turn.over({ refused: "global-rate" }));
  // It has to wait for its turn like any other.
  await account.until(9);
  expect(rate(one.sent, 8, 9)).toBeLessThanOrEqual(42);
  expect(rate(other.sent, 8, 9)).toBeLessThanOrEqual(42);
  await account.until(25);
  expect(rate(account.all(), 20, 25)).toBeGreaterThanOrEqual(97);
});

test("a person in one process goes before the runs of the others, and these go on", async () => {
  const account = openAccount(live);
  const runs = Array.from({ length: 8 }, () => account.start());
  for (const run of runs) run.ask(["a"], 12);
  await account.until(5);
  const web = account.start();
  web.ask(["a"], 2, "person");
  await account.until(15);
  // Two callers at 200 ms a request.
  expect(rate(web.sent, 6, 15)).toBeGreaterThanOrEqual(9);
  web.ask(["a"], 50, "person");
  await account.until(25);
  expect(rate(web.sent, 17, 25)).toBeCloseTo(20, 0);
  expect(
    rate(
      runs.flatMap((run) => run.sent),
      17,
      25,
    ),
  ).toBeCloseTo(5, 0);
});
