import { readRecordsEnvironment } from "../../lib/config/environment.ts";
import { loadConfig } from "../../lib/config/load.ts";
import { connect } from "../../lib/db/connect.ts";
import { attachEmbedded } from "../../lib/db/embedded.ts";
import { DriftdeskError } from "../../lib/errors.ts";
import { type Granted, grantsFor } from "../../lib/grants/grants.ts";
import { print } from "./print.ts";

const parts = ["records", "driftdesk"] as const;

/** SQL for roles that may do what Driftdesk does and nothing else; one script for each database. */
export async function grants(options: { role: string; for?: string }): Promise<number> {
  const only = options.for === undefined ? undefined : parts.find((part) => part === options.for);
  if (options.for !== undefined && only === undefined)
    throw new DriftdeskError(
      "database_unknown",
      `There is no part "${options.for}". Take one of ${parts.join(", ")}.`,
    );
  const { databaseUrl, localDatabaseUrl, dataFolder, configFile } = readRecordsEnvironment();
  const local = localDatabaseUrl ?? databaseUrl;
  const together = local === databaseUrl;
  if (only === "driftdesk") {
    await print((await grantsFor(options.role, ["own"])).trimEnd());
    return 0;
  }
  const config = await loadConfig(configFile);
  const embedded = local === undefined ? await attachEmbedded(dataFolder) : null;
  const sql = connect(local ?? (embedded?.url as string), { max: 1 });
  try {
    const records: Granted = { local: sql, config };
    const scripts: Granted[][] =
      only === "records" ? [[records]] : together ? [["own", records]] : [[records], ["own"]];
    for (const [i, script] of scripts.entries()) {
      if (scripts.length > 1)
        await print(
          `${i > 0 ? "\n" : ""}-- For the database of ${i === 0 ? "LOCAL_DATABASE_URL" : "DATABASE_URL"}. \`driftdesk grants --for ${parts[i]}\` prints this part alone.\n`,
        );
      await print((await grantsFor(options.role, script)).trimEnd());
    }
    return 0;
  } finally {
    await sql.end({ timeout: 5 });
    await embedded?.release();
  }
}
