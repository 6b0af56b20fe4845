// Steps 3 and 4 of a fix: the guarded write, then its outcome with its audit entry.
import type { TransactionSql } from "postgres";
import { deskOf } from "../accounts/known.ts";
import { appendAudit } from "../audit/append.ts";
import type { Resource } from "../config/resource.ts";
import type { FixState, Values } from "../db/schema.ts";
import { transaction } from "../db/transaction.ts";
import type { Desks } from "../desk.ts";
import { describeTable, type LocalTable } from "../local/catalog.ts";
import {
  insertGuarded,
  insertsWritten,
  isRefusal,
  updateGuarded,
  updatesWritten,
  type WriteOutcome,
} from "../local/write.ts";
import { auditOf, type IntendedFix, type Work } from "./execute.ts";
import { takeIn } from "./found.ts";
import { lackingColumn, matchOf, targetOf } from "./plan.ts";
import { asHeld, leftAlone, openAgain } from "./revert-settle.ts";

export interface Settled {
  fix: IntendedFix;
  outcome: Exclude<FixState, "intended">;
  message: string | null;
  /** The row that the fix wrote or would have written. */
  localKey: string | null;
  /** What one side turned out to say: replaces what the discrepancy says. Null or left out when nothing new is known. */
  found?: { observed?: Values; expected?: Values } | null;
}

/** A resource's fixes with its table; null where the config has none any more. */
type Group =
  | { fixes: IntendedFix[]; resource: Resource; table: LocalTable }
  | { fixes: IntendedFix[]; resource: null };

export async function byResource(
  { desk: { local }, known }: Pick<Work, "desk" | "known">,
  fixes: readonly IntendedFix[],
): Promise<Group[]> {
  const groups = [...Map.groupBy(fixes, (fix) => `${fix.accountId} ${fix.resource}`).values()];
  return Promise.all(
    groups.map(async (group) => {
      const [{ accountId, resource: name }] = group as [IntendedFix];
      const resource = deskOf(known, accountId)?.config.resources.find((one) => one.name === name);
      const table = resource && (await describeTable(local, resource.table));
      return resource && table ? { fixes: group, resource, table } : { fixes: group, resource: null };
    }),
  );
}

const isUpdate = (fix: IntendedFix) => fix.action !== "insert";
const isInsert = (fix: IntendedFix) => fix.action === "insert";
const updateOf = (resource: Resource) => (fix: IntendedFix) => ({
  localKey: fix.localKey as string,
  observed: fix.observed,
  expected: fix.expected,
  match: matchOf(resource, fix),
});
const insertOf = (resource: Resource) => (fix: IntendedFix) => ({
  match: matchOf(resource, fix) ?? "",
  expected: fix.expected,
});

/**
 * After a crash: fixes whose row holds what they write were written, only their outcome was lost. Records these and
 * answers the others, which were not.
 */
export async function settleWritten(work: Work, fixes: readonly IntendedFix[]): Promise<IntendedFix[]> {
  const written: Settled[] = [];
  for (const group of await byResource(work, fixes)) written.push(...(await writtenOf(work.desk, group)));
  await record(work, written);
  const ids = new Set(written.map(({ fix }) => fix.id));
  return fixes.filter((fix) => !ids.has(fix.id));
}

async function writtenOf(desk: Desks, group: Group): Promise<Settled[]> {
  if (!group.resource) return [];
  const { resource, table } = group;
  const target = targetOf(resource, table);
  const applied = (fix: IntendedFix, localKey: string | null): Settled => ({
    fix,
    outcome: "applied",
    message: null,
    localKey,
  });
  const fixes = group.fixes.filter((fix) => lackingColumn(resource, table, fix) === null);
  const updates = fixes.filter(isUpdate);
  const inserts = fixes.filter(isInsert);
  try {
    const updated = await updatesWritten(desk.local, table, target, updates.map(updateOf(resource)));
    const inserted = await insertsWritten(desk.local, table, target, inserts.map(insertOf(resource)));
    return [
      ...updated.map((i) => applied(updates[i] as IntendedFix, (updates[i] as IntendedFix).localKey)),
      ...[...inserted].map(([i, key]) => applied(inserts[i] as IntendedFix, key)),
    ];
  } catch (error) {
    // The write will meet the same, and tell it row by row.
    if (isRefusal(error)) return [];
    throw error;
  }
}

/** Writes what is intended, each row only if it still says what was seen, and records what came of it. */
export async function settle(work: Work, fixes: readonly IntendedFix[]): Promise<void> {
  for (const group of await byResource(work, fixes)) await record(work, await write(work.desk, group));
}

/**
 * The same for what a killed process left: its last write may be committed only now, after the rows were looked at. What
 * is stale because the row says what the fix writes was written.
 */
export async function settleAgain(work: Work, fixes: readonly IntendedFix[]): Promise<void> {
  for (const group of await byResource(work, fixes)) {
    const settled = await write(work.desk, group);
    const stale = settled.flatMap(({ fix, outcome }) => (outcome === "stale" ? [fix] : []));
    const written = new Map(
      (await writtenOf(work.desk, { ...group, fixes: stale })).map((one) => [one.fix, one]),
    );
    await record(
      work,
      settled.map((one) => written.get(one.fix) ?? one),
    );
  }
}

