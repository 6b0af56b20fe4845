// A correction as one guarded transaction, for a person to run with psql: all of it, or nothing. Piece by piece, so that a
// hundred thousand rows take no more memory than a thousand.

import { spellingSettings } from "../db/connect.ts";
import type { Values } from "../db/schema.ts";
import { type LocalTable, quoteName, quoteTable } from "../local/catalog.ts";
import { type Target, withoutGenerated } from "../local/guard.ts";
import { dollarQuoted } from "../local/render.ts";
import { guardedInsert, guardedUpdate } from "../local/statement.ts";
import { lockTimeout } from "../local/write.ts";
import { columnName, comment, literalOrNull, textLiteral } from "./literal.ts";
import { resultLine, type ScriptName } from "./script-result.ts";

export interface ScriptRow {
  /** Null for a row that is added. */
  localKey: string | null;
  match: string | null;
  observed: Values;
  expected: Values;
}

/** Rows of one table that read and write the same columns. */
export interface ScriptPart {
  accountId: string;
  resource: string;
  action: "update" | "insert";
  table: LocalTable;
  target: Target & { match: { column: string; ignoreCase: boolean } };
  rows: AsyncIterable<ScriptRow>;
}

export interface ScriptHead extends ScriptName {
  /** What it is, for people: for which database, from what, by whom. */
  about: readonly string[];
  /** Schemas in which the mapping's types and functions were found. */
  searchPath: readonly string[];
}

/** Throws `value_does_not_fit` when a value has no spelling in SQL. A script that has no last line is none. */
export async function* writeScript(
  head: ScriptHead,
  parts: AsyncIterable<ScriptPart>,
): AsyncGenerator<string> {
  yield opening(head);
  const told: string[] = [];
  let number = 0;
  for await (const part of parts) {
    number += 1;
    const rows = yield* writePart(part, number);
    told.push(resultLine(head, { resource: part.resource, account: part.accountId, rows }));
  }
  yield closing(head, told);
}

function opening(head: ScriptHead): string {
  const settings = Object.entries(spellingSettings).map(
    ([name, value]) => `SET LOCAL ${name} = ${textLiteral(String(value))};`,
  );
  const path = head.searchPath.length > 0 ? head.searchPath.map(quoteName).join(", ") : "''";
  return `-- A correction by Driftdesk. The values in this file are UTF-8.
SET client_encoding = 'UTF8';
${comment([
  ...head.about,
  "",
  "Run it as it stands, with a user who may change these tables:",
  `  psql -X -q -v ON_ERROR_STOP=1 "$DATABASE_URL" -f FILE > result.txt`,
  "It is one transaction. Each row is written only if it still says what was seen; if any of them does not, nothing is written",
  "and the message names it. Run a second time, it changes nothing.",
  ...(head.bulk === null
    ? ["Driftdesk's next run sees what it has written."]
    : [
        `Then bring result.txt back to the page of bulk ${head.bulk}; without that, the next run sees what it has written.`,
      ]),
])}

BEGIN;
SET LOCAL standard_conforming_strings = on;
SET LOCAL lock_timeout = '${lockTimeout}';
SET LOCAL search_path = ${path};
${settings.join("\n")}
`;
}

const rowsPerInsert = 500;

/** Answers how many rows it was. */
async function* writePart(part: ScriptPart, number: number): AsyncGenerator<string, number> {
  const temporary = quoteName(`driftdesk ${number}`);
  let layout: Layout | null = null;
  let count = 0;
  let batch: string[] = [];
  for await (const row of part.rows) {
    if (layout === null) {
      layout = layoutOf(part, row);
      yield tableOf(part, layout, temporary);
    }
    count += 1;
    batch.push(valuesOf(layout, row, count));
    if (batch.length === rowsPerInsert) {
      yield insertOf(temporary, batch);
      batch = [];
    }
  }
  if (layout === null) return 0;
  if (batch.length > 0) yield insertOf(temporary, batch);
  yield statementOf(part, layout, temporary);
  yield checkOf(part, temporary, count);
  return count;
}

/** The user's columns with the script's own column for each. */
interface Layout {
  observed: [name: string, own: string][];
  expected: [name: string, own: string][];
}

