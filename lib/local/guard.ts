// The parts that guarded statements are made of: how a row is found, how a value is spelled, what must hold.
import type { Values } from "../db/schema.ts";
import { DriftdeskError } from "../errors.ts";
import { type LocalColumn, type LocalTable, quoteName } from "./catalog.ts";

/** How rows are found, and what has to hold for them besides their values. */
export interface Target {
  /** Primary key column. */
  key: string;
  /** Set to now() by every write. */
  updatedAt?: string | undefined;
  /** Column that says whose the row is: a row that now belongs to somebody else is stale. */
  match?: { column: string; ignoreCase: boolean } | undefined;
  /** SQL condition on local rows, as written in the config; it may call the row `t`. */
  where?: string | undefined;
  /** SQL condition on the rows of a table that are this account's: others may stand for an object of the same id. */
  share?: string | undefined;
  /** Columns whose present values a stale row is reported with. */
  watch?: readonly string[] | undefined;
}

export interface GuardedUpdate {
  localKey: string;
  /** What the row has to say for the write to happen: the columns that are written, and any others. */
  observed: Values;
  expected: Values;
  /** What the match column has to say; not checked when null. */
  match?: string | null | undefined;
}

export interface GuardedInsert {
  /** Nothing is inserted when a row with this in the match column exists. */
  match: string;
  expected: Values;
}

/** Arrays that become the columns of one `unnest`. Their names cannot collide with the user's columns. */
export class Parameters {
  readonly values: (readonly (string | number | null)[])[] = [];
  private readonly names: string[] = [];
  private readonly types: string[] = [];

  add(kind: string, type: "text" | "int4", values: readonly (string | number | null)[]): string {
    const name = quoteName(`driftdesk ${kind} ${this.values.length}`);
    this.values.push(values);
    this.names.push(name);
    this.types.push(type);
    return `v.${name}`;
  }

  /** A text column for each name of the first row's values: the name, and what reads it. */
  addValues(kind: string, rows: readonly Values[]): (readonly [name: string, reads: string])[] {
    return Object.keys(rows[0] ?? {}).map(
      (name) =>
        [
          name,
          this.add(
            kind,
            "text",
            rows.map((values) => values[name] ?? null),
          ),
        ] as const,
    );
  }

  get from(): string {
    const arrays = this.types.map((type, i) => `$${i + 1}::${type}[]`);
    return `unnest(${arrays.join(", ")}) AS v (${this.names.join(", ")})`;
  }
}

/** How a value of the column is spelled everywhere; json, which keeps its writer's blanks, as jsonb. */
export const spelledAs = (column: LocalColumn, expression: string): string =>
  column.base === "json" ? `${expression}::text::${column.staging}::text` : `${expression}::text`;
export const spelled = (column: LocalColumn): string => spelledAs(column, `t.${quoteName(column.name)}`);

export const typed = (column: LocalColumn, text: string): string => `${text}::${column.type}`;

const textual = ["text", "varchar", "bpchar", "citext", "name"];

/** The parameter is cast, not the column, so that the key's index serves; never to a length, which would cut it. */
export function keyEquals(table: LocalTable, target: Target, parameter: string): string {
  const column = columnOf(table, target.key);
  const type = textual.includes(column.base) && !column.array ? column.base : column.type;
  return `t.${quoteName(column.name)} = ${parameter}::${type === "citext" ? column.type : type}`;
}

export const matchSide = (match: { column: string; ignoreCase: boolean }): string => {
  const text = `t.${quoteName(match.column)}::text`;
  return match.ignoreCase ? `lower(btrim(${text}))` : text;
};

export function inReach(target: Target, matchParameter: string): string {
  const conditions = [`coalesce((${target.where ?? "true"}), false)`];
  if (target.match)
    conditions.push(
      `(${matchParameter} IS NULL OR ${matchSide(target.match)} IS NOT DISTINCT FROM ${matchParameter})`,
    );
  return conditions.join(" AND ");
}

/** Whether a row is among those that a new one must not be there twice with. */
export const sameMatch = (
  target: Target & { match: { column: string; ignoreCase: boolean } },
  condition: string,
): string =>
  `${matchSide(target.match)} ${condition}${target.share === undefined ? "" : ` AND (${target.share}\n)`}`;

export function columnOf(table: LocalTable, name: string): LocalColumn {
  const column = table.columns.get(name);
  if (!column)
    throw new DriftdeskError(
      "mapping_broken",
      `Table ${table.schema}.${table.name} has no column "${name}". Run \`driftdesk check\` and correct the mapping.`,
    );
  return column;
}

export function withoutGenerated(table: LocalTable, values: Values): Values {
  return Object.fromEntries(Object.entries(values).filter(([name]) => !columnOf(table, name).generated));
}
