import type { Fragment } from "postgres";
import { deskOf, type KnownDesk, knownDesks } from "../accounts/known.ts";
import type { Discrepancy, FieldDifference, Impact, Kind } from "../db/schema.ts";
import type { Desks } from "../desk.ts";
import { describeTable } from "../local/catalog.ts";
import { renderStatement } from "../local/render.ts";
import {
  decidable,
  matchOf,
  planFix,
  type SecondPersonReason,
  secondPersonReasons,
  targetOf,
  whyNot,
  whyNotState,
  writesMoney,
} from "./plan.ts";
import { type Selection, selected, whyNotTogether } from "./selection.ts";

export interface PreviewSample {
  id: number;
  accountId: string;
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
  touched: { accountId: string; resource: string; table: string; columns: string[]; count: number }[];
  money: { currency: string; amountMinor: number }[];
  changesMoney: boolean;
  needsSecondPerson: boolean;
  secondPersonBecause: SecondPersonReason[];
  samples: PreviewSample[];
}

type Sample = Pick<
  Discrepancy,
  | "id"
  | "accountId"
  | "label"
  | "localKey"
  | "kind"
  | "resource"
  | "fields"
  | "expected"
  | "stripeId"
  | "customerId"
>;

/** What applying a selection would do, before anybody decides. Reads only. */
export async function previewFixes(desk: Desks, selection: Selection): Promise<Preview> {
  const known = await knownDesks(desk);
  const { sql, config } = desk;
  const judged = judgedSelection(desk, known, selection);
  const applicable = sql`(SELECT * FROM (${judged}) j WHERE j.why IS NULL) d`;
  const [totals, byChange, touched, money, skipped, samples] = await Promise.all([
    sql<{ applicable: number; money: boolean }[]>`
      SELECT count(*)::int AS applicable, coalesce(bool_or(${writesMoney(sql, known)}), false) AS money FROM ${applicable}`,
    sql<Preview["byChange"]>`
      SELECT d.change, d.impact, count(*)::int AS count FROM ${applicable}
      GROUP BY d.change, d.impact ORDER BY count DESC, d.change LIMIT 20`,
    sql<{ accountId: string; resource: string; columns: string[]; count: number }[]>`
      SELECT d.account_id AS "accountId", d.resource, array_agg(DISTINCT f.name ORDER BY f.name) AS columns, count(DISTINCT d.id)::int AS count
      FROM ${applicable}
      CROSS JOIN LATERAL (
        SELECT x ->> 'name' AS name FROM jsonb_array_elements(d.fields) x WHERE d.kind <> 'missing_local'
        UNION ALL SELECT jsonb_object_keys(d.expected) WHERE d.kind = 'missing_local'
      ) f
      GROUP BY d.account_id, d.resource ORDER BY d.resource, d.account_id`,
    sql<Preview["money"]>`
      SELECT d.currency, sum(d.amount_minor)::bigint AS "amountMinor" FROM ${applicable}
      WHERE d.currency IS NOT NULL GROUP BY d.currency ORDER BY 2 DESC`,
    sql<Preview["skipped"]>`
      SELECT j.why AS reason, count(*)::int AS count FROM (${judged}) j WHERE j.why IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1`,
    sql<Sample[]>`
      SELECT d.id, d.account_id AS "accountId", d.label, d.local_key AS "localKey", d.kind, d.resource, d.fields, d.expected,
             d.stripe_id AS "stripeId", d.customer_id AS "customerId"
      FROM ${applicable} ORDER BY d.impact_rank, d.amount_minor DESC, d.id LIMIT 10`,
  ]);
  const count = totals[0]?.applicable ?? 0;
  const changesMoney = totals[0]?.money ?? false;
  const secondPersonBecause = secondPersonReasons(config.fixes, { rows: count, money: changesMoney });
  return {
    applicable: count,
    skipped,
    byChange,
    touched: touched.map((row) => ({ ...row, table: tableName(known, row) })),
    money,
    changesMoney,
    needsSecondPerson: secondPersonBecause.length > 0,
    secondPersonBecause,
    samples: await Promise.all(
      samples.map(async ({ expected, stripeId, customerId, ...row }) => ({
        ...row,
        statement: await statementFor(known, { ...row, expected, stripeId, customerId }),
      })),
    ),
  };
}

/** The selected discrepancies, each with the reason why it would be left out, NULL where there is none. */
function judgedSelection(desk: Desks, known: readonly KnownDesk[], selection: Selection): Fragment {
  const { sql } = desk;
  return sql`
    SELECT d.*, CASE WHEN d.version <> s.version THEN 'Its values changed since you looked.'
                     ELSE coalesce(${whyNotState(sql, decidable.apply)}, ${whyNotTogether(sql, selection)}, ${whyNot(sql, known)}) END AS why
    FROM (${selected(sql, desk, selection)}) s JOIN driftdesk.discrepancies d ON d.id = s.id`;
}

/** How the table of a resource is called, with its schema. */
export function tableName(known: readonly KnownDesk[], of: Pick<Sample, "accountId" | "resource">): string {
  const table = resourceOf(known, of)?.resource.table;
  return table ? `${table.schema}.${table.name}` : of.resource;
}

/** The mapping that a discrepancy was found by, and the desk that it belongs to. */
function resourceOf(known: readonly KnownDesk[], of: Pick<Sample, "accountId" | "resource">) {
  const desk = deskOf(known, of.accountId);
  const resource = desk?.config.resources.find((one) => one.name === of.resource);
  return desk && resource ? { desk, resource } : null;
}

/** Why one discrepancy cannot be applied, in words; null when it can be. Whatever its state is. */
export async function obstacleOf(
  desk: Desks,
  known: readonly KnownDesk[],
  id: number,
): Promise<string | null> {
  const [row] = await desk.sql<{ why: string | null }[]>`
    SELECT ${whyNot(desk.sql, known)} AS why FROM driftdesk.discrepancies d WHERE d.id = ${id}`;
  return row?.why ?? null;
}

/** The statement that applying one discrepancy amounts to, with its values; null where the mapping has no table for it. */
export async function statementFor(
  known: readonly KnownDesk[],
  row: Omit<Sample, "id">,
): Promise<string | null> {
  const mapped = resourceOf(known, row);
  const table = mapped && (await describeTable(mapped.desk.local, mapped.resource.table));
  if (!mapped || !table) return null;
  const { resource } = mapped;
  const { action, observed, expected } = planFix(row);
  const match = matchOf(resource, row);
  if (action === "insert")
    return renderStatement(table, targetOf(resource, table), {
      action,
      insert: { match: match ?? "", expected },
    });
  if (row.localKey === null || row.fields.length === 0) return null;
  return renderStatement(table, targetOf(resource, table), {
    action: "update",
    update: { localKey: row.localKey, observed, expected, match },
  });
}
