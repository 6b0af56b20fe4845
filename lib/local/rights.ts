// Which rights on the user's tables a mapping takes: what `driftdesk grants` gives, and what a check finds missing.
import type { Sql } from "postgres";
import type { Resource } from "../config/resource.ts";
import { type LocalTable, quoteName, quoteTable } from "./catalog.ts";
import { conditionRights } from "./condition.ts";

export interface TableRights {
  table: { schema: string; name: string };
  /** Columns that are read. */
  select: readonly string[];
  /** Why all columns are, or may be: then it is not certain. */
  whole?: { why: string; certain: boolean } | undefined;
  update: readonly string[];
  /** Rows are added: into which columns is known only once `missingLocal.insert` has run. */
  insert: boolean;
}

export interface Rights {
  tables: readonly TableRights[];
  /** Of the tables, their columns' types, and whatever else conditions name. */
  schemas: readonly string[];
  /** Sequences, quoted and qualified, that new rows take their keys from. */
  sequences: readonly string[];
}

/** What a resource reads and writes. */
export async function rightsOf(local: Sql, resource: Resource, table: LocalTable): Promise<Rights> {
  const { key, match, label, updatedAt, fields, where } = resource;
  const mapped = fields.map(({ column }) => column);
  const written = [...mapped, updatedAt].filter((name) => name !== undefined);
  const named = [key, match.column, label, updatedAt, ...mapped].filter((name) => name !== undefined);
  // By it an incremental run knows which rows were changed since the last one, however long their transactions took.
  if (updatedAt !== undefined && (await hasXmin(local, table))) named.push("xmin");
  const insert = resource.missingLocal !== "report";
  const condition =
    where === undefined ? { tables: [], schemas: [] } : await conditionRights(local, resource, where);
  const own = condition.tables.find(({ table: of }) => quoteTable(of) === quoteTable(table));
  return {
    tables: [
      {
        table: resource.table,
        select: unique([...named, ...(own?.select ?? [])]),
        whole: own?.whole,
        update: unique(written.filter((name) => !table.columns.get(name)?.generated)),
        insert,
      },
      ...condition.tables.filter((one) => one !== own),
    ],
    schemas: unique([table.schema, ...(await schemasOfTypes(local, table)), ...condition.schemas]),
    sequences: insert ? await sequencesOf(local, table) : [],
  };
}

/** Several resources' rights as one: a table that two of them read is listed once. */
export function together(all: readonly Rights[]): Rights {
  const tables = new Map<string, TableRights>();
  for (const one of all.flatMap((rights) => rights.tables)) {
    const known = tables.get(quoteTable(one.table));
    tables.set(quoteTable(one.table), known ? both(known, one) : one);
  }
  return {
    tables: [...tables.values()],
    schemas: unique(all.flatMap((rights) => rights.schemas)),
    sequences: unique(all.flatMap((rights) => rights.sequences)),
  };
}

const both = (a: TableRights, b: TableRights): TableRights => ({
  table: a.table,
  select: unique([...a.select, ...b.select]),
  whole: a.whole ?? b.whole,
  update: unique([...a.update, ...b.update]),
  insert: a.insert || b.insert,
});

const unique = (names: readonly string[]): string[] => [...new Set(names)];

/** Of Postgres's own tables a row says which transaction wrote it. */
async function hasXmin(local: Sql, table: LocalTable): Promise<boolean> {
  const [row] = await local`
    SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = ${table.schema} AND c.relname = ${table.name} AND c.relkind IN ('r', 'p', 'm')`;
  return row !== undefined;
}

async function schemasOfTypes(local: Sql, { schema, name }: LocalTable): Promise<string[]> {
  const rows = await local<{ name: string }[]>`
    SELECT DISTINCT tn.nspname AS name
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type t ON t.oid = a.atttypid
    JOIN pg_namespace tn ON tn.oid = t.typnamespace
    WHERE n.nspname = ${schema} AND c.relname = ${name} AND tn.nspname <> 'pg_catalog'
    ORDER BY 1`;
  return rows.map((row) => row.name);
}

async function sequencesOf(local: Sql, { schema, name }: LocalTable): Promise<string[]> {
  // Those of identity columns need no right of their own, and have no default that depends on them.
  const rows = await local<{ schema: string; name: string }[]>`
    SELECT DISTINCT sn.nspname AS schema, s.relname AS name
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attrdef f ON f.adrelid = c.oid
    JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = f.oid AND d.refclassid = 'pg_class'::regclass
    JOIN pg_class s ON s.oid = d.refobjid AND s.relkind = 'S'
    JOIN pg_namespace sn ON sn.oid = s.relnamespace
    WHERE n.nspname = ${schema} AND c.relname = ${name}
    ORDER BY 1, 2`;
  return rows.map((row) => `${quoteName(row.schema)}.${quoteName(row.name)}`);
}
