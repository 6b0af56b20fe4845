// The names and shapes of a run's staging tables. Unlogged: they are worth nothing after a crash, when the run's
// cursors, unlogged too, are gone with them.
import { createHash } from "node:crypto";
import type { Sql, TransactionSql } from "postgres";
import type { Resource } from "../config/resource.ts";
import { listed, underWayStates } from "../db/schema.ts";
import { type LocalColumn, type LocalTable, quoteName, quoteTable } from "../local/catalog.ts";
import { copyLine } from "../local/copy.ts";
import { columnOf, type Projected } from "./project.ts";

/** One resource of one run, with everything that its steps need to know. */
export interface Stage {
  runId: number;
  accountId: string;
  resource: Resource;
  table: LocalTable;
  /** Columns of `resource.fields`, in their order; staged as f0, f1, … */
  columns: LocalColumn[];
  /** Tables, quoted and qualified: Stripe's side and the local side, what may differ, and each side of that read again. */
  expected: string;
  local: string;
  candidates: string;
  reasked: string;
  reread: string;
  /** What does differ. */
  confirmed: string;
  /** Only where not everything is read: the matches that are looked at, and what Stripe was asked about them. */
  touched: string;
  asked: string;
  /** Only where a file is compared: what became of each of its lines. */
  lines: string;
}

export function stageOf(runId: number, accountId: string, resource: Resource, table: LocalTable): Stage {
  const columns = resource.fields.map((field) => columnOf(table, field.column));
  // A changed mapping makes other tables: a run that resumes under it starts over instead of mixing two mappings.
  const { name, stripe, expand, key, match, label, where, choose, fields } = resource;
  const mapping = [name, stripe, expand, key, match, label, where, String(choose), columns];
  const reads = fields.map((field) => [field.property, String(field.from), field.values]);
  const layout = JSON.stringify([mapping, reads]);
  const prefix = `r${runId}_${createHash("sha256").update(layout).digest("hex").slice(0, 12)}`;
  const tableName = (suffix: string) => `driftdesk_staging.${quoteName(`${prefix}_${suffix}`)}`;
  return {
    runId,
    accountId,
    resource,
    table,
    columns,
    expected: tableName("expected"),
    local: tableName("local"),
    candidates: tableName("candidates"),
    reasked: tableName("reasked"),
    reread: tableName("reread"),
    confirmed: tableName("confirmed"),
    touched: tableName("touched"),
    asked: tableName("asked"),
    lines: tableName("lines"),
  };
}

const fieldColumns = (stage: Stage) => stage.columns.map((column, i) => `f${i} ${column.staging}`).join(", ");
const fieldNames = (stage: Stage) => stage.columns.map((_, i) => `f${i}`).join(", ");

export const expectedColumns = (stage: Stage) =>
  `stripe_id, match, customer_id, label, created, rank, amount_minor, currency, failed, error, final_since, ${fieldNames(stage)}`;
export const localColumns = (stage: Stage) => `key, match, label, ${fieldNames(stage)}`;

const expectedShape = (stage: Stage) => `
  stripe_id text NOT NULL, match text, customer_id text, label text, created bigint NOT NULL, rank float8 NOT NULL,
  amount_minor bigint NOT NULL, currency text, failed text[], error text, final_since bigint, ${fieldColumns(stage)},
  remembered boolean NOT NULL DEFAULT false`;
const localShape = (stage: Stage) => `key text, match text, label text, ${fieldColumns(stage)}`;

/** Makes the tables that fetching fills. */
export async function createStagingTables(sql: TransactionSql, stage: Stage): Promise<void> {
  await sql.unsafe(`
    DROP TABLE IF EXISTS ${stage.expected}, ${stage.local};
    CREATE UNLOGGED TABLE ${stage.expected} (${expectedShape(stage)}) WITH (autovacuum_enabled = false);
    CREATE UNLOGGED TABLE ${stage.local} (${localShape(stage)}) WITH (autovacuum_enabled = false)`);
}

/**
 * Makes the table for what Stripe says of the candidates, and of the rows read again, some of which moved meanwhile. It
 * begins with what the windows read; an index on those, a million mostly, would cost more than it saves.
 */
export async function createReaskedTable(sql: TransactionSql, stage: Stage): Promise<void> {
  await sql.unsafe(`
    DROP TABLE IF EXISTS ${stage.reasked};
    CREATE UNLOGGED TABLE ${stage.reasked} (LIKE ${stage.expected} INCLUDING DEFAULTS);
    INSERT INTO ${stage.reasked}
    SELECT * FROM ${stage.expected}
    WHERE match IN (SELECT match FROM ${stage.candidates} UNION SELECT match FROM ${stage.reread});
    CREATE INDEX ON ${stage.reasked} (match)`);
}

