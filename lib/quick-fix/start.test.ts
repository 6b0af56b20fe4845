// What a file says, compared with the local rows while Stripe cannot be reached.
import { afterAll, beforeAll, expect, test } from "vitest";
import { createExample } from "../../sandbox/example/create.ts";
import everyType from "../../sandbox/example/every-type.config.ts";
import { openTestDesk, type TestDesk } from "../../sandbox/testing.ts";
import { ada } from "../../sandbox/testing-accounts.ts";
import { bring, compareImport, unreachable } from "../../sandbox/testing-imports.ts";
import { run } from "../../sandbox/testing-runs.ts";
import { generateWorld, type World } from "../../sandbox/world/world.ts";
import { defineConfig } from "../config/define.ts";
import type { Desk } from "../desk.ts";
import { exportKinds } from "./columns.ts";

const now = new Date("2026-11-24T12:00:00Z");
const exportedAt = new Date("2026-11-24T11:00:00Z");

const config = defineConfig({
  ...everyType,
  resources: {
    ...everyType.resources,
    contacts: {
      stripe: "customer",
      table: "contacts",
      key: "id",
      match: { column: "address", by: "customerEmail" },
      fields: { name: "name", delinquent: "delinquent" },
    },
  },
  pace: { requestsPerSecond: 10_000, perEndpoint: 10_000 },
});

let t: TestDesk;
let world: World;
let dark: Desk;

beforeAll(async () => {
  world = generateWorld({ seed: 31, customers: 120, now, invoicesPerSubscription: 2 });
  t = await openTestDesk({ world, config, now: () => now });
  await createExample(t.local, world, { seed: 31, now, drift: 0.1 });
  await t.local`CREATE TABLE contacts (id serial PRIMARY KEY, address text, name text, delinquent boolean)`;
  await t.grant();
  await t.local`INSERT INTO contacts (address, name, delinquent)
    SELECT upper(email::text), CASE WHEN id % 5 = 0 THEN 'Nobody' ELSE name END, delinquent FROM billing_profiles`;
  dark = { ...unreachable(t.desk), config: pinned() };
});
afterAll(() => t.close());

/** Nobody has asked Stripe yet whose key it is. */
const pinned = () => ({ ...t.desk.config, account: { ...t.desk.config.account, id: world.account.id } });

interface Difference {
  resource: string;
  kind: string;
  key: string | null;
  stripeId: string | null;
  importId: number | null;
  line: number | null;
  fields: { name: string; local: string | null; stripe: string | null }[];
}

const differences = (): Promise<Difference[]> => t.desk.sql<Difference[]>`
  SELECT resource, kind, local_key AS key, stripe_id AS "stripeId", import_id AS "importId", import_line AS line, fields
  FROM driftdesk.discrepancies WHERE state = 'open' ORDER BY resource, local_key, stripe_id`;

test("every difference that a file tells is one that Stripe tells too, and Stripe is not asked", async () => {
  const before = t.sandbox.counts.total;
  for (const kind of exportKinds) {
    const ended = await compareImport(dark, await bring(t.desk.sql, world, kind, { exportedAt }), ada);
    expect(ended, `${kind}: ${ended.message}`).toMatchObject({ state: "succeeded", requests: 0 });
  }
  expect(t.sandbox.counts.total).toBe(before);
  const told = await differences();
  const by = Map.groupBy(told, ({ resource, kind }) => `${resource} ${kind}`);
  expect([...by.keys()]).toEqual(
    expect.arrayContaining(
      ["contacts", "customers", "payments", "payouts", "subscriptions", "users"].map(
        (name) => `${name} mismatch`,
      ),
    ),
  );
  expect(told.filter(({ kind }) => kind === "missing_in_stripe")).toEqual([]);
  expect(told.every(({ importId, line }) => importId !== null && line !== null)).toBe(true);

  await run(t.desk);
  const known = await differences();
  expect(known.every(({ importId, line }) => importId === null && line === null)).toBe(true);
  const unknown = told.filter(
    (one) =>
      !known.some(
        (other) =>
          other.resource === one.resource &&
          other.key === one.key &&
          other.stripeId === one.stripeId &&
          other.kind === one.kind &&
          one.fields.every((field) =>
            other.fields.some(
              (same) =>
                same.name === field.name && same.local === field.local && same.stripe === field.stripe,
            ),
          ),
      ),
  );
  expect(unknown).toEqual([]);
});
