// The local half of a check: does the database have what the mapping names, and can it hold what would be written?
import type { Sql } from "postgres";
import type { Desk } from "../desk.ts";
import {
  describeTable,
  type LocalColumn,
  type LocalTable,
  quoteName,
  quoteTable,
  tableNamed,
} from "../local/catalog.ts";
import { encodeValue } from "../local/encode.ts";
import type { Finding } from "./check.ts";
import { checkRights, missingRights } from "./check-rights.ts";
import { didYouMean } from "./nearest.ts";
import type { Field, Resource } from "./resource.ts";

/** The table, when it is there with all columns that the mapping names, and what is wrong with it. */
export async function checkLocalTable(
  local: Sql,
  resource: Resource,
): Promise<{ table: LocalTable | null; findings: Finding[] }> {
  const where = `resources.${resource.name}`;
  const table = await describeTable(local, resource.table);
  if (!table) return { table: null, findings: [await missingTable(local, `${where}.table`, resource.table)] };
  const missing = missingColumns(table, namedColumns(resource), where);
  if (missing.length > 0) return { table: null, findings: missing };
  const findings = [
    ...checkUpdatedAt(table, resource, where),
    ...resource.fields.flatMap((field) => checkField(table, field, `${where}.fields.${field.column}`)),
    ...checkAccess(table, resource, where),
    ...checkSet(table, resource, where),
  ];
  const rights = await checkRights(local, resource, table, where);
  findings.push(...rights);
  // A condition that may not be run is no mistake in it.
  if (!rights.some((finding) => finding.level === "error"))
    findings.push(...(await checkCondition(local, resource, where)));
  // Rows are only looked at when nothing stands in the way of reading them.
  if (!findings.some((finding) => finding.level === "error"))
    findings.push(...(await checkRows(local, table, resource, where)));
  return { table, findings };
}

export async function checkWebhookLog({ local, config: { webhookLog } }: Desk): Promise<Finding[]> {
  if (!webhookLog) return [];
  const name = tableNamed(webhookLog.table);
  const table = await describeTable(local, name);
  if (!table) return [await missingTable(local, "webhookLog.table", name)];
  const { eventId, receivedAt, processedAt } = webhookLog;
  const missing = missingColumns(table, Object.entries({ eventId, receivedAt, processedAt }), "webhookLog");
  if (missing.length > 0) return missing;
  const timeless = Object.entries({ receivedAt, processedAt }).flatMap(([path, column]) =>
    notATime(table, column, {
      where: `webhookLog.${path}`,
      code: "webhook_log_not_a_time",
      remedy: logTimes,
    }),
  );
  if (timeless.length > 0) return timeless;
  const select = [eventId, receivedAt, processedAt].filter((column) => column !== undefined);
  return missingRights(local, "webhookLog", {
    tables: [{ table: name, select, update: [], insert: false }],
    schemas: [name.schema],
    sequences: [],
  });
}

function namedColumns(resource: Resource): [path: string, column: string | undefined][] {
  return [
    ["key", resource.key],
    [resource.match.by === "id" ? "stripeId" : "match.column", resource.match.column],
    ["label", resource.label],
    ["updatedAt", resource.updatedAt],
    ...resource.fields.map((field): [string, string] => [`fields.${field.column}`, field.column]),
  ];
}

function missingColumns(
  table: LocalTable,
  named: readonly (readonly [path: string, column: string | undefined])[],
  where: string,
): Finding[] {
  return named.flatMap(([path, column]) =>
    column === undefined || table.columns.has(column)
      ? []
      : [
          {
            level: "error",
            where: `${where}.${path}`,
            code: "column_missing",
            message: `table ${table.schema}.${table.name} has no column "${column}"${didYouMean(column, table.columns.keys())}`,
            remedy: `its columns are ${[...table.columns.keys()].join(", ")}`,
          } satisfies Finding,
        ],
  );
}

async function missingTable(
  local: Sql,
  where: string,
  { schema, name }: { schema: string; name: string },
): Promise<Finding> {
  const rows = await local<{ schema: string; name: string }[]>`
    SELECT n.nspname AS schema, c.relname AS name
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
      AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'driftdesk', 'driftdesk_staging', 'driftdesk_jobs')`;
  const elsewhere = rows.find((row) => row.name === name);
  const suggestion = elsewhere
    ? `; did you mean "${elsewhere.schema}.${name}"?`
    : didYouMean(
        `${schema}.${name}`,
        rows.map((row) => `${row.schema}.${row.name}`),
      );
  return {
    level: "error",
    where,
    code: "table_missing",
    message: `there is no table "${schema}.${name}"${suggestion}`,
    remedy:
      "names are taken as written, capital letters too; LOCAL_DATABASE_URL says which database is meant",
  };
}

const logTimes =
  "name a timestamp column, NULL where it has not happened; leave processedAt out if there is none";

const checkUpdatedAt = (table: LocalTable, { updatedAt }: Resource, where: string): Finding[] =>
  notATime(table, updatedAt, {
    where: `${where}.updatedAt`,
    code: "updated_at_not_a_time",
    remedy: "name a timestamp column that every change of a row sets, or leave updatedAt out",
  });

function notATime(
  table: LocalTable,
  name: string | undefined,
  finding: Pick<Finding, "where" | "code" | "remedy">,
): Finding[] {
  const column = name === undefined ? undefined : table.columns.get(name);
  if (!column || (!column.array && ["timestamp", "timestamptz"].includes(column.base))) return [];
  const message = `column "${column.name}" is of type ${column.type}, which holds no moment in time`;
  return [{ level: "error", ...finding, message }];
}

