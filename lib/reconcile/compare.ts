// The comparison as one set operation: a full join of what Stripe says with what the local rows say, every column by
// IS DISTINCT FROM in its own type. Built here as SQL text, because the columns are the mapping's.
import type { TransactionSql } from "postgres";
import type { Field } from "../config/resource.ts";
import type { LocalColumn } from "../local/catalog.ts";
import { encodeValue } from "../local/encode.ts";
import { quoteLiteral } from "../local/render.ts";
import { columnOf } from "./project.ts";
import type { Stage } from "./staging.ts";

const textArray = (texts: readonly string[]) => `ARRAY[${texts.map(quoteLiteral).join(", ")}]::text[]`;

/** The object that stands for each match: of a customer's several the lowest rank, then the newest. */
function chosen(expected: string): string {
  return `
    SELECT DISTINCT ON (match) * FROM ${expected}
    WHERE match IS NOT NULL
    ORDER BY match, rank, created DESC, stripe_id DESC`;
}

/** One row of Stripe's side per match. By id each object stands for itself: nothing to choose, no sort of a million rows. */
export const expectedSide = (stage: Stage, expected: string) =>
  stage.resource.match.by === "id" ? `SELECT * FROM ${expected} WHERE match IS NOT NULL` : chosen(expected);

/** Whether two values of a column, in its staging type, differ. */
export function distinct(field: Field, column: LocalColumn, left: string, right: string): string {
  const folded = field.compare === "ignoreCase" || column.caseInsensitive;
  const side = (value: string) => (folded ? `lower((${value})::text)` : value);
  return `${side(left)} IS DISTINCT FROM ${side(right)}`;
}

const differs = (stage: Stage, i: number): string => {
  const column = stage.columns[i] as LocalColumn;
  const field = stage.resource.fields[i] as Field;
  return `(${distinct(field, column, `l.f${i}`, `e.f${i}`)}
    AND (e.failed IS NULL OR NOT e.failed @> ${textArray([column.name])}))`;
};

const anyDiffers = (stage: Stage) =>
  stage.columns.length === 0 ? "false" : stage.columns.map((_, i) => differs(stage, i)).join("\n OR ");

interface Setting {
  name: string;
  /** The column's number. */
  i: number;
  /** What is set, as SQL in the column's staging type. */
  value: string;
  /** Whether the local row `l` holds something else. */
  differs: string;
}

/** What `missingInStripe.set` writes, in the order of the fields; null when it only reports. */
function setWhenMissing({ resource, table, columns }: Stage): Setting[] | null {
  const rule = resource.missingInStripe;
  if (rule === "report") return null;
  return resource.fields.flatMap((field, i) => {
    if (!(field.column in rule.set)) return [];
    const column = columns[i] as LocalColumn;
    const text = encodeValue(rule.set[field.column], columnOf(table, field.column));
    const value = `${text === null ? "NULL" : quoteLiteral(text)}::${column.staging}`;
    return [{ name: field.column, i, value, differs: distinct(field, column, `l.f${i}`, value) }];
  });
}

/** A row that Stripe does not know is in order when it already holds what the mapping would set. */
function alreadySet(stage: Stage): string {
  const set = setWhenMissing(stage);
  if (!set || set.length === 0) return "false";
  return `NOT (${set.map((one) => one.differs).join(" OR ")})`;
}

/** All mapped columns of a staged row, as a discrepancy keeps them. */
export const rowValues = ({ columns }: Stage, alias: string): string =>
  `jsonb_object(${textArray(columns.map((column) => column.name))},
     ARRAY[${columns.map((_, i) => `${alias}.f${i}::text`).join(", ")}]::text[])`;

/** First pass over everything: which pairs may differ. Only their names are kept. */
export async function findCandidates(sql: TransactionSql, stage: Stage): Promise<void> {
  await sql.unsafe(`ANALYZE ${stage.expected} (match), ${stage.local} (match)`);
  await sql.unsafe(`DROP TABLE IF EXISTS ${stage.candidates}`);
  await sql.unsafe(`
    CREATE UNLOGGED TABLE ${stage.candidates} AS
    WITH repeated AS (${repeatedMatches(stage)})
    SELECT CASE WHEN l.key IS NULL THEN 'missing_local'
                WHEN e.match IS NULL THEN 'missing_in_stripe'
                WHEN r.match IS NOT NULL THEN 'duplicate'
                ELSE 'mismatch' END AS kind,
           e.stripe_id, l.key, coalesce(e.match, l.match) AS match, NULL::jsonb AS insert_values
    FROM ${stage.local} l
    FULL JOIN (${expectedSide(stage, stage.expected)}) e ON e.match = l.match
    LEFT JOIN repeated r ON r.match = l.match AND e.match IS NOT NULL
    WHERE l.key IS NULL
       OR (e.match IS NULL AND NOT (${alreadySet(stage)}))
       OR r.match IS NOT NULL
       OR e.error IS NOT NULL
       OR (e.match IS NOT NULL AND (${anyDiffers(stage)}))`);
  await sql.unsafe(`CREATE INDEX ON ${stage.candidates} (match)`);
}