/** Makes the table for local rows that are read a second time. */
export async function createRereadTable(sql: TransactionSql, stage: Stage): Promise<void> {
  await sql.unsafe(`
    DROP TABLE IF EXISTS ${stage.reread};
    CREATE UNLOGGED TABLE ${stage.reread} (${localShape(stage)})`);
}

export async function stagingTablesExist(sql: Sql, stage: Stage): Promise<boolean> {
  const [row] = await sql`
    SELECT to_regclass(${stage.expected}) IS NOT NULL AND to_regclass(${stage.local}) IS NOT NULL AS exist`;
  return row?.exist === true;
}

export async function dropStagingTables(sql: TransactionSql, stage: Stage): Promise<void> {
  await sql.unsafe(
    `DROP TABLE IF EXISTS ${stage.expected}, ${stage.local}, ${stage.candidates}, ${stage.reasked}, ${stage.reread}, ${stage.confirmed},
       ${stage.touched}, ${stage.asked}, ${stage.lines}`,
  );
}

/** Clears away what runs that are over left behind: killed while they were being cancelled, or given up. */
export async function dropForgottenStagingTables(sql: Sql): Promise<void> {
  for (const table of ["windows", "local_copies", "scopes", "event_lists", "leases", "run_processes"])
    await sql`
      DELETE FROM ${sql(`driftdesk.${table}`)} t
      WHERE NOT EXISTS (SELECT FROM driftdesk.runs r WHERE r.id = t.run_id AND r.state IN (${sql.unsafe(listed(underWayStates))}))`;
  const rows = await sql<{ name: string }[]>`
    SELECT c.relname AS name
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    -- Those of a role that Driftdesk worked as before are not this one's to drop.
    WHERE n.nspname = 'driftdesk_staging' AND c.relkind = 'r' AND pg_has_role(c.relowner, 'USAGE')
      AND NOT EXISTS (
        SELECT FROM driftdesk.runs r
        WHERE r.state IN (${sql.unsafe(listed(underWayStates))}) AND c.relname LIKE 'r' || r.id || '\\_%')`;
  // One by one: whatever a process that has not noticed yet still holds is left for the next time, not waited for.
  for (const row of rows)
    await sql
      .begin(async (tx) => {
        await tx`SET LOCAL lock_timeout = '1s'`;
        await tx.unsafe(`DROP TABLE IF EXISTS driftdesk_staging.${quoteName(row.name)}`);
      })
      .catch((error: { code?: string }) => {
        if (error.code !== "55P03") throw error;
      });
}

export function expectedLine(projected: Projected): string {
  return copyLine([
    projected.stripeId,
    projected.match,
    projected.customerId,
    projected.label,
    projected.created,
    projected.rank,
    Math.round(projected.amountMinor),
    projected.currency,
    projected.failed === null
      ? null
      : `{${projected.failed.map((name) => `"${name.replace(/["\\]/g, "\\$&")}"`).join(",")}}`,
    projected.error,
    projected.finalSince,
    ...projected.values,
  ]);
}

/** The local rows as the staging table takes them. Rows that name no Stripe object or customer are left out. */
export function localRowsQuery(stage: Stage, condition = "true"): string {
  const { resource, columns, table } = stage;
  const label = resource.label === undefined ? "NULL::text" : `t.${quoteName(resource.label)}::text`;
  const fields = columns.map(localValue).join(", ");
  const matchExpression = localMatch(stage);
  return `
    SELECT t.${quoteName(resource.key)}::text, ${matchExpression}, ${label}${fields === "" ? "" : `, ${fields}`}
    FROM ${quoteTable(table)} t
    WHERE nullif(btrim(t.${quoteName(resource.match.column)}::text), '') IS NOT NULL
      AND (${resource.where ?? "true"}
      )
      AND (${condition})`;
}

/** json keeps what jsonb, in which it is compared, refuses: one such row must not stop the run. */
function localValue(column: LocalColumn): string {
  const text = `t.${quoteName(column.name)}::text`;
  return column.base === "json" ? `replace(${text}, E'\\\\u0000', E'\\\\ufffd')` : text;
}

/** What the local row says about whose it is, in the spelling that `Projected.match` has. */
export function localMatch(stage: Pick<Stage, "resource">): string {
  const column = `t.${quoteName(stage.resource.match.column)}::text`;
  return stage.resource.match.by === "customerEmail" ? `lower(btrim(${column}))` : column;
}
