import type { StripeObject } from "../config/resource.ts";
import type { Values } from "../db/schema.ts";
import type { LocalTable } from "../local/catalog.ts";
import { encodeValue } from "../local/encode.ts";
import { columnOf } from "./project.ts";

/** The columns of the row that `missingLocal.insert` makes of an object, as Postgres text; or what is wrong with it. */
export function insertValues(
  table: LocalTable,
  insert: (object: never) => Record<string, unknown>,
  object: StripeObject,
): { values: Values; error: string | null } {
  try {
    const columns = Object.entries(insert(object as never));
    const values = columns.map(([name, value]) => [name, encodeValue(value, columnOf(table, name))] as const);
    return { values: Object.fromEntries(values), error: null };
  } catch (error) {
    return {
      values: {},
      error: `missingLocal.insert: ${error instanceof Error ? error.message : String(error)}`,
    };
  }
}
