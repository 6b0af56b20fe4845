import { knownDesks } from "../accounts/known.ts";
import type { Values } from "../db/schema.ts";
import type { Desks } from "../desk.ts";
import { type SecondPersonReason, secondPersonReasons } from "./plan.ts";
import { tableName } from "./preview.ts";
import { type UndoneSelection, undone } from "./revert.ts";
import { undoesMoney, whyNotUndone } from "./revert-plan.ts";

export interface RevertPreview {
  /** Fixes that can be undone, if their rows still say what was written: that is found out row by row. */
  undoable: number;
  /** The others, with the reason in words. */
  skipped: { reason: string; count: number }[];
  /** What the rows would say instead, the commonest first. */
  byChange: { change: string; count: number }[];
  touched: { accountId: string; resource: string; table: string; columns: string[]; count: number }[];
  changesMoney: boolean;
  needsSecondPerson: boolean;
  secondPersonBecause: SecondPersonReason[];
  samples: {
    id: number;
    accountId: string;
    label: string | null;
    localKey: string | null;
    changes: { name: string; from: string | null; to: string | null }[];
  }[];
}

/** What undoing fixes would do, before anybody decides. Reads only. */
export async function previewRevert(desk: Desks, undo: UndoneSelection): Promise<RevertPreview> {
  const known = await knownDesks(desk);
  const { sql, config } = desk;
  const judged = sql`
    SELECT f.id, f.account_id, f.resource, f.local_key, f.observed, f.expected, d.id AS discrepancy_id, d.label, d.impact_rank,
           d.amount_minor, ${undoesMoney(sql, known)} AS money, ${whyNotUndone(sql)} AS why,
           CASE WHEN d.state = 'fixed' AND d.change LIKE '% → %'
                THEN split_part(d.change, ' → ', 2) || ' → ' || split_part(d.change, ' → ', 1)
                ELSE (SELECT string_agg(k, ', ' ORDER BY k) FROM jsonb_object_keys(f.expected) k) END AS change
    FROM ${undone(sql, undo)}`;
  const undoable = sql`(SELECT * FROM (${judged}) j WHERE j.why IS NULL) f`;
  const [totals, skipped, byChange, touched, samples] = await Promise.all([
    sql<{ count: number; money: boolean }[]>`
      SELECT count(*)::int AS count, coalesce(bool_or(f.money), false) AS money FROM ${undoable}`,
    sql<RevertPreview["skipped"]>`
      SELECT j.why AS reason, count(*)::int AS count FROM (${judged}) j WHERE j.why IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1`,
    sql<RevertPreview["byChange"]>`
      SELECT f.change, count(*)::int AS count FROM ${undoable} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 20`,
    sql<Omit<RevertPreview["touched"][number], "table">[]>`
      SELECT f.account_id AS "accountId", f.resource, array_agg(DISTINCT k ORDER BY k) AS columns, count(DISTINCT f.id)::int AS count
      FROM ${undoable} CROSS JOIN LATERAL jsonb_object_keys(f.expected) k
      GROUP BY 1, 2 ORDER BY 2, 1`,
    sql<Sample[]>`
      SELECT f.discrepancy_id AS id, f.account_id AS "accountId", f.label, f.local_key AS "localKey", f.observed, f.expected
      FROM ${undoable} ORDER BY f.impact_rank, f.amount_minor DESC, f.id LIMIT 10`,
  ]);
  const count = totals[0]?.count ?? 0;
  const changesMoney = totals[0]?.money ?? false;
  const secondPersonBecause = secondPersonReasons(config.fixes, { rows: count, money: changesMoney });
  return {
    undoable: count,
    skipped,
    byChange,
    touched: touched.map((row) => ({ ...row, table: tableName(known, row) })),
    changesMoney,
    needsSecondPerson: secondPersonBecause.length > 0,
    secondPersonBecause,
    samples: samples.map(({ observed, expected, ...row }) => ({
      ...row,
      changes: Object.keys(observed).map((name) => ({
        name,
        from: expected[name] ?? null,
        to: observed[name] ?? null,
      })),
    })),
  };
}

type Sample = Omit<RevertPreview["samples"][number], "changes"> & { observed: Values; expected: Values };
