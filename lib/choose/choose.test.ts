import { readFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { choose, durationWords, type Figures, requestsOfLookups, secondsOfFullRun } from "./choose.ts";

/** `pace.perEndpoint` where the config says nothing. */
const limits = { requestsPerSecond: 20 };
const figures = fc.record({
  rows: fc.integer({ min: 0, max: 1e8 }),
  driftPerWeek: fc.integer({ min: 0, max: 1e6 }),
  lookupsPerSecond: fc.integer({ min: 0, max: 1e5 }),
  staleness: fc.integer({ min: 0, max: 30 * 86_400 }),
});
const order = ["no", "with care", "yes"];

describe("the choice", () => {
  test("more rows and more lookups never cost less, and more patience never costs more", () => {
    fc.assert(
      fc.property(figures, fc.integer({ min: 1, max: 10_000 }), (given, more) => {
        const bigger = (name: keyof Figures) => ({ ...given, [name]: given[name] + more });
        expect(requestsOfLookups(bigger("rows"))).toBeGreaterThanOrEqual(requestsOfLookups(given));
        expect(requestsOfLookups(bigger("lookupsPerSecond"))).toBeGreaterThanOrEqual(
          requestsOfLookups(given),
        );
        expect(requestsOfLookups(bigger("staleness"))).toBeLessThanOrEqual(requestsOfLookups(given));
        expect(secondsOfFullRun(bigger("rows"), 20)).toBeGreaterThanOrEqual(secondsOfFullRun(given, 20));
        for (const [strategy, { fits }] of Object.entries(choose(given, limits).verdicts)) {
          const patient = choose(bigger("staleness"), limits).verdicts[strategy as "quick-fix"].fits;
          expect(order.indexOf(patient), strategy).toBeGreaterThanOrEqual(order.indexOf(fits));
        }
      }),
    );
  });

  test("rests on nothing that does not fit while something does, and never on a lookup without runs beneath", () => {
    fc.assert(
      fc.property(figures, (given) => {
        const { take, verdicts } = choose(given, limits);
        expect(take).toContain("reconciliation");
        const [first] = take;
        const { reconciliation, "live-lookup": live } = verdicts;
        if (reconciliation.fits !== "no" || live.fits !== "no")
          expect(verdicts[first as "live-lookup"].fits).not.toBe("no");
      }),
    );
  });

  test("a schedule that leaves more time than is bearable is named", () => {
    const given = { rows: 10_000, driftPerWeek: 100, lookupsPerSecond: 0, staleness: 600 };
    const by = (scheduledEvery: number | null) =>
      choose(given, { ...limits, scheduledEvery }).verdicts.reconciliation;
    expect(by(600).fits).toBe("yes");
    expect(by(3_600)).toMatchObject({
      fits: "with care",
      why: expect.stringContaining("up to 60 min between two"),
    });
    expect(by(null)).toMatchObject({ fits: "with care", why: expect.stringContaining("has no schedule") });
  });

  test("durations are no more exact than they are true", () => {
    expect([0, 0.2, 40, 89, 400, 5_500, 200_000].map(durationWords)).toEqual([
      "no time",
      "less than a second",
      "40 s",
      "89 s",
      "7 min",
      "2 h",
      "2 days",
    ]);
  });
});

const names = { "quick-fix": "quick fix", reconciliation: "reconciliation", "live-lookup": "live lookup" };
const examples: Figures[] = [
  { rows: 2_000, driftPerWeek: 5, lookupsPerSecond: 0, staleness: 86_400 },
  { rows: 50_000, driftPerWeek: 200, lookupsPerSecond: 2, staleness: 3_600 },
  { rows: 50_000, driftPerWeek: 200, lookupsPerSecond: 40, staleness: 60 },
  { rows: 5_000, driftPerWeek: 50, lookupsPerSecond: 40, staleness: 250 },
  { rows: 1_000_000, driftPerWeek: 3_000, lookupsPerSecond: 10, staleness: 120 },
  { rows: 5_000_000, driftPerWeek: 10_000, lookupsPerSecond: 200, staleness: 3_600 },
];

test("the examples of docs/choosing.md are what the desk says", async () => {
  const page = await readFile(join(import.meta.dirname, "../../docs/choosing.md"), "utf8");
  const rows = page
    .split("\n")
    .filter((line) => /^\| *[\d,]/.test(line))
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
  expect(rows).toEqual(
    examples.map((given) => {
      const { take } = choose(given, limits);
      return [
        given.rows.toLocaleString("en-US"),
        given.driftPerWeek.toLocaleString("en-US"),
        String(given.lookupsPerSecond),
        durationWords(given.staleness),
        durationWords(secondsOfFullRun(given, limits.requestsPerSecond)),
        String(Number(requestsOfLookups(given).toPrecision(2))),
        take.map((one) => names[one]).join(", then "),
      ];
    }),
  );
});
