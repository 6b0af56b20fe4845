// The main promise: a run finds exactly what differs. Drift is planted in a whole company's tables, and the list of what
// was planted is compared with what a run recorded: nothing more, nothing less, over several seeds and sizes.
import { afterEach, describe, expect, test } from "vitest";
import { createExample, type ExampleOptions } from "../../sandbox/example/create.ts";
import everyType from "../../sandbox/example/every-type.config.ts";
import type { Planted } from "../../sandbox/example/planted.ts";
import { startSandbox } from "../../sandbox/server/server.ts";
import { generateWorld } from "../../sandbox/world/world.ts";
import { readEnvironment } from "../config/environment.ts";
import { parseConfig } from "../config/schema.ts";
import { freshDatabase } from "../db/testing.ts";
import { type Desk, systemActor } from "../desk.ts";
import { createStripeReader } from "../stripe/client.ts";
import { executeRun } from "./run.ts";
import { requestRun } from "./runs.ts";

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Size {
  seed: number;
  customers: number;
  drift: NonNullable<ExampleOptions["drift"]>;
  /** Whether the company's tables are in a database of their own. */
  apart: boolean;
}

const now = new Date("2026-11-24T12:00:00Z");

async function company({ seed, customers, drift, apart }: Size): Promise<{ desk: Desk; planted: Planted[] }> {
  const own = await freshDatabase({ migrated: true });
  cleanups.push(own.drop);
  const theirs = apart ? await freshDatabase() : own;
  if (apart) cleanups.push(theirs.drop);
  const world = generateWorld({ seed, customers, now });
  const planted = await createExample(theirs.sql, world, { seed, now, drift });
  const sandbox = await startSandbox({ world, now: () => now });
  cleanups.push(sandbox.close);
  const { config, issues } = parseConfig(everyType);
  if (!config) throw new Error(JSON.stringify(issues));
  const environment = readEnvironment({ STRIPE_SECRET_KEY: sandbox.secretKey, STRIPE_API_BASE: sandbox.url });
  const stripe = createStripeReader({
    secretKey: sandbox.secretKey,
    apiBase: sandbox.url,
    pace: { requestsPerSecond: 2_000, perEndpoint: 2_000 },
  });
  const desk: Desk = {
    environment,
    config,
    sql: own.sql,
    local: theirs.sql,
    stripe,
    now: () => now,
    random: () => 0.5,
  };
  return { desk, planted };
}

async function reconcile(desk: Desk): Promise<void> {
  const { run } = await requestRun(desk, { mode: "full", trigger: "command", actor: systemActor });
  const done = await executeRun(desk, run.id);
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

describe.each<Size>([
  { seed: 1, customers: 40, drift: 0.02, apart: false },
  { seed: 2, customers: 300, drift: 0.02, apart: true },
  { seed: 3, customers: 120, drift: "all", apart: false },
  { seed: 4, customers: 900, drift: 0.01, apart: false },
  { seed: 5, customers: 150, drift: 0, apart: true },
])("a company of $customers customers, seed $seed, drift $drift", (size) => {
  test("a run finds exactly what was planted, and a second run changes nothing", async () => {
    const { desk, planted } = await company(size);
    await reconcile(desk);
    expect(await found(desk)).toEqual(planted.map(line).sort());

    const before = await recorded(desk);
    await reconcile(desk);
    expect(await recorded(desk)).toEqual(before);
  });
});
