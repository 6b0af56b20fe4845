import type { Sql } from "postgres";
import { verifyAudit } from "../lib/audit/verify.ts";

/**
 * What the history lacks to be whole: a chain without gaps, one intent and one outcome for each fix, one end for each row
 * of an action.
 */
export async function untold(sql: Sql): Promise<string[]> {
  const { ok, problems } = await verifyAudit(sql);
  const fixes = await sql`
    SELECT f.id, f.state, array_agg(e.action ORDER BY e.seq) AS told
    FROM driftdesk.fixes f LEFT JOIN driftdesk.audit_entries e ON e.fix_id = f.id AND e.action LIKE 'fix.%'
    GROUP BY f.id
    HAVING array_agg(e.action ORDER BY e.seq) IS DISTINCT FROM ARRAY['fix.intended', 'fix.' || f.state]`;
  const bulks = await sql`
    SELECT b.id, b.state, b.total, b.applied, b.stale, b.failed, b.skipped, count(i.outcome)::int AS ended
    FROM driftdesk.bulk_actions b JOIN driftdesk.bulk_items i ON i.bulk_id = b.id
    WHERE b.state IN ('done', 'cancelled')
    GROUP BY b.id
    HAVING b.total <> count(i.outcome) OR (b.applied, b.stale, b.failed, b.skipped) IS DISTINCT FROM (
      count(*) FILTER (WHERE i.outcome = 'applied'), count(*) FILTER (WHERE i.outcome = 'stale'),
      count(*) FILTER (WHERE i.outcome = 'failed'), count(*) FILTER (WHERE i.outcome = 'skipped'))`;
  return [
    ...(ok ? [] : problems.map((problem) => `the chain: ${JSON.stringify(problem)}`)),
    ...fixes.map((fix) => `a fix without one intent and one outcome: ${JSON.stringify(fix)}`),
    ...bulks.map((bulk) => `an action that does not add up: ${JSON.stringify(bulk)}`),
  ];
}
