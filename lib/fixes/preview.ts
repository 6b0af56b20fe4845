import type { Discrepancy, FieldDifference, Impact, Kind, Values } from "../db/schema.ts";
import type { Desk } from "../desk.ts";
import { describeTable } from "../local/catalog.ts";
import { renderStatement } from "../local/render.ts";
import { applicableCondition, moneyCondition, type Selection, selectionCondition } from "./selection.ts";
import { insertedMatch, matchOf, targetOf } from "./settle.ts";

export interface PreviewSample {
  id: number;
  label: string | null;
  localKey: string | null;
  kind: Kind;
  resource: string;
  fields: FieldDifference[];
  /** What will run, with its values, for people to read; null where there is nothing to run. */
  statement: string | null;
}

export interface Preview {
  /** Rows that a correction is known for. */
  applicable: number;
  /** Rows of the selection that nothing can be applied to, with the reason in words. */
  skipped: { reason: string; count: number }[];
  byChange: { change: string; impact: Impact; count: number }[];
  touched: { resource: string; table: string; columns: string[]; count: number }[];
  money: { currency: string; amountMinor: number }[];
  changesMoney: boolean;
  needsSecondPerson: boolean;
  samples: PreviewSample[];
}

/** What applying a selection would do, before anybody decides. Reads only. */
export async function previewFixes(desk: Desk, selection: Selection): Promise<Preview> {
  const { sql, config } = desk;
  const now = desk.now();
  const selected = selectionCondition(sql, selection, now);
  const applicable = sql`${selected} AND ${applicableCondition(sql, config)}`;
  const [totals, byChange, touched, money, skipped, rows] = await Promise.all([
    sql<{ applicable: number; money: number }[]>`
      SELECT count(*)::int AS applicable, (count(*) FILTER (WHERE ${moneyCondition(sql, config)}))::int AS money
      FROM driftdesk.discrepancies d WHERE ${applicable}`,
    sql<Preview["byChange"]>`
      SELECT d.change, d.impact, count(*)::int AS count FROM driftdesk.discrepancies d
      WHERE ${applicable} GROUP BY d.change, d.impact ORDER BY count DESC, d.change LIMIT 20`,
    sql<{ resource: string; columns: string[]; count: number }[]>`
      SELECT d.resource, array_agg(DISTINCT f.name ORDER BY f.name) AS columns, count(DISTINCT d.id)::int AS count
      FROM driftdesk.discrepancies d
      CROSS JOIN LATERAL (
        SELECT x ->> 'name' AS name FROM jsonb_array_elements(d.fields) x WHERE d.kind <> 'missing_local'
        UNION ALL SELECT jsonb_object_keys(d.expected) WHERE d.kind = 'missing_local'
      ) f
      WHERE ${applicable} GROUP BY d.resource ORDER BY d.resource`,
    sql<Preview["money"]>`
      SELECT d.currency, sum(d.amount_minor) AS "amountMinor" FROM driftdesk.discrepancies d
      WHERE ${applicable} AND d.currency IS NOT NULL GROUP BY d.currency ORDER BY 2 DESC`,
    sql<{ reason: string; count: number }[]>`
      SELECT CASE WHEN d.row_error IS NOT NULL THEN 'The mapping could not read this object'
                  WHEN d.kind = 'duplicate' THEN 'Several local records name one Stripe object: a person has to decide which is right'
                  WHEN d.kind = 'missing_in_stripe' THEN 'Not in Stripe, and the mapping says to report it only'
                  WHEN d.kind = 'missing_local' THEN 'No local record, and the mapping says to report it only'
                  ELSE 'Nothing to write' END AS reason, count(*)::int AS count
      FROM driftdesk.discrepancies d
      WHERE ${selected} AND NOT ${applicableCondition(sql, config)} GROUP BY 1 ORDER BY 2 DESC`,
    sql<(Omit<PreviewSample, "statement"> & Pick<Discrepancy, "expected" | "stripeId" | "customerId">)[]>`
      SELECT d.id, d.label, d.local_key AS "localKey", d.kind, d.resource, d.fields, d.expected,
             d.stripe_id AS "stripeId", d.customer_id AS "customerId"
      FROM driftdesk.discrepancies d WHERE ${applicable}
      ORDER BY d.impact_rank, d.amount_minor DESC, d.id LIMIT 10`,
  ]);
  if ("ids" in selection) {
    const [seen] = await sql<{ count: number }[]>`
      SELECT count(*)::int AS count FROM driftdesk.discrepancies d WHERE ${selected}`;
    const moved = selection.ids.length - (seen?.count ?? 0);
    if (moved > 0) skipped.push({ reason: "Changed since you looked", count: moved });
  }
  const count = totals[0]?.applicable ?? 0;
  const above = config.fixes.secondPersonAbove;
  return {
    applicable: count,
    skipped,
    byChange,
    touched: touched.map((row) => ({ ...row, table: tableName(desk, row.resource) })),
    money: money.map((row) => ({ ...row, amountMinor: Number(row.amountMinor) })),
    changesMoney: (totals[0]?.money ?? 0) > 0,
    needsSecondPerson: above !== undefined && count > above,
    samples: await Promise.all(
      rows.map(async ({ expected, stripeId, customerId, ...row }) => ({
        ...row,
        statement: await statementFor(desk, { ...row, expected, stripeId, customerId }),
      })),
    ),
  };
}

function tableName(desk: Desk, resource: string): string {
  const table = desk.config.resources.find((r) => r.name === resource)?.table;
  return table ? `${table.schema}.${table.name}` : resource;
}

/** The statement that applying one discrepancy runs, with its values, or null where no correction is known. */
export async function statementFor(
  desk: Desk,
  row: {
    resource: string;
    kind: Kind;
    localKey: string | null;
    stripeId: string | null;
    customerId: string | null;
    fields: FieldDifference[];
    expected: Values | null;
  },
): Promise<string | null> {
  const resource = desk.config.resources.find((r) => r.name === row.resource);
  const table = resource && (await describeTable(desk.local, resource.table));
  if (!resource || !table) return null;
  const target = targetOf(resource);
  if (row.kind === "missing_local") {
    if (resource.missingLocal === "report") return null;
    const expected = row.expected ?? {};
    return renderStatement(table, target, {
      action: "insert",
      insert: { match: insertedMatch(resource, { resource: row.resource, expected }), expected },
    });
  }
  if (row.kind === "duplicate" || row.fields.length === 0 || row.localKey === null) return null;
  if (row.kind === "missing_in_stripe" && resource.missingInStripe === "report") return null;
  return renderStatement(table, target, {
    action: "update",
    update: {
      localKey: row.localKey,
      observed: Object.fromEntries(row.fields.map((field) => [field.name, field.local])),
      expected: Object.fromEntries(row.fields.map((field) => [field.name, field.stripe])),
      match: matchOf(resource, row),
    },
  });
}
