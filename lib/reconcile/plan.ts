import type { Sql } from "postgres";
import type { Resource } from "../config/resource.ts";
import type { Run } from "../db/schema.ts";
import type { Desk } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";
import { describeTable } from "../local/catalog.ts";
import { planWindows } from "./fetch.ts";
import { columnOf } from "./project.ts";
import { createStagingTables, type Stage, stageOf, stagingTablesExist } from "./staging.ts";

/**
 * Makes sure that the key is the one this desk is about: the pinned account, and the mode that was used before. A
 * wrong key would make every row look wrong.
 */
export async function verifyAccount(desk: Desk): Promise<string> {
  const account = await desk.stripe.account();
  const pinned = desk.config.account?.id;
  if (pinned !== undefined && pinned !== account.id)
    throw new DriftdeskError(
      "account_mismatch",
      `STRIPE_SECRET_KEY belongs to ${account.id}, but the config is pinned to ${pinned}. Set the key of ${pinned}, or correct account.id.`,
    );
  const { livemode } = desk.stripe;
  const [known] = await desk.sql<{ livemode: boolean }[]>`
    INSERT INTO driftdesk.accounts (id, name, livemode, first_seen_at)
    VALUES (${account.id}, ${account.name}, ${livemode}, ${desk.now()})
    ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name
    RETURNING livemode`;
  if (known && known.livemode !== livemode)
    throw new DriftdeskError(
      "mode_mismatch",
      `STRIPE_SECRET_KEY is a ${livemode ? "live" : "test"} key, but ${account.id} has been compared in ${known.livemode ? "live" : "test"} mode so far. Use the key of that mode, or a desk of its own for the other.`,
    );
  return account.id;
}

export function resourcesOf(desk: Desk, run: Run): Resource[] {
  const { onlyResources } = run;
  return desk.config.resources.filter((resource) => !onlyResources || onlyResources.includes(resource.name));
}

/** Looks the mapping's table and columns up; what it names and the database lacks is `mapping_broken`. */
export async function planResource(
  local: Sql,
  run: Run,
  accountId: string,
  resource: Resource,
): Promise<Stage> {
  const table = await describeTable(local, resource.table);
  if (!table)
    throw new DriftdeskError(
      "mapping_broken",
      `There is no table ${resource.table.schema}.${resource.table.name}, or its rows may not be read. Run \`driftdesk check\` and correct the mapping.`,
    );
  const named = [resource.key, resource.match.column, resource.label, resource.updatedAt];
  for (const name of named) if (name !== undefined) columnOf(table, name);
  return stageOf(run.id, accountId, resource, table);
}

/** Lays out windows and staging tables, or finds those that an interrupted run left. */
export async function prepareStaging(desk: Desk, stage: Stage): Promise<void> {
  const { runId, resource } = stage;
  const [windows] = await desk.sql<{ count: number }[]>`
    SELECT count(*)::int AS count FROM driftdesk.windows WHERE run_id = ${runId} AND resource = ${resource.name}`;
  if (windows?.count && (await stagingTablesExist(desk.sql, stage))) return;
  await desk.sql.begin(async (tx) => {
    await createStagingTables(tx, stage);
    await tx`DELETE FROM driftdesk.windows WHERE run_id = ${runId} AND resource = ${resource.name}`;
    await tx`DELETE FROM driftdesk.local_copies WHERE run_id = ${runId} AND resource = ${resource.name}`;
    const rows = planWindows(desk.now()).map((window, i) => ({
      run_id: runId,
      resource: resource.name,
      number: i + 1,
      created_from: window.createdFrom,
      created_to: window.createdTo,
    }));
    await tx`INSERT INTO driftdesk.windows ${tx(rows)}`;
  });
}
