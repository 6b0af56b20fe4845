import type { Fragment, Sql } from "postgres";

export const sortKeys = ["impact", "amount", "age", "label"] as const;
export type SortKey = (typeof sortKeys)[number];
export interface Sort {
  by: SortKey;
  /** "desc" means most first: the worst impact, the largest amount, the oldest, Z before A. */
  direction: Direction;
}

type Direction = "asc" | "desc";
interface SortColumn {
  expression: Fragment;
  type: Fragment;
  direction: Direction;
}

/** The columns that put rows in order, the last of them unique. Each list is that of an index, read forwards or backwards. */
export function sortColumns(sql: Sql, sort: Sort): SortColumn[] {
  const turn = (direction: Direction): Direction => (direction === "asc" ? "desc" : "asc");
  const along = sort.direction;
  const id = (direction: Direction) => ({ expression: sql`d.id`, type: sql`bigint`, direction });
  switch (sort.by) {
    case "impact":
      // The rank counts from the worst, so "desc" reads the index forwards.
      return [
        { expression: sql`d.impact_rank`, type: sql`smallint`, direction: turn(along) },
        { expression: sql`d.amount_minor`, type: sql`bigint`, direction: along },
        id(turn(along)),
      ];
    case "amount":
      return [{ expression: sql`d.amount_minor`, type: sql`bigint`, direction: along }, id(along)];
    case "age":
      // The oldest has been open since the earliest time.
      return [
        { expression: sql`d.opened_at`, type: sql`timestamptz`, direction: turn(along) },
        id(turn(along)),
      ];
    case "label":
      return [{ expression: sql`coalesce(d.label, '')`, type: sql`text`, direction: along }, id(along)];
  }
}

/** The same order, from the other end. */
export const reversed = (columns: readonly SortColumn[]): SortColumn[] =>
  columns.map((column) => ({ ...column, direction: column.direction === "asc" ? "desc" : "asc" }));

export function orderBy(sql: Sql, columns: readonly SortColumn[]): Fragment {
  return columns
    .map(({ expression, direction }) =>
      direction === "asc" ? sql`${expression} ASC` : sql`${expression} DESC`,
    )
    .reduce((all, one) => sql`${all}, ${one}`);
}

/** Where a row stands in the order, as text that loses nothing (a timestamp keeps its microseconds). */
export const positionOf = (sql: Sql, columns: readonly SortColumn[]): Fragment =>
  sql`ARRAY[${columns.map(({ expression }) => sql`${expression}::text`).reduce((all, one) => sql`${all}, ${one}`)}]`;

/**
 * The rows beyond a position, as conditions that exclude each other, nearest first: same first column and beyond in
 * the second, and so on. Each is one range of the index; a single OR over them would be read from the index's start.
 */
export function beyond(sql: Sql, columns: readonly SortColumn[], position: readonly string[]): Fragment[] {
  return columns
    .map((column, i) => {
      const same = columns
        .slice(0, i)
        .map((before, j) => sql`${before.expression} = ${position[j] ?? null}::text::${before.type} AND`);
      const value = sql`${position[i] ?? null}::text::${column.type}`;
      const past =
        column.direction === "asc"
          ? sql`${column.expression} > ${value}`
          : sql`${column.expression} < ${value}`;
      return same.length > 0 ? sql`${same.reduce((all, one) => sql`${all} ${one}`)} ${past}` : past;
    })
    .reverse();
}
