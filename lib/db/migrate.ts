import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { drizzle } from "drizzle-orm/postgres-js";
import { migrate as runMigrations } from "drizzle-orm/postgres-js/migrator";
import postgres from "postgres";
import { DriftdeskError } from "../errors.ts";

/** Brings Driftdesk's own tables up to date. Processes that start together do it one after the other. */
export async function migrate(url: string): Promise<void> {
  // A connection of its own: the lock is the session's, and drizzle changes the client's parsers.
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    await sql`SELECT pg_advisory_lock(hashtextextended('driftdesk migrate', 0))`;
    await runMigrations(drizzle(sql), {
      migrationsFolder: migrationsFolder(),
      migrationsSchema: "driftdesk",
      migrationsTable: "migrations",
    });
  } finally {
    await sql.end();
  }
}

/** Found from the working directory upwards: bundlers move this file, so its own place says nothing. */
function migrationsFolder(): string {
  for (let folder = process.cwd(); ; folder = dirname(folder)) {
    const candidate = join(folder, "drizzle");
    if (existsSync(join(candidate, "meta", "_journal.json"))) return candidate;
    if (folder === dirname(folder))
      throw new DriftdeskError(
        "migrations_missing",
        "The folder drizzle/ was not found. Start Driftdesk from its own folder.",
      );
  }
}
