import fc from "fast-check";
import type { Sql } from "postgres";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Field, Resource } from "../config/resource.ts";
import { freshDatabase } from "../db/testing.ts";
import { describeTable, type LocalTable } from "../local/catalog.ts";
import { copyAcross, copyInto } from "../local/copy.ts";
import { findCandidates } from "./compare.ts";
import { type Projected, projectObject } from "./project.ts";
import {
  createStagingTables,
  dropStagingTables,
  expectedColumns,
  expectedLine,
  localColumns,
  localRowsQuery,
  stageOf,
} from "./staging.ts";

/** Column types as they stand in billing tables, each with the values that a mapping may give for them. */
const text = fc.oneof(
  fc.string({ maxLength: 12 }).filter((s) => !s.includes("\0")),
  fc.constantFrom("", " ", "a\tb", "a\nb\\N", "\\.", "Ünïcödé 🎉", "NULL", "it's", '{"x"}', "a,b"),
);
const seconds = fc.integer({ min: 0, max: 4_000_000_000 });
const cents = fc.integer({ min: -2_147_483_648, max: 2_147_483_647 });
const json = fc
  .jsonValue({ maxDepth: 2 })
  .filter(
    (value) => !JSON.stringify(value).includes("\\u0000") && !/e[+-]?\d{3}/.test(JSON.stringify(value)),
  );
const kinds: Record<string, fc.Arbitrary<unknown>> = {
  text,
  "varchar(12)": text,
  "char(12)": text.map((s) => s.trimEnd()),
  citext: text,
  plan_kind: fc.constantFrom("free", "pro plan", "it's"),
  short_text: text,
  boolean: fc.boolean(),
  smallint: fc.integer({ min: -32_768, max: 32_767 }),
  integer: cents,
  bigint: fc.maxSafeInteger(),
  numeric: fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e9, max: 1e9 }),
  "numeric(10,2)": cents.map((c) => (c / 1000).toFixed(3)),
  real: fc.float({ noNaN: true, noDefaultInfinity: true }),
  "double precision": fc.double({ noNaN: true, noDefaultInfinity: true }),
  date: seconds,
  "timestamp without time zone": seconds,
  "timestamp with time zone": fc.oneof(
    seconds,
    seconds.map((s) => new Date(s * 1000)),
  ),
  "timestamptz(0)": seconds,
  uuid: fc.uuid(),
  json,
  jsonb: json,
  "text[]": fc.array(fc.option(text), { maxLength: 4 }),
  "integer[]": fc.array(fc.option(cents), { maxLength: 4 }),
  "plan_kind[]": fc.array(fc.constantFrom("free", "pro plan"), { maxLength: 3 }),
};

const field = (column: string, from: (object: never) => unknown): Field => ({
  column,
  from,
  values: undefined,
  policy: "review",
  compare: "exact",
  money: false,
});

function resourceOf(types: string[]): Resource {
  return {
    name: "everything",
    stripe: "customer",
    table: { schema: "public", name: "every type" },
    key: "id",
    match: { column: "stripe_id", by: "id" },
    choose: () => 0,
    updatedAt: undefined,
    label: undefined,
    settled: undefined,
    where: undefined,
    expand: [],
    fields: types.map((_, i) => field(`c${i}`, (object: { values: unknown[] }) => object.values[i])),
    policy: "review",
    access: undefined,
    missingInStripe: "report",
    missingLocal: "report",
  } as Resource;
}

const types = Object.keys(kinds);
const resource = resourceOf(types);
const row = fc.tuple(...types.map((type) => fc.option(kinds[type] as fc.Arbitrary<unknown>, { freq: 8 })));

