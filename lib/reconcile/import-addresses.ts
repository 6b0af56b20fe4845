import { quoteName, quoteTable } from "../local/catalog.ts";
import { columnOf } from "./project.ts";
import type { Sides } from "./sides.ts";
import { localMatch, type Stage } from "./staging.ts";
import { addressColumns } from "./told-row.ts";

/** A local row that has an address. */
export interface Found {
  key: string;
  /** What it says about whose it is; null when it says nothing. */
  match: string | null;
}

/** The local rows that have one of the addresses, by the address in small letters. An address says nothing where nothing holds one. */
export async function findByAddress(
  { local }: Pick<Sides, "local">,
  stage: Stage,
  addresses: readonly string[],
): Promise<Map<string, Found[]>> {
  const { resource, table } = stage;
  const columns = addressColumns(stage).map((name) => columnOf(table, name));
  if (columns.length === 0 || addresses.length === 0) return new Map();
  const written = columns.map((column) => `lower(btrim(t.${quoteName(column.name)}::text))`);
  const wanted = addresses.map((address) => address.trim().toLowerCase());
  const rows = await local.unsafe<{ key: string; match: string | null; addresses: (string | null)[] }[]>(
    `SELECT t.${quoteName(resource.key)}::text AS key, nullif(btrim(${localMatch(stage)}), '') AS match,
            ARRAY[${written.join(", ")}]::text[] AS addresses
     FROM ${quoteTable(table)} t
     WHERE (${resource.where ?? "true"}
       ) AND (${written.map((column) => `${column} = ANY($1::text[])`).join(" OR ")})`,
    [wanted],
  );
  const asked = new Set(wanted);
  const found = new Map<string, Found[]>();
  for (const { key, match, addresses: own } of rows)
    for (const address of new Set(own))
      if (address !== null && asked.has(address))
        found.set(address, [...(found.get(address) ?? []), { key, match }]);
  return found;
}
