import type { Sql } from "postgres";
import type { Resource } from "../config/resource.ts";
import type { Run } from "../db/schema.ts";
import type { Desk } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";
import { describeTable } from "../local/catalog.ts";
import { accountOfFile } from "./import-account.ts";
import type { Begin } from "./lease.ts";
import { columnOf } from "./project.ts";
import { takenIsOutdated, takeSettled } from "./settled-take.ts";
import { createStagingTables, localRowsQuery, type Stage, stageOf, stagingTablesExist } from "./staging.ts";
import { planWindows, reopenWindows } from "./windows.ts";

/**
 * Makes sure that the key is the one this desk is about: the pinned account, the one that the run began with, and the
 * mode that was used before. A wrong key would make every row look wrong.
 */
export async function verifyAccount(desk: Desk, run: Run): Promise<{ id: string; began: number }> {
  const told = await accountOfFile(desk, run);
  if (told !== null) return { id: told, began: stripeBegan };
  const account = await desk.stripe.account();
  const { id: pinned, name, key, others } = desk.config.account;
  if (pinned !== undefined && pinned !== account.id)
    throw new DriftdeskError(
      "account_mismatch",
      `${key} belongs to ${account.id}, but the config is pinned to ${pinned}. Set the key of ${pinned}, or correct ${name === null ? "account.id" : `accounts.${name}.id`}.`,
    );
  if (run.accountId !== null && run.accountId !== account.id)
    throw new DriftdeskError(
      "account_mismatch",
      `This run began on ${run.accountId}, but ${key} belongs to ${account.id} by now. Start a new run.`,
    );
  const { livemode } = desk.stripe;
  const [known] = await desk.sql<{ livemode: boolean; configName: string | null }[]>`
    INSERT INTO driftdesk.accounts (id, name, livemode, first_seen_at)
    VALUES (${account.id}, ${account.name}, ${livemode}, ${desk.now()})
    ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name
    RETURNING livemode, config_name AS "configName"`;
  if (known && known.livemode !== livemode)
    throw new DriftdeskError(
      "mode_mismatch",
      `${key} is a ${livemode ? "live" : "test"} key, but ${account.id} has been compared in ${known.livemode ? "live" : "test"} mode so far. Use the key of that mode, or a desk of its own for the other.`,
    );
  const before = known?.configName ?? null;
  if (before !== null && others.includes(before) && pinned === undefined)
    throw new DriftdeskError(
      "account_twice",
      `${key} belongs to ${account.id}, which is "${before}" in the config. One Stripe account has one name: set the key of "${name}", or remove one of the two. If the two were exchanged on purpose, pin accounts.${name}.id.`,
    );
  if (before !== name) await giveName(desk.sql, account.id, name);
  return { id: account.id, began: account.created ?? stripeBegan };
}

/** Stripe opened its doors in 2011: nothing is older. */
const stripeBegan = Date.UTC(2011, 0, 1) / 1000;

/** A name leads to one account: the one that was compared last under it. */
async function giveName(sql: Sql, accountId: string, name: string | null): Promise<void> {
  await sql`
    UPDATE driftdesk.accounts SET config_name = CASE WHEN id = ${accountId} THEN ${name}::text END
    WHERE id = ${accountId} OR config_name = ${name}`;
}

export function resourcesOf(desk: Desk, run: Run): Resource[] {
  const { onlyResources } = run;
  const wanted = desk.config.resources.filter(({ name }) => !onlyResources || onlyResources.includes(name));
  if (wanted.length === 0)
    throw new DriftdeskError(
      "resource_unknown",
      `The config has no resource named ${onlyResources?.join(", ")} any more. Start a new run.`,
    );
  return wanted;
}

/** Looks the mapping's table and columns up; what it names and the database lacks is `mapping_broken`. */
export async function planResource(
  local: Sql,
  run: Pick<Run, "id">,
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
  const stage = stageOf(run.id, accountId, resource, table);
  await local.unsafe(`${localRowsQuery(stage)} LIMIT 0`).catch((error: Error & { code?: string }) => {
    // Class 42: names, syntax and rights.
    if (!error.code?.startsWith("42")) throw error;
    throw new DriftdeskError(
      "mapping_broken",
      `The database refuses to read ${resource.table.schema}.${resource.table.name}: ${error.message}. Run \`driftdesk check\` and correct the mapping.`,
    );
  });
  return stage;
}

/**
 * Lays out windows and staging tables, or finds those that an interrupted run left. Pages that were staged before the
 * local rows were copied are of no use: a row that moved on both sides in between would look wrong.
 */
export async function prepareStaging(desk: Desk, stage: Stage, begin: Begin): Promise<void> {
  const { runId, resource } = stage;
  const [left] = await desk.sql<{ begun: boolean }[]>`
    SELECT EXISTS (SELECT FROM driftdesk.local_copies c WHERE c.run_id = ${runId} AND c.resource = ${resource.name})
           AND EXISTS (SELECT FROM driftdesk.windows w WHERE w.run_id = ${runId} AND w.resource = ${resource.name})
           AS begun`;
  const outdated = await takenIsOutdated(desk.sql, stage, desk.now());
  if (left?.begun && !outdated && (await stagingTablesExist(desk.sql, stage))) {
    await begin((tx) => reopenWindows(tx, stage));
    return;
  }
  await begin(async (tx) => {
    // First, in the order in which a page is staged: whoever still reads one lets go of its window before its table goes.
    await tx`DELETE FROM driftdesk.windows WHERE run_id = ${runId} AND resource = ${resource.name}`;
    await tx`DELETE FROM driftdesk.local_copies WHERE run_id = ${runId} AND resource = ${resource.name}`;
    await createStagingTables(tx, stage);
    await planWindows(tx, stage, laterClock(desk));
    await takeSettled(tx, stage, desk.now());
  });
}

/** Of the two clocks the one that is ahead: incremental runs go on from Stripe's, and nothing may lie between. */
const laterClock = ({ now, stripe }: Desk): Date =>
  new Date(Math.max(now().getTime(), stripe.time()?.getTime() ?? 0));
