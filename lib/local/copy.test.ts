import { afterEach, beforeEach, expect, test } from "vitest";
import { type FreshDatabase, freshDatabase } from "../db/testing.ts";
import { copyAcross, copyInto, copyLine } from "./copy.ts";

let database: FreshDatabase;
let other: FreshDatabase;
beforeEach(async () => {
  database = await freshDatabase();
  other = await freshDatabase();
  await database.sql`CREATE TABLE target (n integer, what text)`;
});
afterEach(async () => {
  await database.drop();
  await other.drop();
});

const rows = async () =>
  (await database.sql`SELECT n, what FROM target ORDER BY n`).map((row) => ({ ...row }));

test("every character arrives as it was, and null is not the text that means it", async () => {
  const texts = ["", " ", "\\N", "\\.", "a\tb", "a\nb\r\nc", "\\t", "ü 🎉", "'\"", null];
  const lines = texts.map((text, n) => copyLine([n, text])).join("");
  await database.sql.begin((tx) => copyInto(tx, "target", "n, what", lines));
  expect(await rows()).toEqual(texts.map((what, n) => ({ n, what })));
});

test("a few rows are written without waiting for what the network puts off", async () => {
  let quickest = Number.POSITIVE_INFINITY;
  for (let n = 0; n < 20; n++) {
    const began = performance.now();
    await database.sql.begin((tx) => copyInto(tx, "target", "n, what", copyLine([n, "x".repeat(5_000)])));
    quickest = Math.min(quickest, performance.now() - began);
  }
  // An acknowledgement is put off for 40 ms.
  expect(quickest).toBeLessThan(30);
});

// More than one piece, and less: a small one is refused only after all of it was sent.
test.each([1, 20_000])(
  "rows that the table refuses are an error, not a silence (the last of %i)",
  async (count) => {
    const good = Array.from({ length: count - 1 }, (_, n) => copyLine([n, "x".repeat(20)])).join("");
    const copying = database.sql.begin((tx) =>
      copyInto(tx, "target", "n, what", `${good}${copyLine(["no number", "x"])}`),
    );
    await expect(copying).rejects.toMatchObject({ code: "22P02" });
    expect(await rows()).toEqual([]);
  },
);

test("after a refusal within a savepoint the transaction goes on", async () => {
  await database.sql.begin(async (tx) => {
    const bad = tx.savepoint((point) => copyInto(point, "target", "n, what", copyLine(["no number", "x"])));
    await expect(bad).rejects.toMatchObject({ code: "22P02" });
    await copyInto(tx, "target", "n, what", copyLine([1, "good"]));
  });
  expect(await rows()).toEqual([{ n: 1, what: "good" }]);
});

test.each([10, 200_000])(
  "%i rows of another database arrive, and both connections can be used again",
  async (count) => {
    const query = `SELECT n, repeat('x', 30) FROM generate_series(1, ${count}) AS n`;
    for (const table of ["target", "again"]) {
      if (table === "again") await database.sql`CREATE TABLE again (n integer, what text)`;
      await database.sql.begin((tx) => copyAcross(other.sql, query, tx, table, "n, what"));
      const [copied] = await database.sql`SELECT count(*)::int FROM ${database.sql(table)}`;
      expect(copied?.count).toBe(count);
    }
    expect(await other.sql`SELECT 1 AS one`).toEqual([{ one: 1 }]);
  },
);

test.each([
  ["the table it reads", "SELECT n, 'x' FROM nowhere", "42P01"],
  ["a row that it reads", "SELECT 1 / (10 - n), 'x' FROM generate_series(1, 20) AS n", "22012"],
  ["a row that it writes", "SELECT 'no number', 'x'", "22P02"],
  [
    "many rows that it writes",
    "SELECT 'no number', repeat('x', 100) FROM generate_series(1, 50000)",
    "22P02",
  ],
])(
  "a copy across that fails at %s says so, and both connections can be used again",
  async (_, query, code) => {
    const copying = database.sql.begin((tx) => copyAcross(other.sql, query, tx, "target", "n, what"));
    await expect(copying).rejects.toMatchObject({ code });
    expect(await rows()).toEqual([]);
    for (const { sql } of [database, other])
      expect(await Promise.all(Array.from({ length: 10 }, () => sql`SELECT 1 AS one`))).toHaveLength(10);
  },
);
