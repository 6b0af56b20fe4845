import type { Sql } from "postgres";

/** Puts everything in the tables back as it was. Making a database anew would take a second each time. */
export type Restore = (sql: Sql) => Promise<void>;

/** Copies what is in all tables of a database. */
export async function snapshot(sql: Sql): Promise<Restore> {
  await sql`CREATE SCHEMA snapshot`;
  const tables = await sql<{ name: string; copy: string; columns: string }[]>`
    SELECT format('%I.%I', n.nspname, c.relname) AS name, format('snapshot.%I', n.nspname || '.' || c.relname) AS copy,
           string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) AS columns
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
    WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'snapshot')
    GROUP BY n.nspname, c.relname`;
  for (const { name, copy, columns } of tables)
    await sql.unsafe(`CREATE TABLE ${copy} AS SELECT ${columns} FROM ${name}`);
  const sequences = await sql<{ name: string; next: string }[]>`
    SELECT format('%I.%I', schemaname, sequencename) AS name, coalesce(last_value + 1, start_value)::text AS next
    FROM pg_sequences`;
  // No trigger and no constraint looks while things are put back.
  const statements = [
    "SET LOCAL session_replication_role = replica",
    ...tables.map(({ name }) => `DELETE FROM ${name}`),
    ...tables.map(
      ({ name, copy, columns }) =>
        `INSERT INTO ${name} (${columns}) OVERRIDING SYSTEM VALUE SELECT ${columns} FROM ${copy}`,
    ),
    ...sequences.map(({ name, next }) => `SELECT setval('${name}', ${next}, false)`),
  ].join(";\n");
  return async (again) => {
    await again.begin((tx) => tx.unsafe(statements));
  };
}