function layoutOf({ table }: ScriptPart, row: ScriptRow): Layout {
  const own = (prefix: string, names: readonly string[]): [string, string][] =>
    names.map((name, i) => [name, columnName(`${prefix}${i + 1}`, name)]);
  return {
    observed: own("was", Object.keys(row.observed)),
    // What the database makes by itself cannot be given.
    expected: own(
      "will",
      Object.keys(row.localKey === null ? withoutGenerated(table, row.expected) : row.expected),
    ),
  };
}

function tableOf({ action, resource, table }: ScriptPart, layout: Layout, temporary: string): string {
  const columns = [...layout.observed, ...layout.expected].map(([, own]) => `, ${own} text`).join("");
  const unique = action === "insert" ? " UNIQUE" : "";
  const what = action === "insert" ? "Records to add to" : "Values that were seen, and that are written, in";
  return `
${comment([`${what} ${quoteTable(table)} (${resource})`])}
CREATE TEMPORARY TABLE ${temporary} (n integer PRIMARY KEY, key text, match text${unique}${columns}, written boolean NOT NULL DEFAULT false)
ON COMMIT DROP;
`;
}

function valuesOf(layout: Layout, row: ScriptRow, n: number): string {
  const values = [
    row.localKey,
    row.match,
    ...layout.observed.map(([name]) => row.observed[name] ?? null),
    ...layout.expected.map(([name]) => row.expected[name] ?? null),
  ];
  return `(${n}, ${values.map(literalOrNull).join(", ")})`;
}

const insertOf = (temporary: string, rows: readonly string[]): string =>
  `INSERT INTO pg_temp.${temporary} VALUES\n${rows.join(",\n")};\n`;

function statementOf({ action, table, target }: ScriptPart, layout: Layout, temporary: string): string {
  const from = `pg_temp.${temporary} v`;
  const read = (columns: Layout["observed"]) => columns.map(([name, own]) => [name, `v.${own}`] as const);
  const [observed, expected] = [read(layout.observed), read(layout.expected)];
  const source = { from, match: "v.match", expected };
  const statement =
    action === "insert"
      ? guardedInsert(table, target, source)
      : guardedUpdate(table, target, { ...source, key: "v.key", observed }, "v.n");
  const same = action === "insert" ? "r.match = w.match AND w.mine" : "r.n = w.n";
  return `ANALYZE pg_temp.${temporary};
WITH w AS (${statement}
)
UPDATE pg_temp.${temporary} r SET written = true FROM w WHERE ${same};
`;
}

const namedAtMost = 10;

/** Raises when a row was not written, which undoes all of it. */
function checkOf({ action, table }: ScriptPart, temporary: string, count: number): string {
  const why =
    action === "insert"
      ? "could not be added: they are there by now, or would not be found again"
      : "do not say any more what was seen, are gone, or are out of the mapping's reach";
  const body = `
DECLARE
  unwritten bigint := ${count} - (SELECT count(*) FROM pg_temp.${temporary} v WHERE v.written);
  named text;
BEGIN
  IF unwritten = 0 THEN RETURN; END IF;
  SELECT string_agg(coalesce(v.key, v.match), ', ' ORDER BY v.n) INTO named
  FROM (SELECT * FROM pg_temp.${temporary} v WHERE NOT v.written ORDER BY v.n LIMIT ${namedAtMost}) v;
  RAISE EXCEPTION USING
    MESSAGE = unwritten || ${textLiteral(` of ${count} rows of ${quoteTable(table)} ${why}: `)} || named
      || CASE WHEN unwritten > ${namedAtMost} THEN ', …' ELSE '' END || '. Nothing was changed.',
    HINT = 'Let Driftdesk compare again, then make a new script.';
END
`;
  return `DO ${dollarQuoted(body)};\n`;
}

/** What became of it is said by the database, not by whoever ran it: the setting is undone with the transaction. */
function closing(head: ScriptHead, told: readonly string[]): string {
  const lines = told.map((line, i) => `  (${i + 1}, ${textLiteral(line)})`);
  return `
SET driftdesk.script = ${textLiteral(head.nonce)};
COMMIT;
${
  told.length === 0
    ? "-- There is nothing in it.\n"
    : `SELECT line AS "result" FROM (VALUES
${lines.join(",\n")}
) AS l (n, line)
WHERE current_setting('driftdesk.script', true) = ${textLiteral(head.nonce)} ORDER BY n;
`
}-- The end of the script ${head.nonce}.
`;
}
