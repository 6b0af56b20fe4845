// A discrepancy that a fix brought up to date says what a run would say of the same two sides.
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Field, Resource } from "../config/resource.ts";
import type { Kind, Values } from "../db/schema.ts";
import { type FreshDatabase, freshDatabase } from "../db/testing.ts";
import { describeTable, type LocalTable } from "../local/catalog.ts";
import { copyAcross, copyInto } from "../local/copy.ts";
import { confirmCandidates, findCandidates } from "../reconcile/compare.ts";
import { projectObject } from "../reconcile/project.ts";
import {
  createReaskedTable,
  createRereadTable,
  createStagingTables,
  dropStagingTables,
  expectedColumns,
  expectedLine,
  localColumns,
  localRowsQuery,
  stageOf,
} from "../reconcile/staging.ts";
import { type Reassessed, reassess } from "./reassess.ts";

/** Column types, each with values that are easily equal in other words: as a program may have written them, and as Stripe has them. */
const kinds: Record<string, { local: string[]; stripe: unknown[]; money?: boolean; fold?: boolean }> = {
  status: { local: ["active", "trialing", "canceled"], stripe: ["active", "trialing", "canceled"] },
  text: { local: ["a", "A", "", " a"], stripe: ["a", "A", ""] },
  "varchar(8)": { local: ["İstanbul", "ÄB", "äb", "ab"], stripe: ["istanbul", "äb", "AB"], fold: true },
  citext: { local: ["Ada", "ADA", "eve"], stripe: ["ada", "Eve"] },
  "char(4)": { local: ["a", "a   ", "b"], stripe: ["a", "b"] },
  bigint: { local: ["0", "4900", "-1"], stripe: [0, 4900, "4900"], money: true },
  numeric: { local: ["49", "49.00", "4.9e1", "0"], stripe: [49, "49.0", 0, "1e-3"], money: true },
  "numeric(10,2)": { local: ["49", "49.005", "0"], stripe: [49, "49.004", 49.01] },
  "double precision": { local: ["0.1", "1e-1", "-0", "NaN"], stripe: [0.1, 0, -0] },
  date: { local: ["2026-11-24", "Nov 24 2026"], stripe: [1_795_478_400, 0] },
  timestamptz: {
    local: ["2026-11-24 00:00:00+00", "2026-11-24 05:30:00+05:30", "1970-01-01 00:00:00.000001+00"],
    stripe: [1_795_478_400, new Date(0)],
  },
  interval: { local: ["1 mon", "30 days", "24:00:00", "1 day"], stripe: ["30 days", "1 day"] },
  json: { local: ['{"a":1.0,  "b":2}', '{"b":2,"a":1}', "[]"], stripe: [{ a: 1, b: 2 }, []] },
  jsonb: { local: ['{"a": 1.00}', "null"], stripe: [{ a: 1 }, [null]] },
  "numeric[]": { local: ["{1.0,NULL}", "{1,NULL}"], stripe: [[1, null], []] },
  boolean: { local: ["t", "off"], stripe: [true, false] },
};
const types = Object.keys(kinds);
const nameOf = (type: string) => `the ${type}`;

const resource = {
  name: "everything",
  stripe: "customer",
  table: { schema: "public", name: "every type" },
  key: "id",
  match: { column: "stripe_id", by: "id" },
  choose: () => 0,
  updatedAt: undefined,
  label: undefined,
  where: undefined,
  expand: [],
  fields: types.map(
    (type, i): Field => ({
      column: nameOf(type),
      from: ((object: { values: unknown[] }) => object.values[i]) as never,
      values: undefined,
      policy: "review",
      compare: kinds[type]?.fold ? "ignoreCase" : "exact",
      money: kinds[type]?.money === true,
    }),
  ),
  access: { field: nameOf("status"), granted: ["active", "trialing"] },
  missingInStripe: {
    set: {
      [nameOf("timestamptz")]: new Date(0),
      [nameOf("numeric")]: "49.000",
      // Whatever is set: nothing there lets anybody in.
      [nameOf("status")]: "trialing",
      [nameOf("varchar(8)")]: "AB",
      [nameOf("json")]: null,
    },
  },
  missingLocal: "report",
} as unknown as Resource;

let database: FreshDatabase;
let table: LocalTable;
beforeAll(async () => {
  database = await freshDatabase({ migrated: true });
  await database.sql.unsafe(`
    CREATE EXTENSION IF NOT EXISTS citext;
    CREATE TYPE status AS ENUM ('active', 'trialing', 'canceled');
    CREATE TABLE "every type" (id text PRIMARY KEY, stripe_id text, ${types.map((type) => `"${nameOf(type)}" ${type}`).join(", ")})`);
  table = (await describeTable(database.sql, resource.table)) as LocalTable;
});
afterAll(() => database.drop());

interface Pair {
  local: (string | null)[];
  /** Null when Stripe does not know the row. */
  stripe: unknown[] | null;
}
interface Judged extends Reassessed {
  kind: Kind;
  observed: Values;
  expected: Values;
}