describe.each(["one database", "two databases"])("%s", (layout) => {
  let own: Sql;
  let local: Sql;
  const drops: (() => Promise<void>)[] = [];
  let table: LocalTable;

  beforeAll(async () => {
    const first = await freshDatabase({ migrated: true });
    drops.push(first.drop);
    own = first.sql;
    local = own;
    if (layout === "two databases") {
      const second = await freshDatabase();
      drops.push(second.drop);
      local = second.sql;
    }
    await local.unsafe(`
      CREATE EXTENSION IF NOT EXISTS citext;
      CREATE TYPE plan_kind AS ENUM ('free', 'pro plan', 'it''s');
      CREATE DOMAIN short_text AS varchar(40);
      CREATE TABLE "every type" (id integer PRIMARY KEY, stripe_id text, ${types.map((type, i) => `c${i} ${type}`).join(", ")})`);
    table = (await describeTable(local, resource.table)) as LocalTable;
  });
  afterAll(async () => {
    for (const drop of drops) await drop();
  });

  const project = (id: string, values: readonly unknown[]): Projected =>
    projectObject(resource, table, {
      id,
      object: "customer",
      created: 0,
      email: null,
      name: null,
      values,
    } as never);

  /** Stages what Stripe says and what the local rows say through the run's own path, and compares. */
  async function candidatesOf(pairs: { stripe: readonly unknown[]; local: readonly unknown[] }[]) {
    const stage = stageOf(1, "acct_1", resource, table);
    const written = pairs.map((pair, i) => ({ id: i, ...project(`cus_${i}`, pair.local) }));
    expect(written.filter((w) => w.error !== null)).toEqual([]);
    await local.unsafe(`TRUNCATE "every type"`);
    for (const w of written)
      await local.unsafe(
        `INSERT INTO "every type" VALUES (${w.id}, '${w.stripeId}', ${types.map((type, i) => `$${i + 1}::text::${type}`).join(", ")})`,
        w.values,
      );
    return own.begin(async (tx) => {
      await createStagingTables(tx, stage);
      const lines = pairs.map((pair, i) => expectedLine(project(`cus_${i}`, pair.stripe))).join("");
      await copyInto(tx, stage.expected, expectedColumns(stage), lines);
      await copyAcross(local, localRowsQuery(stage), tx, stage.local, localColumns(stage));
      await findCandidates(tx, stage);
      const rows = await tx.unsafe<{ match: string }[]>(
        `SELECT match FROM ${stage.candidates} ORDER BY match`,
      );
      await dropStagingTables(tx, stage);
      return rows.map((r) => r.match);
    });
  }

  test("what the mapping wrote is never a difference, whatever the column's type", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 20, maxLength: 20 }), async (rows) => {
        expect(await candidatesOf(rows.map((values) => ({ stripe: values, local: values })))).toEqual([]);
      }),
      { numRuns: 15 },
    );
  });

  test("a column that holds something else is always found", async () => {
    const other: Record<string, [unknown, unknown]> = {
      text: ["a", "A"],
      "varchar(12)": ["a", "a "],
      "char(12)": ["a", "b"],
      citext: ["a", "b"],
      plan_kind: ["free", "pro plan"],
      short_text: ["x", ""],
      boolean: [true, false],
      smallint: [0, 1],
      integer: [4900, 4901],
      bigint: [9007199254740990, 9007199254740991],
      numeric: ["0.1", "0.10000000001"],
      "numeric(10,2)": ["49.00", "49.01"],
      real: [0.5, 0.25],
      "double precision": [0.1, 0.30000000000000004],
      date: [0, 86_400],
      "timestamp without time zone": [0, 1],
      "timestamp with time zone": [0, 1],
      "timestamptz(0)": [0, 1],
      uuid: ["11111111-1111-4111-8111-111111111111", "11111111-1111-4111-8111-111111111112"],
      json: [{ a: 1 }, { a: 2 }],
      jsonb: [{ a: 1 }, { a: "1" }],
      "text[]": [
        ["a", null],
        ["a", "NULL"],
      ],
      "integer[]": [[1], [1, 1]],
      "plan_kind[]": [["free"], []],
    };
    const pairs = types.flatMap((type, i) => {
      const [a, b] = other[type] as [unknown, unknown];
      const at = (value: unknown) => types.map((_, j) => (i === j ? value : null));
      return [
        { stripe: at(a), local: at(b) },
        { stripe: at(null), local: at(a) },
        { stripe: at(a), local: at(null) },
      ];
    });
    expect(await candidatesOf(pairs)).toHaveLength(pairs.length);
  });

  test("spelling that means the same is no difference", async () => {
    const i = (type: string) => types.indexOf(type);
    const at = (values: Record<number, unknown>) => types.map((_, j) => values[j] ?? null);
    const pairs = [
      { stripe: at({ [i("citext")]: "Ada@Example.com" }), local: at({ [i("citext")]: "ada@example.COM" }) },
      { stripe: at({ [i("numeric")]: 49 }), local: at({ [i("numeric")]: "49.00" }) },
      { stripe: at({ [i("numeric(10,2)")]: "49.004" }), local: at({ [i("numeric(10,2)")]: 49 }) },
      { stripe: at({ [i("jsonb")]: { a: 1, b: 2 } }), local: at({ [i("jsonb")]: { b: 2, a: 1 } }) },
      { stripe: at({ [i("json")]: { a: 1, b: 2 } }), local: at({ [i("json")]: { b: 2, a: 1 } }) },
      { stripe: at({ [i("char(12)")]: "a" }), local: at({ [i("char(12)")]: "a   " }) },
      {
        stripe: at({ [i("timestamp with time zone")]: 1_700_000_000 }),
        local: at({ [i("timestamp with time zone")]: "2023-11-15T03:13:20+05:00" }),
      },
    ];
    expect(await candidatesOf(pairs)).toEqual([]);
  });
});