/** What several local rows claim. Where the database itself keeps the column unique, a million rows need not be counted. */
function repeatedMatches({ local, resource: { match }, table }: Stage): string {
  return match.by !== "customerEmail" && table.uniqueColumns.has(match.column)
    ? "SELECT NULL::text AS match WHERE false"
    : `SELECT match FROM ${local} GROUP BY match HAVING count(*) > 1`;
}

/**
 * Second pass, over the candidates alone, after both sides were read again: what really differs, with everything that
 * a discrepancy holds.
 */
export async function confirmCandidates(sql: TransactionSql, stage: Stage): Promise<void> {
  const { resource, columns } = stage;
  const values = (alias: string) => rowValues(stage, alias);
  const differences = columns.map(
    (column, i) => `(${i}, ${quoteLiteral(column.name)}, l.f${i}::text, e.f${i}::text, ${differs(stage, i)})`,
  );
  const set = setWhenMissing(stage);
  const named = (one: Setting) => `${quoteLiteral(one.name)}, (${one.value})::text`;
  const whatIsSet = set === null ? "NULL::jsonb" : `jsonb_build_object(${set.map(named).join(", ")})`;
  const settings = (set ?? []).map(
    (one) => `(${one.i}, ${quoteLiteral(one.name)}, l.f${one.i}::text, (${one.value})::text, ${one.differs})`,
  );
  const listed = (rows: readonly string[]) => `
        FROM (VALUES
        ${rows.join(",\n        ") || "(0, '', NULL::text, NULL::text, false)"}) AS v (n, name, local, stripe, differs)`;
  const fields = `
        coalesce(jsonb_agg(jsonb_build_object('name', name, 'local', local, 'stripe', stripe) ORDER BY n)
                 FILTER (WHERE differs), '[]')`;

  await sql.unsafe(`DROP TABLE IF EXISTS ${stage.confirmed}`);
  await sql.unsafe(`
    CREATE UNLOGGED TABLE ${stage.confirmed} AS
    WITH reread AS (
      SELECT DISTINCT ON (key) * FROM ${stage.reread} ORDER BY key
    ), repeated AS (
      SELECT match FROM reread GROUP BY match HAVING count(*) > 1
    ), paired AS (
      SELECT CASE WHEN l.key IS NULL THEN 'missing_local'
                  WHEN e.match IS NULL THEN 'missing_in_stripe'
                  WHEN r.match IS NOT NULL THEN 'duplicate'
                  ELSE 'mismatch' END AS kind,
             coalesce(e.stripe_id, ${resource.match.by === "customerEmail" ? "NULL" : "l.match"}) AS stripe_id, l.key AS local_key, coalesce(e.match, l.match) AS match,
             coalesce(e.customer_id, CASE WHEN l.match LIKE 'cus\\_%' THEN l.match END) AS customer_id,
             coalesce(l.label, e.label) AS label,
             CASE WHEN l.key IS NOT NULL THEN ${values("l")} END AS observed,
             CASE WHEN e.match IS NOT NULL THEN ${values("e")} END AS expected,
             coalesce(e.amount_minor, 0) AS amount_minor, e.currency, e.error AS row_error,
             ${grantedSql(stage, "l")} AS local_granted, ${grantedSql(stage, "e")} AS stripe_granted,
             e.failed IS NOT NULL AND e.failed @> ${textArray([resource.access?.field ?? ""])} AS access_unknown,
             ${moneyDeltaSql(stage)} AS money_delta,
             CASE WHEN e.match IS NULL THEN m.fields ELSE d.fields END AS fields, d.money
      FROM reread l
      FULL JOIN (${expectedSide(stage, stage.reasked)}) e ON e.match = l.match
      LEFT JOIN repeated r ON r.match = l.match AND e.match IS NOT NULL
      CROSS JOIN LATERAL (
        SELECT ${fields} AS fields,
               coalesce(bool_or(differs AND name = ANY(${textArray(resource.fields.filter((f) => f.money).map((f) => f.column))})), false) AS money
        ${listed(differences)}
      ) d
      CROSS JOIN LATERAL (SELECT ${fields} AS fields ${listed(settings)}) m
      WHERE l.key IS NULL
         OR (e.match IS NULL AND NOT (${alreadySet(stage)}))
         OR r.match IS NOT NULL
         OR e.error IS NOT NULL
         OR (e.match IS NOT NULL AND (${anyDiffers(stage)}))
    ), shaped AS (
      SELECT p.kind, p.match, p.stripe_id, p.local_key, p.customer_id, p.label, p.observed, p.row_error, p.currency,
             p.local_granted, p.stripe_granted, p.access_unknown, p.money, p.money_delta, p.amount_minor,
             CASE p.kind WHEN 'missing_in_stripe' THEN ${whatIsSet}
                         WHEN 'missing_local' THEN coalesce(c.insert_values, p.expected)
                         ELSE p.expected END AS expected,
             p.fields
      FROM paired p
      LEFT JOIN (
        SELECT DISTINCT ON (match) match, insert_values FROM ${stage.candidates}
        WHERE insert_values IS NOT NULL ORDER BY match
      ) c ON p.kind = 'missing_local' AND c.match = p.match
    )
    SELECT s.kind, s.match, s.stripe_id, s.local_key, s.customer_id, s.label, s.observed, s.expected, s.fields, s.row_error, s.currency,
           i.impact, CASE WHEN i.impact = 'money' THEN coalesce(s.money_delta, s.amount_minor) ELSE s.amount_minor END AS amount_minor,
           ${changeSql(stage)} AS change,
           NULL::bigint AS discrepancy_id, NULL::text AS happened,
           NULL::bigint AS import_line, false AS local_newer
    FROM shaped s
    CROSS JOIN LATERAL (SELECT CASE
      WHEN ${resource.access === undefined ? "false" : "NOT s.access_unknown AND s.stripe_granted AND NOT s.local_granted"} THEN 'paid_no_access'
      WHEN ${resource.access === undefined ? "false" : "NOT s.access_unknown AND s.local_granted AND NOT s.stripe_granted"} THEN 'access_no_pay'
      WHEN s.money THEN 'money'
      ELSE 'other' END AS impact) i`);
}

