import { isDeepStrictEqual } from "node:util";
import type { Sql } from "postgres";
import { accountsTable } from "../accounts-table.ts";

/**
 * Everything that is there in the end, but for numbers that sequences give: they count what is undone, too. Only the
 * key of a new row is such a number of the user's own.
 */
export async function ending(sql: Sql, local: Sql) {
  const rows = await local.unsafe<{ row: object }[]>(`
    SELECT to_jsonb(a) - '{the key,Updated At}'::text[] || jsonb_build_object('touched', "Updated At" IS NOT NULL) AS row
    FROM ${accountsTable} a ORDER BY "stripe ""id""" COLLATE "C"`);
  // An action is known by which one it is: its number may be another one when it was killed while it was made.
  const discrepancies = await sql<{ row: object }[]>`
    SELECT to_jsonb(d) - '{local_key,search,cause_evidence}'::text[] || ${which(sql, "d.bulk_id")} AS row FROM driftdesk.discrepancies d ORDER BY id`;
  const fixes = await sql<{ row: object }[]>`
    SELECT to_jsonb(f) - '{id,local_key,reverts}'::text[] || ${which(sql, "f.bulk_id")} AS row
    FROM driftdesk.fixes f ORDER BY f.bulk_id, f.discrepancy_id, f.id`;
  const bulks = await sql<{ row: object }[]>`
    SELECT to_jsonb(b) - 'id' AS row FROM driftdesk.bulk_actions b ORDER BY id`;
  const items = await sql<{ row: object }[]>`
    SELECT to_jsonb(i) || ${which(sql, "i.bulk_id")} AS row FROM driftdesk.bulk_items i ORDER BY i.bulk_id, i.discrepancy_id`;
  const runs = await sql<{ row: object }[]>`
    SELECT jsonb_build_object('state', r.state, 'message', r.message, 'fixed', (
      SELECT sum(s.fixed) FROM driftdesk.run_resources s WHERE s.run_id = r.id)) AS row
    FROM driftdesk.runs r ORDER BY id`;
  // How often a run was begun is its own story.
  const entries = await sql<{ row: { data: { fields?: Named[] } } }[]>`
    SELECT to_jsonb(e) - '{seq,fix_id,prev_hash,hash}'::text[] #- '{data,localKey}' #- '{data,reverts}' || ${which(sql, "e.bulk_id")} AS row
    FROM driftdesk.audit_entries e WHERE e.action NOT LIKE 'run.%'
    ORDER BY e.bulk_id, e.discrepancy_id, e.action, e.seq`;
  for (const { row } of entries) if (row.data.fields) row.data.fields = sortedByName(row.data.fields);
  const parts = { rows, discrepancies, fixes, bulks, items, runs, entries };
  return Object.fromEntries(
    Object.entries(parts).map(([name, found]) => [name, found.map(({ row }) => row)]),
  );
}
export type Ending = Awaited<ReturnType<typeof ending>>;

const which = (sql: Sql, id: string) => sql`
  jsonb_build_object('bulk_id', (SELECT count(*) FROM driftdesk.bulk_actions before WHERE before.id <= ${sql(id)}))`;

interface Named {
  name: string;
}
/** A recovery tells the columns in the order in which the database keeps them. */
const sortedByName = (fields: readonly Named[]) => fields.toSorted((a, b) => (a.name < b.name ? -1 : 1));

/** The first few lines in which two endings are not the same. */
export function differences(is: Ending, was: Ending): string[] {
  return Object.keys(was).flatMap((part) => {
    if (isDeepStrictEqual(is[part], was[part])) return [];
    const [present, wanted] = [is, was].map((one) => (one[part] ?? []).map((row) => JSON.stringify(row)));
    const only = (some: string[] = [], others: string[] = [], mark: string) =>
      some.filter((line) => !others.includes(line)).map((line) => `${part} ${mark} ${line}`);
    const lines = [...only(present, wanted, "+"), ...only(wanted, present, "-")];
    return lines.length > 0 ? lines.slice(0, 6) : [`${part}: some are there more than once`];
  });
}
