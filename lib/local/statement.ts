// The two guarded statements as SQL, whatever holds the rows that they are about: parameters of a driver, or the tables of a
// script. What must hold for a row to be written is said here and nowhere else.
import { type LocalTable, quoteName, quoteTable } from "./catalog.ts";
import { columnOf, inReach, keyEquals, matchSide, sameMatch, spelled, type Target, typed } from "./guard.ts";

/** Expressions of type text over what `from` names: for each column, where its value stands. */
export interface RowSource {
  from: string;
  match: string;
  expected: readonly (readonly [name: string, expression: string])[];
}
export type UpdateSource = RowSource & { key: string; observed: RowSource["expected"] };

/** Writes each row that still says what was observed. The user's row is `t`. */
export function guardedUpdate(
  table: LocalTable,
  target: Target,
  source: UpdateSource,
  returning: string,
): string {
  const assignments = source.expected.map(
    ([name, value]) => `${quoteName(name)} = ${typed(columnOf(table, name), value)}`,
  );
  if (target.updatedAt !== undefined && !names(source).includes(target.updatedAt))
    assignments.push(`${quoteName(target.updatedAt)} = now()`);
  const guards = source.observed.map(
    ([name, value]) => `${spelled(columnOf(table, name))} IS NOT DISTINCT FROM ${value}`,
  );
  return `
    UPDATE ${quoteTable(table)} t
    SET ${assignments.join(", ")}
    FROM ${source.from}
    WHERE ${keyEquals(table, target, source.key)}
      AND ${inReach(target, source.match)}
      ${guards.map((guard) => `AND ${guard}`).join("\n      ")}
    RETURNING ${returning}`;
}

/**
 * Adds each row unless there is one with its match. Answers columns `key` and `match` of what was added, and `mine`: whether
 * it is among this account's.
 */
export function guardedInsert(
  table: LocalTable,
  target: Target & { match: { column: string; ignoreCase: boolean } },
  source: RowSource,
): string {
  const columns = names(source);
  const values = source.expected.map(([name, value]) => typed(columnOf(table, name), value));
  if (target.updatedAt !== undefined && !columns.includes(target.updatedAt)) {
    columns.push(target.updatedAt);
    values.push("now()");
  }
  return `
    INSERT INTO ${quoteTable(table)} AS t (${columns.map(quoteName).join(", ")})
    SELECT ${values.join(", ")}
    FROM ${source.from}
    WHERE NOT EXISTS (SELECT FROM ${quoteTable(table)} t WHERE ${sameMatch(target, `= ${source.match}`)})
    ON CONFLICT DO NOTHING
    RETURNING t.${quoteName(target.key)}::text AS key, ${matchSide(target.match)} AS match,
              coalesce((${target.share ?? "true"}
              ), false) AS mine`;
}

const names = (source: RowSource): string[] => source.expected.map(([name]) => name);