async function write(desk: Desks, group: Group): Promise<Settled[]> {
  const failed = (fix: IntendedFix, message: string): Settled => ({
    fix,
    outcome: "failed",
    message,
    localKey: fix.localKey,
  });
  if (!group.resource)
    return group.fixes.map((fix) => failed(fix, `The mapping has no table for "${fix.resource}" any more.`));
  const { resource, table } = group;
  const target = targetOf(resource, table);
  const unfit: Settled[] = [];
  const fit: IntendedFix[] = [];
  for (const fix of group.fixes) {
    const lacking = lackingColumn(resource, table, fix);
    if (lacking === null) fit.push(fix);
    else unfit.push(failed(fix, lacking));
  }
  const updates = await asHeld(desk.local, table, fit.filter(isUpdate));
  const inserts = fit.filter(isInsert);
  const updated = await updateGuarded(desk.local, table, target, updates.map(updateOf(resource)));
  const inserted = await insertGuarded(desk.local, table, target, inserts.map(insertOf(resource)));
  return [
    ...unfit,
    ...updates.map((fix, i) => judge(fix, updated[i] as WriteOutcome)),
    ...inserts.map((fix, i) => judge(fix, inserted[i] as WriteOutcome)),
  ];
}

function judge(fix: IntendedFix, written: WriteOutcome): Settled {
  if (written.outcome === "applied")
    return { fix, outcome: "applied", message: null, localKey: written.localKey };
  if (fix.action === "revert") return leftAlone(fix, written);
  // A row that changed under us is shown with what it holds now, so that the next decision is about that.
  const found = written.outcome === "stale" && written.now ? { observed: written.now } : null;
  return { fix, outcome: written.outcome, message: written.message, localKey: fix.localKey, found };
}

/** Step 4: fixes, items and discrepancies get their outcomes, in one transaction with the entries that tell of them. */
export async function record(work: Work, given: readonly Settled[]): Promise<void> {
  if (given.length === 0) return;
  const { desk, bulk, lock } = work;
  const now = desk.now();
  await transaction(desk.sql, async (tx) => {
    await lock.stillHeld(tx);
    const settled = await unsettled(tx, given);
    const outcomes = tx`unnest(
      ${settled.map(({ fix }) => fix.id)}::bigint[], ${settled.map(({ fix }) => fix.discrepancyId)}::bigint[],
      ${settled.map(({ outcome }) => outcome)}::text[], ${settled.map(({ message }) => message)}::text[],
      ${settled.map(({ localKey }) => localKey)}::text[]
    ) AS v (fix, discrepancy, outcome, message, local_key)`;
    await tx`
      UPDATE driftdesk.fixes f SET state = v.outcome, message = v.message, local_key = v.local_key, settled_at = ${now}
      FROM ${outcomes} WHERE f.id = v.fix AND f.state = 'intended'`;
    await tx`
      UPDATE driftdesk.bulk_items i SET outcome = v.outcome, message = v.message
      FROM ${outcomes} WHERE i.bulk_id = ${bulk.id} AND i.discrepancy_id = v.discrepancy`;
    await tx`
      UPDATE driftdesk.bulk_actions b
      SET applied = b.applied + c.applied, stale = b.stale + c.stale, failed = b.failed + c.failed
      FROM (
        SELECT count(*) FILTER (WHERE v.outcome = 'applied')::int AS applied, count(*) FILTER (WHERE v.outcome = 'stale')::int AS stale,
               count(*) FILTER (WHERE v.outcome = 'failed')::int AS failed
        FROM ${outcomes}
      ) c
      WHERE b.id = ${bulk.id}`;
    if (bulk.runId !== null) await countFixed(tx, bulk.runId, settled);
    let news: readonly Settled[] = settled;
    if (bulk.kind === "revert") news = await openAgain(tx, bulk, outcomes, { settled, now });
    else
      await tx`
        UPDATE driftdesk.discrepancies d
        SET state = CASE WHEN v.outcome = 'applied' THEN 'fixed' ELSE 'open' END,
            decided_by = ${bulk.requestedBy}, decided_at = f.intended_at, decision_reason = ${bulk.reason},
            snoozed_until = NULL, closed_at = CASE WHEN v.outcome = 'applied' THEN ${now}::timestamptz END,
            version = d.version + (v.outcome = 'stale')::int,
            changed_at = CASE WHEN v.outcome = 'stale' THEN ${now} ELSE d.changed_at END,
            reverted_at = CASE WHEN v.outcome = 'failed' THEN d.reverted_at END
        FROM ${outcomes} JOIN driftdesk.fixes f ON f.id = v.fix WHERE d.id = v.discrepancy`;
    const resolved = await takeIn(tx, work, news, now);
    const entries = settled.map(({ fix, outcome, message, found }) =>
      auditOf(bulk, fix, `fix.${outcome}`, { message, ...(found && { found }) }),
    );
    await appendAudit(tx, [...entries, ...resolved], now);
  });
}

/** A run says how much its policies have corrected. */
async function countFixed(tx: TransactionSql, runId: number, settled: readonly Settled[]): Promise<void> {
  const applied = settled.flatMap(({ fix, outcome }) => (outcome === "applied" ? fix.resource : []));
  await tx`
    UPDATE driftdesk.run_resources r SET fixed = r.fixed + c.applied
    FROM (SELECT resource, count(*) AS applied FROM unnest(${applied}::text[]) AS a (resource) GROUP BY resource) c
    WHERE r.run_id = ${runId} AND r.resource = c.resource`;
}

/** Those that have no outcome yet, locked in the order in which decisions lock them. */
async function unsettled(tx: TransactionSql, given: readonly Settled[]): Promise<Settled[]> {
  const open = await tx<{ id: number }[]>`
    SELECT f.id FROM driftdesk.fixes f JOIN driftdesk.discrepancies d ON d.id = f.discrepancy_id
    WHERE f.id = ANY(${given.map(({ fix }) => fix.id)}::bigint[]) AND f.state = 'intended'
    ORDER BY d.id FOR NO KEY UPDATE OF d, f`;
  const ids = new Set(open.map((row) => row.id));
  return given.filter(({ fix }) => ids.has(fix.id));
}
