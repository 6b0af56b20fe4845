import type { Sql } from "postgres";

export interface LocalColumn {
  name: string;
  /** As `format_type` spells it, schema-qualified where needed: fit for a cast, e.g. `numeric(10,2)`, `plan_kind`, `text[]`. */
  type: string;
  /** What is underneath domains and arrays: `text`, `varchar`, `int4`, `numeric`, `enum`, `citext`, `jsonb`, … */
  base: string;
  array: boolean;
  /** Built-in type that any Postgres has, in which this column is compared; `text` when nothing closer is safe. */
  staging: string;
  /** Compared without regard to case by the type itself (citext). */
  caseInsensitive: boolean;
  nullable: boolean;
  generated: boolean;
  hasDefault: boolean;
  enumLabels: readonly string[] | undefined;
  /** In characters, for varchar(n) and char(n). */
  maxLength: number | undefined;
  /** For numeric(p, s). */
  precision: number | undefined;
  scale: number | undefined;
}

export interface LocalTable {
  schema: string;
  name: string;
  columns: ReadonlyMap<string, LocalColumn>;
  /** Columns that are unique by themselves (primary key or unique index without a condition). */
  uniqueColumns: ReadonlySet<string>;
}

export const quoteName = (name: string): string => `"${name.replaceAll('"', '""')}"`;
export const quoteTable = (table: { schema: string; name: string }): string =>
  `${quoteName(table.schema)}.${quoteName(table.name)}`;

/** A table as a config writes it: with its schema, or in `public`. */
export function tableNamed(written: string): { schema: string; name: string } {
  const [first = "", second] = written.split(".");
  return second === undefined ? { schema: "public", name: first } : { schema: first, name: second };
}

/** `$1` as an array that the column's own index can serve. Text kinds compare as text: a cast to varchar(n) would cut values short. */
export function arrayParameter(column: LocalColumn): string {
  return ["text", "varchar", "bpchar", "citext", "name"].includes(column.base)
    ? "$1::text[]"
    : `$1::text[]::${column.type}[]`;
}

interface CatalogRow {
  name: string;
  type: string;
  array: boolean;
  elementName: string;
  elementKind: string;
  elementIsBuiltIn: boolean;
  typmod: number;
  nullable: boolean;
  generated: boolean;
  hasDefault: boolean;
  enumLabels: string[] | null;
}

/** A table as the database's catalog knows it; null when there is none of that name, or it cannot be seen. */
export async function describeTable(
  local: Sql,
  table: { schema: string; name: string },
): Promise<LocalTable | null> {
  const rows = await local<CatalogRow[]>`
    WITH RECURSIVE relation AS (
      SELECT c.oid
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = ${table.schema} AND c.relname = ${table.name} AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
    ), resolved AS (
      -- Domains are followed down to the type underneath; the outermost length or precision counts.
      SELECT a.attrelid, a.attnum, a.atttypid AS typid, a.atttypmod AS typmod, 0 AS depth
      FROM pg_attribute a JOIN relation r ON r.oid = a.attrelid
      WHERE a.attnum > 0 AND NOT a.attisdropped
      UNION ALL
      SELECT d.attrelid, d.attnum, t.typbasetype, CASE WHEN d.typmod = -1 THEN t.typtypmod ELSE d.typmod END, d.depth + 1
      FROM resolved d JOIN pg_type t ON t.oid = d.typid
      WHERE t.typtype = 'd'
    ), base AS (
      SELECT DISTINCT ON (attnum) * FROM resolved ORDER BY attnum, depth DESC
    )
    SELECT a.attname AS "name",
           format_type(a.atttypid, a.atttypmod) AS "type",
           t.typcategory = 'A' AND t.typelem <> 0 AS "array",
           coalesce(e.typname, t.typname) AS "elementName",
           coalesce(e.typtype, t.typtype)::text AS "elementKind",
           coalesce(en.nspname, tn.nspname) = 'pg_catalog' AS "elementIsBuiltIn",
           b.typmod AS "typmod",
           NOT a.attnotnull AS "nullable",
           a.attgenerated <> '' OR a.attidentity = 'a' AS "generated",
           a.atthasdef OR a.attidentity <> '' AS "hasDefault",
           (SELECT array_agg(l.enumlabel::text ORDER BY l.enumsortorder) FROM pg_enum l
            WHERE l.enumtypid = coalesce(e.oid, t.oid)) AS "enumLabels"
    FROM base b
    JOIN pg_attribute a ON a.attrelid = b.attrelid AND a.attnum = b.attnum
    JOIN pg_type t ON t.oid = b.typid
    JOIN pg_namespace tn ON tn.oid = t.typnamespace
    LEFT JOIN pg_type e ON t.typcategory = 'A' AND e.oid = t.typelem
    LEFT JOIN pg_namespace en ON en.oid = e.typnamespace
    ORDER BY a.attnum`;
  if (rows.length === 0) return null;
  const unique = await local<{ name: string }[]>`
    SELECT a.attname AS name
    FROM pg_index i
    JOIN pg_class c ON c.oid = i.indrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
    WHERE n.nspname = ${table.schema} AND c.relname = ${table.name}
      AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indnkeyatts = 1
      -- The rows of tables that inherit from it are not in its index.
      AND NOT (c.relkind = 'r' AND c.relhassubclass)`;
  return {
    schema: table.schema,
    name: table.name,
    columns: new Map(rows.map((row) => [row.name, describeColumn(row)])),
    uniqueColumns: new Set(unique.map((row) => row.name)),
  };
}

function describeColumn(row: CatalogRow): LocalColumn {
  const base = row.elementKind === "e" ? "enum" : row.elementName;
  const modified = row.typmod >= 0 && !row.array;
  const isLength = base === "varchar" || base === "bpchar";
  // numeric's modifier packs precision and a signed 11-bit scale.
  const packed = row.typmod - 4;
  const scale = (((packed & 0x7ff) ^ 1024) - 1024) as number;
  const numeric = modified && base === "numeric";
  const described = {
    name: row.name,
    type: row.type,
    base,
    array: row.array,
    caseInsensitive: base === "citext",
    nullable: row.nullable,
    generated: row.generated,
    hasDefault: row.hasDefault,
    enumLabels: row.enumLabels ?? undefined,
    maxLength: modified && isLength ? packed : undefined,
    precision: numeric ? (packed >> 16) & 0xffff : undefined,
    scale: numeric ? scale : undefined,
  };
  return { ...described, staging: stagingType(described, row) };
}

const comparable = new Set([
  "bool",
  "int2",
  "int4",
  "int8",
  "float4",
  "float8",
  "numeric",
  "date",
  "time",
  "timetz",
  "timestamp",
  "timestamptz",
  "interval",
  "uuid",
  "bytea",
  "inet",
  "jsonb",
]);

function stagingType(column: Omit<LocalColumn, "staging">, row: CatalogRow): string {
  const suffix = column.array ? "[]" : "";
  if (row.elementIsBuiltIn) {
    if (column.base === "json") return `jsonb${suffix}`;
    if (column.base === "bpchar") return `bpchar${suffix}`;
    if (column.base === "numeric" && column.precision !== undefined)
      return `numeric(${column.precision},${column.scale ?? 0})${suffix}`;
    if ((column.base === "timestamp" || column.base === "timestamptz") && row.typmod >= 0 && !column.array)
      return `${column.base}(${row.typmod})`;
    if (comparable.has(column.base)) return `${column.base}${suffix}`;
  }
  // Enums, citext, varchar, and whatever another database may not have: their text is compared.
  return `text${suffix}`;
}
