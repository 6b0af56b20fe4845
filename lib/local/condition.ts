// Which columns a condition of the config reads. It is free SQL, so Postgres is asked: it notes what a view depends on.
import type { Sql, TransactionSql } from "postgres";
import type { Resource } from "../config/resource.ts";
import { DriftdeskError } from "../errors.ts";
import { quoteTable } from "./catalog.ts";
import type { TableRights } from "./rights.ts";

export interface ConditionRights {
  tables: TableRights[];
  schemas: string[];
}

/** Makes a temporary view with the condition, looks at it, and lets it be undone. */
export async function conditionRights(
  local: Sql,
  { name, table }: Pick<Resource, "name" | "table">,
  where: string,
): Promise<ConditionRights> {
  let found: ConditionRights | null = null;
  const undone = new Error("undone");
  try {
    await local.begin(async (tx) => {
      await tx.unsafe(`
        CREATE TEMPORARY VIEW driftdesk_condition AS SELECT 1 AS one FROM ${quoteTable(table)} t WHERE (${where}
        )`);
      found = { tables: await tablesRead(tx, table), schemas: await schemasNamed(tx) };
      throw undone;
    });
  } catch (error) {
    if (error === undone && found) return found;
    const code = (error as { code?: unknown }).code;
    if (code !== "42501" && code !== "25006")
      throw new DriftdeskError(
        "where_invalid",
        `Postgres does not take the condition of resources.${name}: ${error instanceof Error ? error.message : error}. Run \`driftdesk check\` and correct where.`,
      );
    const why = "this user may not make a temporary view, which would tell what the condition in where reads";
    const whole = { why, certain: false };
    return { tables: [{ table, select: [], whole, update: [], insert: false }], schemas: [] };
  }
  throw undone;
}

interface TableRead {
  schema: string;
  name: string;
  columns: string[];
}

async function tablesRead(tx: TransactionSql, from: Resource["table"]): Promise<TableRights[]> {
  const [view] = await tx<{ rows: boolean }[]>`
    -- Number 0 among a table's columns is the row as a whole.
    SELECT bool_or(r.ev_action::text ~ ':varattno 0 ') AS rows
    FROM pg_rewrite r WHERE r.ev_class = 'pg_temp.driftdesk_condition'::regclass`;
  const read = await tx<TableRead[]>`
    SELECT n.nspname AS schema, c.relname AS name,
           coalesce(array_agg(a.attname::text ORDER BY a.attnum) FILTER (WHERE a.attname IS NOT NULL), '{}') AS columns
    FROM pg_rewrite r
    JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass
    JOIN pg_class c ON c.oid = d.refobjid AND c.oid <> r.ev_class
    JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid AND d.refobjsubid <> 0
    WHERE r.ev_class = 'pg_temp.driftdesk_condition'::regclass AND n.nspname <> 'pg_catalog'
    GROUP BY n.nspname, c.relname
    ORDER BY 1, 2`;
  return read.map(({ columns, ...table }) => {
    const why = view?.rows
      ? "the condition in where takes rows as a whole"
      : columns.length === 0 && quoteTable(table) !== quoteTable(from)
        ? "the condition in where counts its rows"
        : undefined;
    const whole = why === undefined ? undefined : { why, certain: true };
    return { table, select: columns, whole, update: [], insert: false };
  });
}

async function schemasNamed(tx: TransactionSql): Promise<string[]> {
  const rows = await tx<{ name: string }[]>`
    WITH named AS (
      SELECT d.refclassid, d.refobjid
      FROM pg_rewrite r
      JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refobjid <> r.ev_class
      WHERE r.ev_class = 'pg_temp.driftdesk_condition'::regclass
    )
    SELECT n.nspname AS name
    FROM (
      SELECT c.relnamespace AS schema FROM named JOIN pg_class c ON refclassid = 'pg_class'::regclass AND c.oid = refobjid
      UNION SELECT p.pronamespace FROM named JOIN pg_proc p ON refclassid = 'pg_proc'::regclass AND p.oid = refobjid
      UNION SELECT t.typnamespace FROM named JOIN pg_type t ON refclassid = 'pg_type'::regclass AND t.oid = refobjid
      UNION SELECT o.oprnamespace FROM named JOIN pg_operator o ON refclassid = 'pg_operator'::regclass AND o.oid = refobjid
    ) AS used
    JOIN pg_namespace n ON n.oid = used.schema
    WHERE n.nspname <> 'pg_catalog'
    ORDER BY 1`;
  return rows.map((row) => row.name);
}
