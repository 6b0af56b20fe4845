// What a kill at a step comes to. The command `npm run crash` plays more of the same.
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { type Round, seeded, walk } from "./crash.ts";
import { Stage } from "./stage.ts";

let stage: Stage;
beforeAll(() => {
  stage = new Stage(inject("postgresUrl"));
});
afterAll(() => stage.close());

const wrong = (rounds: readonly Round[]) => rounds.filter((round) => round.wrong.length > 0);

test.each([
  { action: "bulk", databases: 1, plot: 4 },
  { action: "bulk", databases: 2, plot: 4 },
  { action: "revert", databases: 2, plot: 4 },
  { action: "policy", databases: 1, plot: 11 },
] as const)(
  "$action in $databases, killed at each of its steps and perhaps again, ends as if nothing had happened",
  {
    timeout: 180_000,
  },
  async (script) => {
    const rounds = await walk(stage, script);
    expect(wrong(rounds)).toEqual([]);
    const steps = rounds.map(({ blows }) => blows[0]?.name);
    expect(steps).toEqual(
      expect.arrayContaining(["insert fixes", "commit intents", "update rows", "commit rows"]),
    );
    expect(steps).toEqual(
      expect.arrayContaining(["update fixes", "commit outcomes", "tell the history", "commit the end"]),
    );
    expect(rounds.some(({ fell }) => fell > 1)).toBe(true);
  },
);

test("rounds of which a seed decides everything end as if nothing had happened", {
  timeout: 180_000,
}, async () => {
  const rounds: Round[] = [];
  for (let seed = 2_001; seed <= 2_006; seed++) rounds.push(await seeded(stage, seed));
  expect(wrong(rounds)).toEqual([]);
});
