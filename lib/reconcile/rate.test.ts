import { expect, test } from "vitest";
import { RunRate, timeLeftWords } from "./rate.ts";
import type { RunResourceView, RunView } from "./runs.ts";

const run = (requests: number, resources: Partial<RunResourceView>[]): RunView =>
  ({
    state: "running",
    requests,
    resources: resources.map((one, i) => ({
      resource: `r${i}`,
      state: "fetching",
      objectsExpected: null,
      ...one,
    })),
  }) as RunView;

test("rates are those of the last moments, and nothing is forecast that nobody knows", () => {
  const rates = new RunRate();
  const at = (
    seconds: number,
    objects: number,
    expected: number | null,
    more: Partial<RunResourceView>[] = [],
  ) => rates.add(run(objects / 100, [{ objects, objectsExpected: expected }, ...more]), seconds * 1_000);
  expect(at(0, 0, null)).toEqual({ requestsPerSecond: null, secondsLeft: null });
  expect(at(2, 4_000, 20_000)).toEqual({ requestsPerSecond: 20, secondsLeft: null });
  expect(at(5, 10_000, 20_000)).toEqual({ requestsPerSecond: 20, secondsLeft: 5 });
  expect(at(5, 10_000, null).secondsLeft).toBeNull();
  // Half as fast from here on: after a while that is all that counts.
  at(10, 15_000, 20_000);
  at(20, 25_000, 50_000);
  expect(at(25, 30_000, 50_000)).toEqual({ requestsPerSecond: 10, secondsLeft: 20 });
  const waiting = [{ objects: 0, state: "waiting" as const }];
  expect(at(26, 31_000, 50_000, waiting).secondsLeft).toBeNull();
  const slow = [{ objects: 0, objectsExpected: 100 }];
  expect(at(27, 32_000, 50_000, slow).secondsLeft).toBeNull();
});

test.each([
  [3, "a few seconds left"],
  [41, "about 50 s left"],
  [58, "about 1 min left"],
  [61, "about 2 min left"],
  [4_300, "about 1 h 10 min left"],
])("%d seconds are told as %j", (seconds, words) => {
  expect(timeLeftWords(seconds)).toBe(words);
});
