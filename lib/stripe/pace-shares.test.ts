import { describe, expect, test } from "vitest";
import { Random } from "../../sandbox/world/random.ts";
import { type Demand, fairShares } from "./pace-shares.ts";

const run = (n: number): Demand => ({ person: 0, run: n });
const person = (n: number): Demand => ({ person: n, run: 0 });

describe("of a budget of 12", () => {
  test.each<[string, Demand[], number[]]>([
    ["one alone has everything, whatever it wants", [run(1)], [12]],
    ["whoever wants nothing has nothing", [run(3), run(0)], [12, 0]],
    ["all who want more have the same", [run(100), run(20), run(9)], [4, 4, 4]],
    ["whoever wants little has all of it", [run(1), run(100), run(100)], [1, 5.5, 5.5]],
    ["what nobody wants is spread", [run(2), run(4)], [5, 7]],
    ["people come before runs", [person(6), run(100), run(100)], [6, 3, 3]],
    ["runs keep a fifth", [person(100), run(100)], [9.6, 2.4]],
    ["or less, if they want less", [person(100), run(1)], [11, 1]],
  ])("%s", (_, demands, shares) => {
    for (const [i, share] of fairShares(12, demands).entries()) expect(share).toBeCloseTo(shares[i] ?? 0, 9);
  });
});

test("thousands of draws are max-min fair", () => {
  const random = new Random(26);
  const draw = () =>
    random.next() < 0.2 ? 0 : Math.floor(random.next() * 40) / (random.next() < 0.5 ? 1 : 7);
  for (let n = 0; n < 5_000; n++) {
    const budget = 1 + random.next() * 100;
    const demands = Array.from({ length: 1 + Math.floor(random.next() * 9) }, () => run(draw()));
    const shares = fairShares(budget, demands);
    const sum = shares.reduce((total, share) => total + share, 0);
    const what = JSON.stringify({ n, budget, demands, shares });
    const wanting = demands.some((demand) => demand.run > 0);
    expect(sum, what).toBeCloseTo(wanting ? budget : 0, 6);
    const lacking = shares.filter((share, i) => share < (demands[i]?.run ?? 0) - 1e-9);
    // Of those who lack something all have the same, and nobody has more than they.
    if (lacking.length > 0) expect(Math.max(...shares) - Math.min(...lacking), what).toBeLessThan(1e-6);
  }
});

test("thousands of draws give people first and runs their part", () => {
  const random = new Random(27);
  for (let n = 0; n < 5_000; n++) {
    const budget = 1 + random.next() * 100;
    const demands = Array.from({ length: 1 + Math.floor(random.next() * 9) }, () => ({
      person: random.next() < 0.5 ? 0 : random.next() * 60,
      run: random.next() < 0.3 ? 0 : random.next() * 60,
    }));
    const shares = fairShares(budget, demands);
    const of = (priority: keyof Demand) => demands.reduce((sum, demand) => sum + demand[priority], 0);
    const what = JSON.stringify({ n, budget, demands, shares });
    const runsPart = Math.min(of("run"), budget * 0.2);
    const onlyRuns = shares.filter((_, i) => demands[i]?.person === 0).reduce((sum, share) => sum + share, 0);
    const onlyPersons = shares.filter((_, i) => demands[i]?.run === 0).reduce((sum, share) => sum + share, 0);
    if (demands.every(({ person, run }) => person === 0 || run === 0)) {
      expect(onlyRuns, what).toBeGreaterThanOrEqual(runsPart - 1e-6);
      expect(onlyPersons, what).toBeGreaterThanOrEqual(Math.min(of("person"), budget - runsPart) - 1e-6);
    }
    // To want more is never to get less.
    const more = demands.map((demand, i) => (i === 0 ? { ...demand, run: demand.run + 5 } : demand));
    if (of("person") + of("run") > budget)
      expect(fairShares(budget, more)[0], what).toBeGreaterThanOrEqual((shares[0] ?? 0) - 1e-6);
  }
});
