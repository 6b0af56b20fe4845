// The local side of an answer: the rows that it is about, beside what they should hold.
import type { Sql } from "postgres";
import type { Field, Resource } from "../config/resource.ts";
import { type LocalColumn, type LocalTable, quoteName, quoteTable } from "../local/catalog.ts";
import { distinct } from "../reconcile/compare.ts";
import { condition } from "../reconcile/local-rows.ts";
import { columnOf } from "../reconcile/project.ts";

/** Which rows: by their keys, or by what they stand for. */
export interface Which {
  by: "key" | "match";
  values: readonly string[];
}

/** Column → what it should hold, as Postgres text. */
export type Expected = ReadonlyMap<string, string | null>;

export interface LocalRecord {
  key: string;
  label: string | null;
  fields: { name: string; local: string | null; stripe: string | null; differs: boolean }[];
}

/** Rows at most: a key or a customer has one, unless several claim the same. */
const mostRows = 10;

/** Reads rows and compares them in the columns' own types, as a run does. Values of both sides are spelled alike. */
export async function localRecords(
  local: Sql,
  resource: Resource,
  table: LocalTable,
  which: Which,
  expected: Expected,
): Promise<LocalRecord[]> {
  const compared = resource.fields.filter((field) => expected.has(field.column));
  const columns = compared.map((field) => ({ field, column: columnOf(table, field.column) }));
  const label = resource.label === undefined ? "NULL::text" : `t.${quoteName(resource.label)}::text`;
  const rows = await local.unsafe<
    {
      key: string;
      label: string | null;
      local: (string | null)[];
      stripe: (string | null)[];
      differs: boolean[];
    }[]
  >(
    `SELECT t.${quoteName(resource.key)}::text AS key, ${label} AS label,
            ${array(columns.map(localText), "text")} AS local,
            ${array(
              columns.map(({ column }, i) => `${stripeValue(column, i)}::text`),
              "text",
            )} AS stripe,
            ${array(
              columns.map(({ field, column }, i) => differs(field, column, i)),
              "boolean",
            )} AS differs
     FROM ${quoteTable(table)} t
     WHERE ${condition({ resource, table }, which.by)} AND (${resource.where ?? "true"}
     )
     ORDER BY 1 LIMIT ${mostRows}`,
    [[...which.values], compared.map((field) => expected.get(field.column) ?? null)],
  );
  return rows.map((row) => ({
    key: row.key,
    label: row.label,
    fields: compared.map((field, i) => ({
      name: field.column,
      local: row.local[i] ?? null,
      stripe: row.stripe[i] ?? null,
      differs: row.differs[i] === true,
    })),
  }));
}

const array = (items: readonly string[], type: string): string => `ARRAY[${items.join(", ")}]::${type}[]`;

const localText = ({ column }: { column: LocalColumn }): string => `t.${quoteName(column.name)}::text`;

const stripeValue = (column: LocalColumn, i: number): string => `($2::text[])[${i + 1}]::${column.staging}`;

const differs = (field: Field, column: LocalColumn, i: number): string =>
  distinct(field, column, `${localText({ column })}::${column.staging}`, stripeValue(column, i));
