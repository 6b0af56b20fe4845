// The statement of a fix as people read it, and may run it by hand.
import { type LocalTable, quoteName, quoteTable } from "./catalog.ts";
import {
  columnOf,
  type GuardedInsert,
  type GuardedUpdate,
  keyEquals,
  matchSide,
  sameMatch,
  spelled,
  type Target,
  typed,
  withoutGenerated,
} from "./guard.ts";

/** The statement that a fix of one row amounts to, runnable as it stands. */
export function renderStatement(
  table: LocalTable,
  target: Target,
  row: { action: "update"; update: GuardedUpdate } | { action: "insert"; insert: GuardedInsert },
): string {
  const value = (name: string, text: string | null) =>
    text === null ? "NULL" : typed(columnOf(table, name), quoteLiteral(text));
  if (row.action === "insert") {
    const expected = Object.entries(withoutGenerated(table, row.insert.expected));
    const names = expected.map(([name]) => quoteName(name));
    const values = expected.map(([name, text]) => value(name, text));
    if (target.updatedAt !== undefined && !Object.hasOwn(row.insert.expected, target.updatedAt)) {
      names.push(quoteName(target.updatedAt));
      values.push("now()");
    }
    const exists = target.match
      ? `\nWHERE NOT EXISTS (SELECT FROM ${quoteTable(table)} t WHERE ${sameMatch({ ...target, match: target.match }, `= ${quoteLiteral(row.insert.match)}`)})`
      : "";
    return `INSERT INTO ${quoteTable(table)} (${names.join(", ")})\nSELECT ${values.join(", ")}${exists}\nON CONFLICT DO NOTHING`;
  }
  const { localKey, observed, expected, match } = row.update;
  const assignments = Object.entries(expected).map(
    ([name, text]) => `${quoteName(name)} = ${value(name, text)}`,
  );
  if (target.updatedAt !== undefined && !Object.hasOwn(expected, target.updatedAt))
    assignments.push(`${quoteName(target.updatedAt)} = now()`);
  const conditions = [keyEquals(table, target, quoteLiteral(localKey))];
  if (target.match && match)
    conditions.push(`${matchSide(target.match)} IS NOT DISTINCT FROM ${quoteLiteral(match)}`);
  for (const [name, text] of Object.entries(observed))
    conditions.push(
      text === null
        ? `t.${quoteName(name)} IS NULL`
        : spelledByTheSession.has(columnOf(table, name).base)
          ? `t.${quoteName(name)} IS NOT DISTINCT FROM ${value(name, text)}`
          : `${spelled(columnOf(table, name))} IS NOT DISTINCT FROM ${quoteLiteral(text)}`,
    );
  if (target.where !== undefined) conditions.push(`(${target.where})`);
  return `UPDATE ${quoteTable(table)} t\nSET ${assignments.join(",\n    ")}\nWHERE ${conditions.join("\n  AND ")}`;
}

/** Whoever runs the statement may have another time zone or date style: these are compared by value, not as text. */
const spelledByTheSession = new Set([
  "date",
  "time",
  "timetz",
  "timestamp",
  "timestamptz",
  "interval",
  "float4",
  "float8",
  "bytea",
]);

/** Text as an SQL literal, whatever `standard_conforming_strings` says. */
export function quoteLiteral(text: string): string {
  const quoted = `'${text.replaceAll("'", "''")}'`;
  return text.includes("\\") ? `E${quoted.replaceAll("\\", "\\\\")}` : quoted;
}

/** Text as a dollar-quoted literal, whatever stands in it. */
export function dollarQuoted(text: string): string {
  let tag = "$$";
  for (let n = 1; text.includes(tag); n++) tag = `$q${n}$`;
  return `${tag}${text}${tag}`;
}
