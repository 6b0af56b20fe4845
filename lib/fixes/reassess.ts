import type { Sql, TransactionSql } from "postgres";
import type { Resource } from "../config/resource.ts";
import type { Discrepancy, FieldDifference, Impact, Values } from "../db/schema.ts";
import { type LocalColumn, type LocalTable, quoteName } from "../local/catalog.ts";
import { quoteLiteral } from "../local/render.ts";
import { distinct } from "../reconcile/compare.ts";

type Known = Pick<Discrepancy, "kind" | "observed" | "expected">;
export type Reassessed = Pick<Discrepancy, "fields" | "change" | "impact">;

/**
 * What still differs when one side of known discrepancies turned out to say something else, by the rules of a run's
 * comparison. Both sides as Postgres spells them. Nothing differs any more where `fields` is empty. For discrepancies whose
 * local row is there: a missing one has no side to compare.
 */
export async function reassess(
  sql: Sql | TransactionSql,
  resource: Resource,
  table: LocalTable,
  known: readonly Known[],
): Promise<Reassessed[]> {
  const differing = await differingColumns(sql, resource, table, known);
  return known.map((row, n) => {
    const { kind, observed, expected } = row;
    const differs = differing[n] ?? {};
    const fields = resource.fields.flatMap(({ column }): FieldDifference[] => {
      // A row that Stripe does not know has only what the mapping sets to be compared with.
      if (!differs[column] || (kind === "missing_in_stripe" && !(column in (expected ?? {})))) return [];
      return [{ name: column, local: observed?.[column] ?? null, stripe: expected?.[column] ?? null }];
    });
    const change = kind === "missing_in_stripe" ? "not in Stripe" : changeOf(resource, table, fields);
    return { fields, change, impact: impactOf(resource, row, fields) };
  });
}

/** Which columns differ, compared in the types that a run stages them in: two spellings of one number are one. */
async function differingColumns(
  sql: Sql | TransactionSql,
  resource: Resource,
  table: LocalTable,
  known: readonly Known[],
): Promise<Record<string, boolean>[]> {
  const compared = resource.fields.flatMap((field) => {
    const column: LocalColumn | undefined = table.columns.get(field.column);
    if (!column) return [];
    const side = (name: string) => `(v.r -> '${name}' ->> ${quoteLiteral(column.name)})::${column.staging}`;
    return [`${distinct(field, column, side("observed"), side("expected"))} AS ${quoteName(column.name)}`];
  });
  if (compared.length === 0) return known.map(() => ({}));
  const sides = known.map(({ observed, expected }) => ({ observed, expected }));
  return sql.unsafe<Record<string, boolean>[]>(
    `SELECT ${compared.join(", ")}
     FROM jsonb_array_elements($1::text::jsonb) WITH ORDINALITY AS v (r, n) ORDER BY v.n`,
    [JSON.stringify(sides)],
  );
}

/** "past_due → active" for a state, the columns' names for anything finer. */
function changeOf(resource: Resource, table: LocalTable, fields: readonly FieldDifference[]): string {
  const isState = ({ column, values }: Resource["fields"][number]) =>
    column === resource.access?.field || values !== undefined || table.columns.get(column)?.base === "enum";
  const states = resource.fields
    .filter(isState)
    .map((field) => field.column)
    .sort((a, b) => Number(b === resource.access?.field) - Number(a === resource.access?.field));
  const told = states.flatMap((name) => fields.find((field) => field.name === name) ?? [])[0];
  if (told) return `${told.local ?? "nothing"} → ${told.stripe ?? "nothing"}`;
  return fields.map((field) => field.name).join(", ") || "cannot be compared";
}

function impactOf(
  resource: Resource,
  { kind, observed, expected }: Known,
  fields: readonly FieldDifference[],
): Impact {
  const { access } = resource;
  const granted = (side: Values | null) => {
    const value = access && side?.[access.field];
    return typeof value === "string" && access?.granted.includes(value) === true;
  };
  const here = granted(observed);
  const there = kind !== "missing_in_stripe" && granted(expected);
  if (there && !here) return "paid_no_access";
  if (here && !there) return "access_no_pay";
  const money = resource.fields.flatMap((field) => (field.money ? [field.column] : []));
  // An amount in a row that Stripe does not know is an amount that differs, whatever the mapping sets.
  const differs =
    kind === "missing_in_stripe"
      ? money.some((column) => (observed?.[column] ?? null) !== null)
      : fields.some((field) => money.includes(field.name));
  return differs ? "money" : "other";
}
