import type { Sql } from "postgres";
import type { Configuration } from "../config/resource.ts";
import { DriftdeskError } from "../errors.ts";
import { describeTable, quoteName, quoteTable, tableNamed } from "../local/catalog.ts";
import { type Rights, rightsOf, type TableRights, together } from "../local/rights.ts";

/** What the mapping reads and corrects in the user's database. */
export async function localGrants(local: Sql, config: Configuration, role: string): Promise<string> {
  const { tables, schemas, sequences } = await rightsOfMapping(local, config);
  const to = `TO ${quoteName(role)};`;
  const lines = [
    `-- The database of your records: what the mapping reads, and what it corrects. A table that has left the mapping keeps
-- its rights until you revoke them.`,
    `GRANT USAGE ON SCHEMA ${schemas.map(quoteName).join(", ")} ${to}`,
    ...(await Promise.all(tables.map((table) => tableGrants(local, table, role)))),
  ];
  if (sequences.length > 0)
    lines.push(
      `-- New rows take their numbers from these.\nGRANT USAGE ON SEQUENCE ${sequences.join(", ")} ${to}`,
    );
  return lines.join("\n\n");
}

async function rightsOfMapping(local: Sql, config: Configuration): Promise<Rights> {
  const all: Rights[] = [];
  for (const { resources } of config.accounts)
    for (const resource of resources) {
      const table = await describeTable(local, resource.table);
      if (!table)
        throw new DriftdeskError(
          "mapping_broken",
          `There is no table ${quoteTable(resource.table)}, which resources.${resource.name} names. Run \`driftdesk check\` and correct the mapping.`,
        );
      all.push(await rightsOf(local, resource, table));
    }
  const { webhookLog } = config;
  if (webhookLog) {
    const { eventId, receivedAt, processedAt } = webhookLog;
    const table = tableNamed(webhookLog.table);
    const select = [eventId, receivedAt, processedAt].filter((name) => name !== undefined);
    all.push({
      tables: [{ table, select, update: [], insert: false }],
      schemas: [table.schema],
      sequences: [],
    });
  }
  return together(all);
}

async function tableGrants(local: Sql, rights: TableRights, role: string): Promise<string> {
  const { table, select, whole, update, insert } = rights;
  const list = (columns: readonly string[]) => columns.map(quoteName).join(", ");
  const given = [];
  if (whole) given.push("SELECT");
  else if (select.length > 0) given.push(`SELECT (${list(select)})`);
  if (update.length > 0) given.push(`UPDATE (${list(update)})`);
  if (insert) given.push("INSERT");
  const notes = [];
  if (whole) notes.push(`-- All columns, since ${whole.why}.`);
  if (insert)
    notes.push(
      "-- INSERT is for the whole table, since missingLocal.insert decides on the columns only when it runs. Where you know\n-- them, write INSERT (column, …) instead.",
    );
  notes.push(...(update.length > 0 || insert ? await peculiarities(local, table) : []));
  return [
    ...notes,
    `REVOKE ALL ON TABLE ${quoteTable(table)} FROM ${quoteName(role)};`,
    `GRANT ${given.join(", ")} ON TABLE ${quoteTable(table)} TO ${quoteName(role)};`,
  ].join("\n");
}

/** What takes rights that the catalog does not tell. */
async function peculiarities(local: Sql, { schema, name }: TableRights["table"]): Promise<string[]> {
  const [row] = await local<{ triggers: string[]; secured: boolean }[]>`
    SELECT ARRAY(
             SELECT t.tgname::text FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
             WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND NOT p.prosecdef ORDER BY 1
           ) AS triggers,
           c.relrowsecurity AS secured
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = ${schema} AND c.relname = ${name}`;
  const notes = [];
  if (row && row.triggers.length > 0)
    notes.push(
      `-- The triggers ${row.triggers.map((trigger) => quoteName(trigger).replaceAll("\n", " ")).join(", ")} act with this role's rights. What they do to other tables has to be
-- granted beside this, or their functions be made SECURITY DEFINER.`,
    );
  if (row?.secured)
    notes.push(
      "-- Row security is on: what it hides from this role looks as if it were missing. Add a policy that shows it all rows.",
    );
  return notes;
}
