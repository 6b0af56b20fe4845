// Which resources an import has to do with: those that its kind of export says something about; of a list, those of what it names,
// and everything of the customers in it.
import type { Sql } from "postgres";
import type { Resource, StripeType } from "../config/resource.ts";
import type { Import } from "../db/schema.ts";
import { DriftdeskError } from "../errors.ts";
import { typesOf } from "../quick-fix/columns.ts";
import { typeOfId } from "../stripe/ids.ts";

type ReadImport = Pick<Import, "id" | "kind" | "fileName">;

/** Tells the resources that an import says something about. Throws `import_unknown`. */
export async function toldBy(
  sql: Sql,
  targets: { import: number },
): Promise<(resource: Resource) => boolean> {
  const found = await readImport(sql, targets.import);
  if (found.kind !== null && found.kind !== "list") {
    const types: readonly StripeType[] = typesOf[found.kind];
    return ({ stripe }) => types.includes(stripe);
  }
  const { types, customers } = await namedIn(sql, found);
  // A payout is nobody's.
  return ({ stripe }) => types.has(stripe) || (customers && stripe !== "payout");
}

/** What an import is about, as a message tells it. */
export async function importWords(sql: Sql, id: number): Promise<string> {
  const { kind, fileName } = await readImport(sql, id);
  if (kind === "list") return "what the pasted list names";
  return `${fileName === null ? "the file" : `"${fileName}"`}, which is an export of ${kind}`;
}

async function readImport(sql: Sql, id: number): Promise<ReadImport> {
  const [found] = await sql<ReadImport[]>`
    SELECT id, kind, file_name AS "fileName" FROM driftdesk.imports WHERE id = ${id}`;
  if (found) return found;
  throw new DriftdeskError("import_unknown", `There is no import with the number ${id}.`, { status: 404 });
}

/** The kinds of what stands in the lines, by their ids; and whether customers do. */
async function namedIn(
  sql: Sql,
  { id }: ReadImport,
): Promise<{ types: ReadonlySet<StripeType>; customers: boolean }> {
  const [named] = await sql<{ prefixes: string[]; customers: boolean }[]>`
    SELECT coalesce(array_agg(DISTINCT split_part(stripe_id, '_', 1) || '_') FILTER (WHERE stripe_id IS NOT NULL), '{}') AS prefixes,
           coalesce(bool_or(customer_id IS NOT NULL OR email IS NOT NULL), false) AS customers
    FROM driftdesk.import_lines WHERE import_id = ${id}`;
  const types = new Set((named?.prefixes ?? []).flatMap((prefix) => typeOfId(prefix) ?? []));
  return { types, customers: (named?.customers ?? false) || types.has("customer") };
}
