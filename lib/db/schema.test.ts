import { getTableConfig, PgTable } from "drizzle-orm/pg-core";
import { expect, test } from "vitest";
import * as schema from "./schema.ts";
import { freshDatabase } from "./testing.ts";

/** How Postgres's catalog spells drizzle's column types. */
const spelled = (type: string) => type.replace("timestamp with time zone", "timestamptz").toLowerCase();

test("the typed mirror has exactly the tables and columns that the migrations make, with their types", async () => {
  const { sql, drop } = await freshDatabase({ migrated: true });
  try {
    const made = await sql<{ line: string }[]>`
      SELECT c.relname || '.' || a.attname || ' ' ||
             replace(format_type(a.atttypid, a.atttypmod), 'timestamp with time zone', 'timestamptz') ||
             CASE WHEN a.attnotnull THEN ' not null' ELSE '' END AS line
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
      WHERE n.nspname = 'driftdesk' AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
        -- These two are their libraries' own.
        AND c.relname NOT IN ('migrations', 'sign_in_attempts')`;
    const tables = Object.values(schema).filter((value) => value instanceof PgTable);
    const mirrored = tables.flatMap((table) => {
      const { name, columns } = getTableConfig(table);
      return columns.map(
        (column) =>
          `${name}.${column.name} ${spelled(column.getSQLType())}${column.notNull || column.primary ? " not null" : ""}`,
      );
    });
    expect(mirrored.sort()).toEqual(made.map((row) => row.line).sort());
  } finally {
    await drop();
  }
});
