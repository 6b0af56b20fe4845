import { join } from "node:path";
import { drizzle } from "drizzle-orm/postgres-js";
import { migrate as runMigrations } from "drizzle-orm/postgres-js/migrator";
import postgres from "postgres";
import { packageFolder } from "./package-folder.ts";

/** Brings Driftdesk's own tables up to date. Processes that start together do it one after the other. */
export async function migrate(url: string): Promise<void> {
  // A connection of its own: the lock is the session's, and drizzle changes the client's parsers.
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    await sql`SELECT pg_advisory_lock(hashtextextended('driftdesk migrate', 0))`;
    await runMigrations(drizzle(sql), {
      migrationsFolder: join(packageFolder(), "drizzle"),
      migrationsSchema: "driftdesk",
      migrationsTable: "migrations",
    });
  } finally {
    await sql.end();
  }
}