function checkField(table: LocalTable, field: Field, where: string): Finding[] {
  const column = columnOf(table, field.column);
  if (column.generated)
    return [
      {
        level: "error",
        where,
        code: "column_generated",
        message: `Postgres computes column "${column.name}" itself: it cannot be corrected`,
        remedy: "map the columns that it is computed from",
      },
    ];
  return Object.entries(field.values ?? {}).flatMap(([stripeValue, value]) =>
    doesNotFit(column, value, `${where}.values.${stripeValue}`),
  );
}

function checkAccess(table: LocalTable, { access, fields }: Resource, where: string): Finding[] {
  if (!access) return [];
  const column = columnOf(table, access.field);
  const values = fields.find((field) => field.column === access.field)?.values;
  const reachable = values && Object.values(values).map(String);
  return access.granted.flatMap((granted, i) => {
    const path = `${where}.access.granted.${i}`;
    const misfit = doesNotFit(column, granted, path);
    if (misfit.length > 0 || !reachable || reachable.includes(granted)) return misfit;
    return [
      {
        level: "warning",
        where: path,
        code: "granted_unreachable",
        message: `no value of Stripe's is mapped to "${granted}"${didYouMean(granted, reachable)}`,
        remedy: `spell it as the column does: ${[...new Set(reachable)].join(", ")}`,
      },
    ];
  });
}

function checkSet(table: LocalTable, { missingInStripe }: Resource, where: string): Finding[] {
  if (missingInStripe === "report") return [];
  return Object.entries(missingInStripe.set).flatMap(([name, value]) =>
    doesNotFit(columnOf(table, name), value, `${where}.missingInStripe.set.${name}`),
  );
}

function doesNotFit(column: LocalColumn, value: unknown, where: string): Finding[] {
  try {
    if (encodeValue(value, column) !== null || column.nullable) return [];
    return [
      {
        level: "error",
        where,
        code: "null_not_allowed",
        message: `column "${column.name}" does not take NULL`,
        remedy: "give a value that it takes",
      },
    ];
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return [
      {
        level: "error",
        where,
        code: "value_does_not_fit",
        message,
        remedy: "map to a value that the column takes, or change its type",
      },
    ];
  }
}

async function checkCondition(local: Sql, resource: Resource, where: string): Promise<Finding[]> {
  if (resource.where === undefined) return [];
  try {
    await local.begin("read only", (tx) =>
      tx.unsafe(`SELECT FROM ${quoteTable(resource.table)} t WHERE (${resource.where}) LIMIT 0`),
    );
    return [];
  } catch (error) {
    return [
      {
        level: "error",
        where: `${where}.where`,
        code: "where_invalid",
        message: `Postgres does not take this condition: ${error instanceof Error ? error.message : error}`,
        remedy: "write what could stand behind WHERE for this table alone, e.g. deleted_at IS NULL",
      },
    ];
  }
}

/** Tables below this size are read in an instant, with an index or without. */
const smallTableBytes = 8 * 1024 * 1024;

async function checkRows(
  local: Sql,
  table: LocalTable,
  resource: Resource,
  where: string,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  const { key, match } = resource;
  if (!table.uniqueColumns.has(key)) {
    const repeated = await countRepeated(local, resource, quoteName(key));
    findings.push({
      level: repeated > 0 ? "error" : "warning",
      where: `${where}.key`,
      code: "key_not_unique",
      message:
        repeated > 0
          ? `${repeated} values of "${key}" are in several rows: a correction could change the wrong one`
          : `nothing keeps "${key}" unique: two rows with one key could be changed together`,
      remedy: "name the primary key, or a column with a unique index",
    });
  }
  if (!table.uniqueColumns.has(match.column)) {
    const column = quoteName(match.column);
    const spelt = match.by === "customerEmail" ? `lower(btrim(${column}::text))` : `${column}::text`;
    const repeated = await countRepeated(local, resource, spelt);
    if (repeated > 0)
      findings.push({
        level: "warning",
        where: `${where}.${match.by === "id" ? "stripeId" : "match.column"}`,
        code: "match_not_unique",
        message: `${repeated} values of "${match.column}" are in several rows: each of them is shown as a duplicate`,
        remedy: "narrow the rows with where, or give the column a unique index once the duplicates are gone",
      });
  }
  if (!(await isIndexed(local, resource)))
    findings.push({
      level: "warning",
      where: `${where}.${match.by === "id" ? "stripeId" : "match.column"}`,
      code: "match_not_indexed",
      message: `"${match.column}" has no index: every incremental run reads the whole table`,
      remedy: `CREATE INDEX CONCURRENTLY ON ${quoteTable(resource.table)} (${quoteName(match.column)})`,
    });
  return findings;
}

async function countRepeated(local: Sql, resource: Resource, expression: string): Promise<number> {
  const [row] = await local.unsafe<{ count: number }[]>(`
    SELECT count(*)::int AS count
    FROM (
      SELECT FROM ${quoteTable(resource.table)} t
      WHERE nullif(btrim(${expression}::text), '') IS NOT NULL AND (${resource.where ?? "true"})
      GROUP BY ${expression}
      HAVING count(*) > 1
    ) repeated`);
  return row?.count ?? 0;
}

async function isIndexed(local: Sql, { table, match }: Resource): Promise<boolean> {
  const [row] = await local<{ fine: boolean }[]>`
    SELECT pg_table_size(c.oid) < ${smallTableBytes} OR EXISTS (
             SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
             WHERE i.indrelid = c.oid AND i.indisvalid AND a.attname = ${match.column}
           ) AS fine
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = ${table.schema} AND c.relname = ${table.name} AND c.relkind IN ('r', 'p', 'v', 'm', 'f')`;
  return row?.fine ?? true;
}

function columnOf(table: LocalTable, name: string): LocalColumn {
  const column = table.columns.get(name);
  if (!column) throw new Error(`Column ${name} was looked for before`);
  return column;
}
