import type { TransactionSql } from "postgres";
import type { AuditDraft } from "../audit/append.ts";
import type { Discrepancy, Values } from "../db/schema.ts";
import type { IntendedFix, Work } from "./execute.ts";
import { type Reassessed, reassess } from "./reassess.ts";
import { byResource, type Settled } from "./settle.ts";

type Known = Pick<Discrepancy, "id" | "kind" | "observed" | "expected">;
/** A discrepancy as it is by now; null where nothing is known to differ from before. */
type Seen = Known & { [K in keyof Reassessed]: Reassessed[K] | null } & { fix: IntendedFix; asked: boolean };

/**
 * Brings discrepancies up to date with what their fixes found on one side. Answers the entries of those where nothing
 * differs any more.
 */
export async function takeIn(
  tx: TransactionSql,
  work: Work,
  settled: readonly Settled[],
  now: Date,
): Promise<AuditDraft[]> {
  const news = settled.filter((one) => one.found);
  if (news.length === 0) return [];
  const seen = await look(tx, work, news);
  const gone = seen.filter((row) => row.fields?.length === 0);
  const differing = seen.filter((row) => row.fields?.length !== 0);
  await tx`
    UPDATE driftdesk.discrepancies d
    SET observed = v.observed, expected = v.expected, fields = coalesce(v.fields, d.fields),
        change = coalesce(v.change, d.change), impact = coalesce(v.impact, d.impact),
        -- How fresh an observation is goes by when Stripe was asked.
        observed_at = CASE WHEN v.asked THEN ${now} ELSE d.observed_at END
    FROM jsonb_to_recordset(${tx.json(differing.map(({ fix: _, ...row }) => row) as never)})
      AS v (id bigint, observed jsonb, expected jsonb, fields jsonb, change text, impact text, asked boolean)
    WHERE d.id = v.id AND d.state = 'open'`;
  // What the difference was stays to be seen, as after a run.
  await tx`
    UPDATE driftdesk.discrepancies SET state = 'resolved', closed_at = ${now}
    WHERE id = ANY(${gone.map((row) => row.id)}::bigint[]) AND state = 'open'`;
  return gone.map(({ fix }) => ({
    actor: "system",
    action: "discrepancy.resolved" as const,
    account_id: fix.accountId,
    resource: fix.resource,
    discrepancy_id: fix.discrepancyId,
    fix_id: fix.id,
    subject: fix.label ?? fix.stripeId ?? fix.localKey,
    data: { kind: fix.kind, stripeId: fix.stripeId, localKey: fix.localKey, customerId: fix.customerId },
  }));
}

async function look(tx: TransactionSql, work: Work, news: readonly Settled[]): Promise<Seen[]> {
  const known = await tx<Known[]>`
    SELECT id, kind, observed, expected FROM driftdesk.discrepancies
    WHERE id = ANY(${news.map(({ fix }) => fix.discrepancyId)}::bigint[])
      -- These say less than what differs, which only a run finds out.
      AND kind <> 'duplicate' AND row_error IS NULL`;
  const byId = new Map(known.map((row) => [row.id, row]));
  const found = new Map(news.map((one) => [one.fix, one.found]));
  const fixes = news.map(({ fix }) => fix);
  const seen: Seen[] = [];
  for (const group of await byResource(work, fixes)) {
    if (!group.resource) continue;
    const rows = group.fixes.flatMap((fix) => {
      const row = byId.get(fix.discrepancyId);
      return row ? [{ ...withNews(row, found.get(fix) ?? {}), fix, asked: !!found.get(fix)?.expected }] : [];
    });
    // A row that is missing here has no other side yet: only what it should hold can have changed.
    const [missing, there] = [
      rows.filter((row) => row.kind === "missing_local"),
      rows.filter((row) => row.kind !== "missing_local"),
    ];
    const reassessed = await reassess(tx, group.resource, group.table, there);
    seen.push(...missing.map((row) => ({ ...row, fields: null, change: null, impact: null })));
    seen.push(...there.map((row, n) => ({ ...row, ...(reassessed[n] as Reassessed) })));
  }
  return seen;
}

/** What was read replaces what was known; a row to insert is replaced as a whole. */
function withNews(row: Known, { observed, expected }: { observed?: Values; expected?: Values }): Known {
  if (row.kind === "missing_local") return { ...row, expected: expected ?? row.expected };
  return {
    ...row,
    observed: observed ? { ...row.observed, ...observed } : row.observed,
    expected: expected ? { ...row.expected, ...expected } : row.expected,
  };
}
