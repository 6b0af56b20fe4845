// The main promise: a run finds exactly what differs. Drift is planted in a whole company's tables, and the list of what
// was planted is compared with what a run recorded: nothing more, nothing less, over several seeds and sizes.
import { afterEach, describe, expect, test } from "vitest";
import { createExample, type ExampleOptions } from "../../sandbox/example/create.ts";
import everyType from "../../sandbox/example/every-type.config.ts";
import type { Planted } from "../../sandbox/example/planted.ts";
import { openTestDesk } from "../../sandbox/testing.ts";
import { run } from "../../sandbox/testing-runs.ts";
import { generateWorld } from "../../sandbox/world/index.ts";
import { addUser } from "../auth/users.ts";
import { type Actor, type Desk, systemActor } from "../desk.ts";
import { requestBulk } from "../fixes/bulk.ts";
import { executeBulk } from "../fixes/execute.ts";
import { approveBulk } from "../fixes/second-person.ts";

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Size {
  seed: number;
  customers: number;
  drift: NonNullable<ExampleOptions["drift"]>;
  databases: 1 | 2;
}

const now = new Date("2026-11-24T12:00:00Z");

async function company({
  seed,
  customers,
  drift,
  databases,
}: Size): Promise<{ desk: Desk; planted: Planted[] }> {
  const world = generateWorld({ seed, customers, now });
  const pace = { requestsPerSecond: 2_000, perEndpoint: 2_000 };
  const { desk, local, grant, close } = await openTestDesk({
    world,
    config: { ...everyType, pace },
    databases,
    now: () => now,
  });
  cleanups.push(close);
  await addUser(desk, ada, systemActor);
  const planted = await createExample(local, world, { seed, now, drift });
  await grant();
  return { desk, planted };
}

async function reconcile(desk: Desk): Promise<void> {
  const done = await run(desk);
  expect(done.message).toBeNull();
  expect(done.state).toBe("succeeded");
}

/** One line for each, so that a difference between two lists can be read. */
const line = (p: Omit<Planted, "cause" | "why">) =>
  [
    p.resource,
    p.kind,
    p.stripeId ?? "-",
    p.localKey ?? "-",
    p.fields.join("+") || "-",
    p.impact,
    p.rowError ? "row error" : "",
  ]
    .join(" ")
    .trim();

async function found(desk: Desk): Promise<string[]> {
  const rows = await desk.sql<Omit<Planted, "cause" | "why">[]>`
    SELECT resource, kind, stripe_id AS "stripeId", local_key AS "localKey", impact, row_error IS NOT NULL AS "rowError",
           ARRAY(SELECT f ->> 'name' FROM jsonb_array_elements(fields) f ORDER BY f ->> 'name' COLLATE "C") AS fields
    FROM driftdesk.discrepancies WHERE state = 'open'`;
  return rows.map(line).sort();
}

/** Everything that a run could have changed, but for the run's own id and time. */
async function recorded(desk: Desk) {
  const [entries] = await desk.sql<{ count: number }[]>`
    SELECT count(*)::int FROM driftdesk.audit_entries WHERE action LIKE 'discrepancy.%'`;
  const rows = await desk.sql`
    SELECT to_jsonb(d) - 'run_id' - 'observed_at' AS row FROM driftdesk.discrepancies d ORDER BY id`;
  return { entries: entries?.count, rows: rows.map((row) => row.row) };
}

const grace: Actor = { email: "grace@example.com", name: "Grace Hopper", role: "finance" };
const ada = { email: "ada@example.com", name: "Ada Lovelace", role: "admin" } as const;

/** Decides to apply everything that is open and can be applied. */
async function fixEverything(desk: Desk): Promise<number> {
  const selection = { filter: { state: "open" as const }, seenUntil: now };
  let bulk = await requestBulk(desk, { kind: "apply", selection, requestKey: "everything" }, grace);
  if (bulk.state === "waiting") bulk = await approveBulk(desk, bulk.id, ada);
  const done = await executeBulk(desk, bulk.id);
  expect(done).toMatchObject({ state: "done", applied: done.total, stale: 0, failed: 0, skipped: 0 });
  return done.total;
}

/** What no mapping can correct by itself. */
function needsAPerson(desk: Desk) {
  const resources = new Map(desk.config.resources.map((resource) => [resource.name, resource]));
  return (p: Planted) =>
    p.rowError ||
    p.kind === "duplicate" ||
    (p.kind === "missing_local" && resources.get(p.resource)?.missingLocal === "report") ||
    (p.kind === "missing_in_stripe" && resources.get(p.resource)?.missingInStripe === "report");
}

describe.each<Size>([
  { seed: 1, customers: 40, drift: 0.02, databases: 1 },
  { seed: 2, customers: 300, drift: 0.02, databases: 2 },
  { seed: 3, customers: 120, drift: "all", databases: 1 },
  { seed: 4, customers: 900, drift: 0.01, databases: 2 },
])("a company of $customers customers, seed $seed, drift $drift", (size) => {
  test("a run finds exactly what was planted, and a second run changes nothing", async () => {
    const { desk, planted } = await company(size);
    expect(planted.length).toBeGreaterThan(60);
    await reconcile(desk);
    expect(await found(desk)).toEqual(planted.map(line).sort());

    const before = await recorded(desk);
    await reconcile(desk);
    expect(await recorded(desk)).toEqual(before);
  });

  test("after everything was fixed a run finds only what needs a person", async () => {
    const { desk, planted } = await company(size);
    await reconcile(desk);
    const left = planted.filter(needsAPerson(desk));
    expect(await fixEverything(desk)).toBe(planted.length - left.length);
    await reconcile(desk);
    expect(await found(desk)).toEqual(left.map(line).sort());
  });
});

test("a company without drift is left in peace, whatever its rows look like", async () => {
  const { desk } = await company({ seed: 5, customers: 150, drift: 0, databases: 2 });
  await reconcile(desk);
  expect(await found(desk)).toEqual([]);
});