/** What a run says of each pair; without `fields`, `change` and `impact` where it has nothing to say. */
async function byRun(
  pairs: readonly Pair[],
): Promise<(Judged | Pick<Judged, "kind" | "observed" | "expected">)[]> {
  const { sql } = database;
  const stage = stageOf(1, "acct_1", resource, table);
  await sql`TRUNCATE "every type"`;
  const rows = pairs.map(({ local }, i) => [`${i}`, `cus_${i}`, ...local]);
  const columns = ["id", "stripe_id", ...types].map((_, i) => `$${i + 1}::text`);
  const casts = columns.map((column, i) => (i < 2 ? column : `${column}::${types[i - 2]}`));
  for (const row of rows) await sql.unsafe(`INSERT INTO "every type" VALUES (${casts.join(", ")})`, row);
  return sql.begin(async (tx) => {
    await createStagingTables(tx, stage);
    await createRereadTable(tx, stage);
    const projected = pairs.flatMap(({ stripe }, i) =>
      stripe === null
        ? []
        : [
            projectObject(resource, table, {
              id: `cus_${i}`,
              object: "customer",
              created: 0,
              values: stripe,
            } as never),
          ],
    );
    expect(projected.flatMap((one) => one.error ?? [])).toEqual([]);
    await copyInto(tx, stage.expected, expectedColumns(stage), projected.map(expectedLine).join(""));
    for (const target of [stage.local, stage.reread])
      await copyAcross(sql, localRowsQuery(stage), tx, target, localColumns(stage));
    await findCandidates(tx, stage);
    await createReaskedTable(tx, stage);
    await confirmCandidates(tx, stage);
    const side = (alias: string) =>
      `jsonb_object($1::text[], ARRAY[${stage.columns.map((_, i) => `${alias}.f${i}::text`).join(", ")}]::text[])`;
    const told = await tx.unsafe<Judged[]>(
      `SELECT coalesce(c.kind, CASE WHEN e.match IS NULL THEN 'missing_in_stripe' ELSE 'mismatch' END) AS kind,
              ${side("l")} AS observed, coalesce(c.expected, CASE WHEN e.match IS NOT NULL THEN ${side("e")} END) AS expected,
              c.fields, c.change, c.impact
       FROM ${stage.local} l LEFT JOIN ${stage.expected} e ON e.match = l.match
       LEFT JOIN ${stage.confirmed} c ON c.local_key = l.key
       ORDER BY l.key::int`,
      [types.map(nameOf)],
    );
    await dropStagingTables(tx, stage);
    return [...told];
  }) as Promise<Judged[]>;
}

const optional = <T>(values: readonly T[]) => fc.option(fc.constantFrom(...values), { freq: 6 });
const pair: fc.Arbitrary<Pair> = fc.record({
  local: fc.tuple(...types.map((type) => optional(kinds[type]?.local ?? []))),
  stripe: fc.option(fc.tuple(...types.map((type) => optional(kinds[type]?.stripe ?? []))), { freq: 4 }),
});
/** One column differs at most: most of what is seen in life. */
const near: fc.Arbitrary<Pair> = fc
  .tuple(fc.nat({ max: types.length - 1 }), pair)
  .map(([n, { local, stripe }]) => {
    const only = <T>(values: readonly (T | null)[]) => values.map((value, i) => (i === n ? value : null));
    return { local: only(local), stripe: stripe && only(stripe) };
  });
/** Nothing is as the mapping sets it: from this one it is known what that is. */
const unknown: Pair = { local: types.map((type) => (type === "status" ? "active" : null)), stripe: null };

test("whatever the two sides hold", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(pair, near), { minLength: 30, maxLength: 30 }), async (pairs) => {
      const told = await byRun([...pairs, unknown]);
      const whatIsSet = told.at(-1)?.expected as Values;
      const sides = told.map(({ kind, observed, expected }) => ({
        kind,
        observed,
        expected: expected ?? whatIsSet,
      }));
      const judged = await reassess(database.sql, resource, table, sides);
      for (const [i, one] of told.entries()) {
        const { fields, change, impact } = one as Judged;
        if (fields === null) expect(judged[i]?.fields).toEqual([]);
        else expect(judged[i]).toEqual({ fields, change, impact });
      }
    }),
    { numRuns: 12 },
  );
});

test("each column by itself, every value against every other", async () => {
  const pairs = types.flatMap((type, n) =>
    (kinds[type]?.local ?? []).flatMap((local) =>
      (kinds[type]?.stripe ?? []).map((stripe) => ({
        local: types.map((_, i) => (i === n ? local : null)),
        stripe: types.map((_, i) => (i === n ? stripe : null)),
      })),
    ),
  );
  const told = await byRun(pairs);
  const judged = await reassess(database.sql, resource, table, told);
  expect(judged.map((one) => one.fields)).toEqual(told.map((one) => (one as Judged).fields ?? []));
  // Were everything a difference, or nothing, the two would agree as well.
  const equal = judged.filter((one) => one.fields.length === 0).length;
  expect(equal).toBeGreaterThan(pairs.length / 4);
  expect(equal).toBeLessThan((pairs.length * 3) / 4);
});
