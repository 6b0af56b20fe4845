// What stands open by the word of an import, as a script for somebody whose desk may not write.
import { knownDesks } from "../accounts/known.ts";
import type { Discrepancy } from "../db/schema.ts";
import type { Desk } from "../desk.ts";
import { matchOf, planFix, targetOf, whyNot } from "../fixes/plan.ts";
import { describeTable } from "../local/catalog.ts";
import { type ScriptHead, type ScriptPart, type ScriptRow, writeScript } from "./script.ts";

const batch = 1_000;

export interface ImportScript {
  pieces: AsyncGenerator<string>;
  rows: number;
  /** What is open and not in it, by the reason. */
  leftOut: { reason: string; count: number }[];
}

/** The rows that one statement can write: of one table, and of the same columns. */
type Group = Pick<Discrepancy, "accountId" | "resource"> & {
  added: boolean;
  columns: string[];
  rows: number;
};
type Row = Pick<
  Discrepancy,
  "id" | "kind" | "fields" | "expected" | "localKey" | "stripeId" | "customerId" | "label"
>;

/** Values are those that the comparison saw; the script writes nothing over a row that says something else by then. */
export async function scriptOfImport(
  desk: Desk,
  importId: number,
  head: Pick<ScriptHead, "nonce" | "about">,
): Promise<ImportScript> {
  const { sql } = desk;
  const known = await knownDesks(desk);
  const why = sql`
    coalesce(${whyNot(sql, known)}, CASE WHEN d.local_newer THEN 'Our record was changed after the file was exported.' END)`;
  const open = sql`FROM driftdesk.discrepancies d WHERE d.import_id = ${importId} AND d.state = 'open'`;
  const columns = sql`
    CASE WHEN d.kind = 'missing_local'
      THEN (SELECT array_agg(k ORDER BY k) FROM jsonb_object_keys(d.expected) k)
      ELSE (SELECT array_agg(f ->> 'name' ORDER BY f ->> 'name') FROM jsonb_array_elements(d.fields) f)
    END`;
  const [groups, leftOut, [path]] = await Promise.all([
    sql<Group[]>`
      SELECT d.account_id AS "accountId", d.resource, d.kind = 'missing_local' AS added, ${columns} AS columns,
             count(*)::int AS rows
      ${open} AND ${why} IS NULL GROUP BY 1, 2, 3, 4 ORDER BY 2, 3, 4`,
    sql<ImportScript["leftOut"]>`
      SELECT ${why} AS reason, count(*)::int AS count ${open} AND ${why} IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1`,
    desk.local<{ schemas: string[] }[]>`SELECT current_schemas(false) AS schemas`,
  ]);

  async function* parts(): AsyncGenerator<ScriptPart> {
    for (const group of groups) {
      const resource = desk.config.resources.find(({ name }) => name === group.resource);
      const table = resource && (await describeTable(desk.local, resource.table));
      if (!resource || !table) continue;
      yield {
        accountId: group.accountId,
        resource: group.resource,
        action: group.added ? "insert" : "update",
        table,
        target: targetOf(resource, table),
        rows: rowsOf(group, (row) => matchOf(resource, row)),
      };
    }
  }
  async function* rowsOf(group: Group, match: (row: Row) => string | null): AsyncGenerator<ScriptRow> {
    for (let last = 0; ; ) {
      const rows = await sql<Row[]>`
        SELECT d.id, d.kind, d.fields, d.expected, d.local_key AS "localKey", d.stripe_id AS "stripeId",
               d.customer_id AS "customerId", d.label
        ${open} AND ${why} IS NULL AND d.account_id = ${group.accountId} AND d.resource = ${group.resource}
          AND (d.kind = 'missing_local') = ${group.added} AND ${columns} = ${group.columns}::text[] AND d.id > ${last}
        ORDER BY d.id LIMIT ${batch}`;
      for (const row of rows) {
        const { observed, expected } = planFix(row);
        yield { localKey: group.added ? null : row.localKey, match: match(row), observed, expected };
      }
      if (rows.length < batch) return;
      last = rows.at(-1)?.id as number;
    }
  }
  return {
    pieces: writeScript({ ...head, bulk: null, searchPath: path?.schemas ?? [] }, parts()),
    rows: groups.reduce((sum, { rows }) => sum + rows, 0),
    leftOut,
  };
}
