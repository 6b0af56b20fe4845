// The command `npm run storm` does more of the same.
import { afterAll, expect, test } from "vitest";
import { storm } from "../../sandbox/storm/storm.ts";
import { type FreshDatabase, freshDatabase } from "../db/testing.ts";

const databases: FreshDatabase[] = [];
afterAll(async () => {
  for (const database of databases) await database.drop();
});

test("workers that are killed at random end a run as if nothing had happened", {
  timeout: 300_000,
}, async () => {
  const database = async () => {
    const fresh = await freshDatabase();
    databases.push(fresh);
    return fresh.url;
  };
  const rounds = await storm({ seed: 3, rounds: 3, workers: 2, customers: 200, latencyMs: 60, database });
  expect(rounds.map(({ seed, wrong }) => ({ seed, wrong }))).toEqual(
    [3_001, 3_002, 3_003].map((seed) => ({ seed, wrong: [] })),
  );
  expect(rounds.reduce((kills, round) => kills + round.kills, 0)).toBeGreaterThan(5);
});
