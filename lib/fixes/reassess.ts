import type { Resource } from "../config/resource.ts";
import type { Discrepancy, FieldDifference, Impact, Values } from "../db/schema.ts";
import type { LocalTable } from "../local/catalog.ts";

export type Reassessed = Pick<Discrepancy, "observed" | "expected" | "fields" | "change" | "impact">;

/**
 * What still differs when one side of a known discrepancy turned out to say something else, by the rules of a run's
 * comparison. Both sides as Postgres spells them. Nothing differs any more when `fields` is empty.
 */
export function reassess(
  resource: Resource,
  table: LocalTable,
  known: Pick<Discrepancy, "kind" | "observed" | "expected" | "impact">,
): Reassessed {
  const { kind, observed, expected } = known;
  const fields = differences(resource, table, observed ?? {}, expected ?? {}, kind === "missing_in_stripe");
  const change = kind === "mismatch" ? changeOf(resource, table, fields) : "not in Stripe";
  return { observed, expected, fields, change, impact: impactOf(resource, known, fields) };
}

function differences(
  resource: Resource,
  table: LocalTable,
  observed: Values,
  expected: Values,
  onlyWhatIsSet: boolean,
): FieldDifference[] {
  return resource.fields.flatMap(({ column, compare }) => {
    if (onlyWhatIsSet && !(column in expected)) return [];
    const local = observed[column] ?? null;
    const stripe = expected[column] ?? null;
    const folded = compare === "ignoreCase" || table.columns.get(column)?.caseInsensitive === true;
    const same = folded ? local?.toLowerCase() === stripe?.toLowerCase() : local === stripe;
    return same ? [] : [{ name: column, local, stripe }];
  });
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
  { kind, observed, expected }: Pick<Discrepancy, "kind" | "observed" | "expected">,
  fields: readonly FieldDifference[],
): Impact {
  const { access } = resource;
  const granted = (side: Values | null) => access?.granted.includes(side?.[access.field] ?? "") ?? false;
  const here = granted(observed);
  const there = kind !== "missing_in_stripe" && granted(expected);
  if (access && there && !here) return "paid_no_access";
  if (access && here && !there) return "access_no_pay";
  const money = new Set(resource.fields.flatMap((field) => (field.money ? [field.column] : [])));
  return fields.some((field) => money.has(field.name)) ? "money" : "other";
}
