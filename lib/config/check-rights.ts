// May the database's user do what the mapping takes? One finding for each right that is missing, with the GRANT for it.
import type { Sql } from "postgres";
import { DriftdeskError } from "../errors.ts";
import { type LocalTable, quoteName, quoteTable } from "../local/catalog.ts";
import { type Rights, rightsOf, type TableRights } from "../local/rights.ts";
import type { Finding } from "./check.ts";
import type { Resource } from "./resource.ts";

export async function checkRights(
  local: Sql,
  resource: Resource,
  table: LocalTable,
  where: string,
): Promise<Finding[]> {
  const rights = await rightsOf(local, resource, table).catch((error) => {
    // The condition is wrong, which is found out, and said, by itself.
    if (error instanceof DriftdeskError) return rightsOf(local, { ...resource, where: undefined }, table);
    throw error;
  });
  return [
    ...(await missingRights(local, where, rights)),
    ...(await rowSecurity(local, resource.table, where)),
  ];
}

export async function missingRights(local: Sql, where: string, rights: Rights): Promise<Finding[]> {
  const findings: Finding[] = [];
  const [row] = await local<{ user: string; schemas: string[] }[]>`
    SELECT current_user AS "user",
           ARRAY(SELECT name FROM unnest(${[...rights.schemas]}::text[]) name
                 WHERE NOT has_schema_privilege(name, 'USAGE')) AS schemas`;
  const user = row?.user ?? "";
  for (const schema of row?.schemas ?? [])
    findings.push({
      level: "error",
      where: `${where}.table`,
      code: "usage_not_granted",
      message: `${user} may not use the schema ${quoteName(schema)}`,
      remedy: `GRANT USAGE ON SCHEMA ${quoteName(schema)} TO ${quoteName(user)}`,
    });
  // What is in them cannot even be asked about.
  if (findings.length > 0) return findings;
  for (const table of rights.tables) findings.push(...(await missingOnTable(local, where, table, user)));
  const sequences = await local<{ name: string }[]>`
    SELECT name FROM unnest(${[...rights.sequences]}::text[]) name WHERE NOT has_sequence_privilege(name, 'USAGE')`;
  for (const { name: sequence } of sequences)
    findings.push({
      level: "warning",
      where: `${where}.missingLocal`,
      code: "insert_not_granted",
      message: `${user} may not take numbers from ${sequence}: missing rows are shown, but cannot be added`,
      remedy: `GRANT USAGE ON SEQUENCE ${sequence} TO ${quoteName(user)}`,
    });
  return findings;
}

async function missingOnTable(
  local: Sql,
  where: string,
  { table, select, whole, update, insert }: TableRights,
  user: string,
): Promise<Finding[]> {
  const [rights] = await local<
    { unreadable: string[]; unreadableRows: boolean; unwritable: string[]; insert: boolean }[]
  >`
    SELECT ARRAY(SELECT name FROM unnest(${[...select]}::text[]) name
                 WHERE NOT has_column_privilege(c.oid, name, 'SELECT')) AS unreadable,
           NOT has_table_privilege(c.oid, 'SELECT') AS "unreadableRows",
           ARRAY(SELECT name FROM unnest(${[...update]}::text[]) name
                 WHERE NOT has_column_privilege(c.oid, name, 'UPDATE')) AS unwritable,
           has_any_column_privilege(c.oid, 'INSERT') AS insert
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = ${table.schema} AND c.relname = ${table.name} AND c.relkind IN ('r', 'p', 'v', 'm', 'f')`;
  if (!rights) return [];
  const grant = (right: string) => `GRANT ${right} ON ${quoteTable(table)} TO ${quoteName(user)}`;
  const list = (columns: readonly string[]) => columns.map(quoteName).join(", ");
  const findings: Finding[] = [];
  const unreadable = rights.unreadable.filter((name) => name !== "xmin");
  if (whole?.certain && rights.unreadableRows)
    findings.push({
      level: "error",
      where: `${where}.table`,
      code: "select_not_granted",
      message: `${user} may not read all of ${quoteTable(table)}, as it has to: ${whole.why}`,
      remedy: grant("SELECT"),
    });
  else if (unreadable.length > 0)
    findings.push({
      level: "error",
      where: `${where}.table`,
      code: "select_not_granted",
      message: `${user} may not read ${list(unreadable)}`,
      remedy: grant(`SELECT (${list(unreadable)})`),
    });
  if (rights.unreadable.includes("xmin"))
    findings.push({
      level: "warning",
      where: `${where}.updatedAt`,
      code: "xmin_not_granted",
      message: `${user} may not read "xmin", which says which transaction wrote a row: an incremental run goes by clocks alone, and reads again what was changed while the oldest transaction was open`,
      remedy: grant('SELECT ("xmin")'),
    });
  if (rights.unwritable.length > 0)
    findings.push({
      level: "warning",
      where: `${where}.table`,
      code: "update_not_granted",
      message: `${user} may not change ${list(rights.unwritable)}: differences are shown, but cannot be corrected`,
      remedy: grant(`UPDATE (${list(rights.unwritable)})`),
    });
  if (insert && !rights.insert)
    findings.push({
      level: "warning",
      where: `${where}.missingLocal`,
      code: "insert_not_granted",
      message: `${user} may not add rows: missing ones are shown, but cannot be added`,
      remedy: grant("INSERT"),
    });
  return findings;
}

async function rowSecurity(
  local: Sql,
  { schema, name }: Resource["table"],
  where: string,
): Promise<Finding[]> {
  const [row] = await local<{ user: string }[]>`
    SELECT current_user AS "user" FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = ${schema} AND c.relname = ${name} AND row_security_active(c.oid)`;
  if (!row) return [];
  return [
    {
      level: "warning",
      where: `${where}.table`,
      code: "row_security",
      message: `row security hides rows from ${row.user}: what it hides looks as if it were missing`,
      remedy: `add a policy that shows it all rows, or ALTER ROLE ${quoteName(row.user)} BYPASSRLS`,
    },
  ];
}
