import type { Sql } from "postgres";
import { arrayParameter, quoteName } from "../local/catalog.ts";
import { copyInto, copyLine } from "../local/copy.ts";
import { columnOf } from "./project.ts";
import type { Sides } from "./sides.ts";
import { createRereadTable, localColumns, localRowsQuery, type Stage } from "./staging.ts";

/** So many at once. */
export const rowsPerQuery = 2_000;

/** The local rows that have one of these keys, or that claim one of these matches; as `COPY` takes them. */
export async function readLocalRows(
  local: Sql,
  stage: Stage,
  by: "key" | "match",
  values: readonly string[],
): Promise<string> {
  if (values.length === 0) return "";
  const rows = await local.unsafe(localRowsQuery(stage, condition(stage, by)), [[...values]]).values();
  return rows.map((row) => copyLine(row as (string | null)[])).join("");
}

/**
 * Reads local rows once more, into a table of their own: those that have one of the keys of `known`, and those that claim
 * one of its matches. `known` is a query on Driftdesk's own tables with the columns `key` and `match`.
 */
export async function rereadRows(
  { begin, sql, local, signal }: Sides,
  stage: Stage,
  known: string,
  parameters: string[] = [],
): Promise<void> {
  await begin((tx) => createRereadTable(tx, stage));
  for (const by of ["key", "match"] as const) {
    const values = sql.unsafe<{ value: string }[]>(
      `SELECT DISTINCT ${by} AS value FROM (${known}) known WHERE ${by} IS NOT NULL`,
      parameters,
    );
    for await (const batch of values.cursor(rowsPerQuery)) {
      signal.throwIfAborted();
      const lines = await readLocalRows(
        local,
        stage,
        by,
        batch.map((row) => row.value),
      );
      if (lines !== "") await begin((tx) => copyInto(tx, stage.reread, localColumns(stage), lines));
    }
  }
}

/** SQL condition on the rows `t` that have one of the keys, or claim one of the matches, in the array `$1`. */
export function condition(
  { table, resource }: Pick<Stage, "table" | "resource">,
  by: "key" | "match",
): string {
  const column = columnOf(table, by === "key" ? resource.key : resource.match.column);
  if (by === "match" && resource.match.by === "customerEmail")
    return `lower(btrim(t.${quoteName(column.name)}::text)) = ANY($1::text[])`;
  return `t.${quoteName(column.name)} = ANY(${arrayParameter(column)})`;
}
