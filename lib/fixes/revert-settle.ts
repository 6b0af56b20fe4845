// What differs in steps 3 and 4 when a fix is undone.
import type { Fragment, Sql, TransactionSql } from "postgres";
import type { BulkAction, Values } from "../db/schema.ts";
import { type LocalTable, quoteName } from "../local/catalog.ts";
import { columnOf, spelledAs, typed } from "../local/guard.ts";
import { isRefusal, type WriteOutcome } from "../local/write.ts";
import type { IntendedFix } from "./execute.ts";
import type { Settled } from "./settle.ts";

/**
 * Undoing is guarded by what the fix wrote, and a column may hold that rounded, cut or respelled by its type: answers the
 * fixes with what the columns hold if nobody touched them. Others are answered as they are.
 */
export async function asHeld(
  local: Sql,
  table: LocalTable,
  fixes: readonly IntendedFix[],
): Promise<IntendedFix[]> {
  const reverts = fixes.filter((fix) => fix.action === "revert");
  if (reverts.length === 0) return [...fixes];
  const names = [...new Set(reverts.flatMap((fix) => Object.keys(fix.observed)))];
  const spelled = names.map((name, i) => {
    const column = columnOf(table, name);
    return `${spelledAs(column, typed(column, `(v.r ->> ($2::text[])[${i + 1}])`))} AS ${quoteName(name)}`;
  });
  try {
    const held = await local.unsafe<Values[]>(
      `SELECT ${spelled.join(", ")}
       FROM jsonb_array_elements($1::text::jsonb) WITH ORDINALITY AS v (r, n) ORDER BY v.n`,
      [JSON.stringify(reverts.map((fix) => fix.observed)), names],
    );
    const valuesOf = new Map(reverts.map((fix, i) => [fix, held[i]]));
    return fixes.map((fix) => ({
      ...fix,
      observed: Object.fromEntries(
        Object.entries(fix.observed).map(([name, value]) => [name, valuesOf.get(fix)?.[name] ?? value]),
      ),
    }));
  } catch (error) {
    // A column of another type by now, which does not take what was written: no row holds that any more.
    if (isRefusal(error)) return [...fixes];
    throw error;
  }
}

/** A row that does not hold what the fix wrote any more is told with what it says now. */
export function leftAlone(fix: IntendedFix, written: Exclude<WriteOutcome, { outcome: "applied" }>): Settled {
  const { outcome, message } = written;
  const settled = { fix, outcome, message, localKey: fix.localKey };
  if (written.outcome === "failed" || written.now === null) return settled;
  const { now } = written;
  const changed = Object.keys(fix.observed).filter((name) => now[name] !== fix.observed[name]);
  const says = changed.map(
    (name) => `${name} says ${quoted(now[name] ?? null)} by now, not ${quoted(fix.observed[name] ?? null)}`,
  );
  return {
    ...settled,
    message: `Somebody changed it after the correction: ${says.join("; ")}. It was left alone.`,
  };
}

const longest = 60;
const quoted = (value: string | null): string =>
  value === null ? "nothing" : value.length > longest ? `“${value.slice(0, longest)}…”` : `“${value}”`;

/**
 * What was undone is open again and bears a mark, so that no policy corrects it at once; what was left alone is what it
 * was before. `outcomes` is a table `v (fix, discrepancy, outcome, …)`. Answers those that runs have found other values of
 * since they were fixed, with what their rows say again: the others differ as they did before.
 */
export async function openAgain(
  tx: TransactionSql,
  bulk: BulkAction,
  outcomes: Fragment,
  { settled, now }: { settled: readonly Settled[]; now: Date },
): Promise<Settled[]> {
  const opened = await tx<{ id: number; was: string }[]>`
    UPDATE driftdesk.discrepancies d
    SET state = 'open', version = d.version + 1, reverted_at = ${now}, changed_at = ${now},
        opened_at = CASE WHEN i.state_before IN ('fixed', 'resolved') THEN ${now} ELSE d.opened_at END,
        closed_at = NULL, snoozed_until = NULL, decided_at = ${now}, decided_by = ${bulk.requestedBy},
        decision_reason = ${bulk.reason}, bulk_id = ${bulk.id}
    FROM ${outcomes} JOIN driftdesk.bulk_items i ON i.bulk_id = ${bulk.id} AND i.discrepancy_id = v.discrepancy
    WHERE d.id = v.discrepancy AND d.state = 'applying' AND v.outcome = 'applied'
    RETURNING d.id, i.state_before AS was`;
  await tx`
    UPDATE driftdesk.discrepancies d SET state = i.state_before
    FROM ${outcomes} JOIN driftdesk.bulk_items i ON i.bulk_id = ${bulk.id} AND i.discrepancy_id = v.discrepancy
    WHERE d.id = v.discrepancy AND d.state = 'applying' AND v.outcome <> 'applied'`;
  const moved = new Set(opened.flatMap(({ id, was }) => (was === "fixed" ? [] : id)));
  return settled
    .filter(({ fix }) => moved.has(fix.discrepancyId))
    .map((one) => ({ ...one, found: { observed: one.fix.expected } }));
}