/** Whether this side lets the customer in, by the mapping's `access`; a side that has no row does not. */
function grantedSql(stage: Stage, alias: string): string {
  const { access } = stage.resource;
  const i = stage.columns.findIndex((column) => column.name === access?.field);
  if (access === undefined || i < 0) return "false";
  return `coalesce(${alias}.f${i}::text = ANY(${textArray(access.granted)}), false)`;
}

/** How far the amounts of differing money columns are apart at most, in minor units: whole columns hold minor units, others major ones. */
function moneyDeltaSql(stage: Stage): string {
  const deltas = stage.columns.flatMap((column, i) => {
    if (!stage.resource.fields[i]?.money || column.array) return [];
    const delta = `abs(coalesce(l.f${i}, 0)::numeric - coalesce(e.f${i}, 0)::numeric)`;
    if (["int2", "int4", "int8"].includes(column.base)) return [delta];
    return ["numeric", "float4", "float8"].includes(column.base) ? [`${delta} * ${minorUnitsSql}`] : [];
  });
  return deltas.length === 0 ? "NULL::bigint" : `round(greatest(${deltas.join(", ")}))::bigint`;
}

/** Minor units in one major unit, by Stripe's lists of zero- and three-decimal currencies. */
const minorUnitsSql = `(CASE
  WHEN lower(e.currency) IN ('bif','clp','djf','gnf','jpy','kmf','krw','mga','pyg','rwf','ugx','vnd','vuv','xaf','xof','xpf') THEN 1
  WHEN lower(e.currency) IN ('bhd','jod','kwd','omr','tnd') THEN 1000 ELSE 100 END)`;

/** A difference in words that people group by: "past_due → active" for a state, the column's name for anything finer. */
function changeSql(stage: Stage): string {
  const { access, fields } = stage.resource;
  const states = fields
    .filter(
      (field, i) =>
        field.column === access?.field || field.values !== undefined || stage.columns[i]?.base === "enum",
    )
    .map((field) => field.column)
    .sort((a, b) => Number(b === access?.field) - Number(a === access?.field));
  return `CASE s.kind
    WHEN 'missing_local' THEN 'no local record'
    WHEN 'missing_in_stripe' THEN 'not in Stripe'
    WHEN 'duplicate' THEN 'several local records'
    ELSE coalesce(
      (SELECT coalesce(f ->> 'local', 'nothing') || ' → ' || coalesce(f ->> 'stripe', 'nothing')
       FROM jsonb_array_elements(s.fields) f
       WHERE f ->> 'name' = ANY(${textArray(states)})
       ORDER BY array_position(${textArray(states)}, f ->> 'name') LIMIT 1),
      (SELECT string_agg(f ->> 'name', ', ' ORDER BY n) FROM jsonb_array_elements(s.fields) WITH ORDINALITY AS x (f, n)),
      'cannot be compared') END`;
}
