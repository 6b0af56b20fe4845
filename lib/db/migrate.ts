import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { drizzle } from "drizzle-orm/postgres-js";
import { migrate as runMigrations } from "drizzle-orm/postgres-js/migrator";
import postgres, { type Sql } from "postgres";
import { DriftdeskError } from "../errors.ts";
import { packageFolder } from "./package-folder.ts";

const folder = () => join(packageFolder(), "drizzle");

/**
 * Brings Driftdesk's own tables up to date. Processes that start together do it one after the other. A role that does not
 * own the tables finds them as they should be, or is told to leave it to the one that does: `migration_not_allowed`.
 */
export async function migrate(url: string): Promise<void> {
  // A connection of its own: the lock is the session's, and drizzle changes the client's parsers.
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    if (await isUpToDate(sql)) return;
    await sql`SELECT pg_advisory_lock(hashtextextended('driftdesk migrate', 0))`;
    await runMigrations(drizzle(sql), {
      migrationsFolder: folder(),
      migrationsSchema: "driftdesk",
      migrationsTable: "migrations",
    });
  } catch (error) {
    if (refusal(error) === null) throw error;
    throw new DriftdeskError(
      "migration_not_allowed",
      `Driftdesk's tables are not those of this version, and this user of DATABASE_URL may not change them (${refusal(error)}). Run \`driftdesk migrate\` as the role that owns them.`,
      { cause: error },
    );
  } finally {
    await sql.end();
  }
}

/** Looked at first: whoever may not make a schema may not even ask for one that is there. */
async function isUpToDate(sql: Sql): Promise<boolean> {
  const [there] = await sql`SELECT to_regclass('driftdesk.migrations') AS migrations`;
  if (!there?.migrations) return false;
  const [last] = await sql`SELECT max(created_at)::float8 AS at FROM driftdesk.migrations`;
  return last?.at >= (await newestMigration());
}

/** What driftdesk.migrations holds at least when the tables are those of this version. */
export async function newestMigration(): Promise<number> {
  const { entries } = JSON.parse(await readFile(join(folder(), "meta", "_journal.json"), "utf8")) as {
    entries: { when: number }[];
  };
  return Math.max(...entries.map((entry) => entry.when));
}

/** Postgres's message when it refused for lack of a right. drizzle wraps it. */
function refusal(error: unknown): string | null {
  if (!(error instanceof Error)) return null;
  return (error as { code?: unknown }).code === "42501" ? error.message : refusal(error.cause);
}
