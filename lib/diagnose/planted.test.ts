// The causes that a run names, beside those that were planted: none of them may be wrong, whatever is left unknown.
import { afterEach, describe, expect, test } from "vitest";
import { createExample, type ExampleOptions } from "../../sandbox/example/create.ts";
import everyType from "../../sandbox/example/every-type.config.ts";
import type { Planted } from "../../sandbox/example/planted.ts";
import { openTestDesk } from "../../sandbox/testing.ts";
import { run } from "../../sandbox/testing-runs.ts";
import { generateWorld } from "../../sandbox/world/index.ts";
import { type Cause, causes } from "../db/schema.ts";
import type { Desk } from "../desk.ts";

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const now = new Date("2026-11-24T12:00:00Z");

interface Size {
  seed: number;
  customers: number;
  drift: NonNullable<ExampleOptions["drift"]>;
  /** The least share of what was planted that has to be named. */
  recall: Partial<Record<Cause, number>>;
}

const webhooks = { webhook_undelivered: 0.9, webhook_lost: 0.85, handler_failed: 0.9 };

async function company({
  seed,
  customers,
  drift,
}: Omit<Size, "recall">): Promise<{ desk: Desk; planted: Planted[] }> {
  const world = generateWorld({ seed, customers, now });
  const pace = { requestsPerSecond: 2_000, perEndpoint: 2_000 };
  const { desk, local, grant, close } = await openTestDesk({
    world,
    config: { ...everyType, pace },
    now: () => now,
  });
  cleanups.push(close);
  const planted = await createExample(local, world, { seed, now, drift });
  await grant();
  return { desk, planted };
}

interface Named extends Pick<Planted, "resource" | "stripeId" | "localKey" | "cause"> {
  why: string | null;
}

const identity = ({ resource, stripeId, localKey }: Pick<Planted, "resource" | "stripeId" | "localKey">) =>
  `${resource} ${stripeId} ${localKey}`;

/** Planted × found, a line for each planted cause, and what is wrong. */
function compare(planted: readonly Planted[], named: readonly Named[]) {
  const found = new Map(named.map((one) => [identity(one), one]));
  const counts = new Map<string, number>();
  const wrong: string[] = [];
  const missed = new Map<string, number>();
  for (const one of planted) {
    const { cause, why } = found.get(identity(one)) ?? { cause: "unknown" as Cause, why: "not found" };
    const pair = `${one.cause} ${cause}`;
    counts.set(pair, (counts.get(pair) ?? 0) + 1);
    if (cause !== "unknown" && cause !== one.cause)
      wrong.push(`${identity(one)}: ${one.cause}, found ${cause} (${why}): ${one.why}`);
    if (cause === "unknown" && one.cause !== "unknown") {
      const miss = `${one.resource} ${one.cause} ${why}: ${one.why}`;
      missed.set(miss, (missed.get(miss) ?? 0) + 1);
    }
  }
  const table = causes.map((of) =>
    [of.padEnd(20), ...causes.map((as) => String(counts.get(`${of} ${as}`) ?? 0).padStart(8))].join(""),
  );
  return {
    wrong,
    table: [" ".repeat(20) + causes.map((c) => c.slice(0, 7).padStart(8)).join(""), ...table].join("\n"),
    missed: [...missed].sort((a, b) => b[1] - a[1]).map(([miss, count]) => `${count} ${miss}`),
    recall: (cause: Cause) => {
      const all = planted.filter((one) => one.cause === cause).length;
      return all === 0 ? 1 : (counts.get(`${cause} ${cause}`) ?? 0) / all;
    },
  };
}

describe.each<Size>([
  { seed: 1, customers: 200, drift: 0.1, recall: { ...webhooks, local_edit: 0.6 } },
  { seed: 2, customers: 300, drift: 0.05, recall: { ...webhooks, local_edit: 0.6 } },
  // Most of it is older than the events.
  { seed: 3, customers: 120, drift: "all", recall: webhooks },
])("a company of $customers customers, seed $seed, drift $drift", (size) => {
  test("no cause is wrong, and most of those that can be told are named", async () => {
    const { desk, planted } = await company(size);
    expect((await run(desk)).state).toBe("succeeded");
    const named = await desk.sql<Named[]>`
      SELECT resource, stripe_id AS "stripeId", local_key AS "localKey", cause, cause_evidence ->> 'why' AS why
      FROM driftdesk.discrepancies`;
    const result = compare(planted, named);
    console.log(result.table, "\n", result.missed.join("\n"));
    expect(result.wrong, result.table).toEqual([]);
    for (const [cause, least] of Object.entries(size.recall))
      expect(
        result.recall(cause as Cause),
        `${cause}\n${result.table}\n${result.missed.join("\n")}`,
      ).toBeGreaterThanOrEqual(least);
  });
});
