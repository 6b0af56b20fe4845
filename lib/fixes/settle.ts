// Steps 3 and 4 of a fix: the guarded write, then its outcome with its audit entry.
import { appendAudit } from "../audit/append.ts";
import type { Resource } from "../config/resource.ts";
import type { BulkAction, Discrepancy, Fix, Values } from "../db/schema.ts";
import type { Desk } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";
import { describeTable } from "../local/catalog.ts";
import type { Target } from "../local/guard.ts";
import { insertGuarded, updateGuarded, type WriteOutcome } from "../local/write.ts";
import { auditOf } from "./execute.ts";

export type IntendedFix = Pick<
  Fix,
  "id" | "discrepancyId" | "accountId" | "resource" | "action" | "localKey" | "observed" | "expected"
> &
  Pick<Discrepancy, "label" | "stripeId" | "customerId" | "kind" | "observedAt">;

interface Settled {
  fix: IntendedFix;
  outcome: "applied" | "stale" | "failed";
  message: string | null;
  /** What the written columns hold now, where that is known; null when the row is gone. */
  now: Values | null | undefined;
  localKey: string | null;
}

/**
 * Writes what is intended and records what came of it. With `mayBeWritten` (after a crash) a row that holds the
 * expected values already counts as applied: the write happened, only its outcome was lost.
 */
export async function settle(
  desk: Desk,
  bulk: BulkAction,
  fixes: readonly IntendedFix[],
  { mayBeWritten }: { mayBeWritten: boolean },
): Promise<void> {
  for (const [resourceName, group] of Map.groupBy(fixes, (fix) => fix.resource)) {
    const resource = desk.config.resources.find((one) => one.name === resourceName);
    const table = resource && (await describeTable(desk.local, resource.table));
    if (!resource || !table) {
      const message = `The config has no table for "${resourceName}" any more.`;
      await record(
        desk,
        bulk,
        group.map((fix) => ({ fix, outcome: "failed", message, now: undefined, localKey: fix.localKey })),
      );
      continue;
    }
    const target = targetOf(resource);
    const updates = group.filter((fix) => fix.action === "update");
    const inserts = group.filter((fix) => fix.action === "insert");
    const options = { recovery: mayBeWritten };
    const updated = await updateGuarded(
      desk.local,
      table,
      target,
      updates.map((fix) => ({
        localKey: fix.localKey as string,
        observed: fix.observed,
        expected: fix.expected,
        match: matchOf(resource, fix),
      })),
      options,
    );
    const inserted = await insertGuarded(
      desk.local,
      table,
      target,
      inserts.map((fix) => ({ match: insertedMatch(resource, fix), expected: fix.expected })),
      options,
    );
    const settled = [
      ...updates.map((fix, i) => judge(fix, updated[i])),
      ...inserts.map((fix, i) => judge(fix, inserted[i])),
    ];
    await record(desk, bulk, settled);
  }
}

/** How the user's rows of a resource are found, and what has to hold for them to be written. */
export function targetOf(resource: Resource): Target & { match: { column: string; ignoreCase: boolean } } {
  return {
    key: resource.key,
    updatedAt: resource.updatedAt,
    match: { column: resource.match.column, ignoreCase: resource.match.by === "customerEmail" },
    where: resource.where,
    watch: resource.fields.map((field) => field.column),
  };
}

/** What the row's match column has to say still; an address is not kept with the discrepancy. */
export function matchOf(
  resource: Resource,
  fix: Pick<IntendedFix, "stripeId" | "customerId">,
): string | null {
  if (resource.match.by === "customerEmail") return null;
  return resource.match.by === "id" ? fix.stripeId : fix.customerId;
}

export function insertedMatch(resource: Resource, fix: Pick<IntendedFix, "resource" | "expected">): string {
  const value = fix.expected[resource.match.column];
  if (!value)
    throw new DriftdeskError(
      "mapping_broken",
      `missingLocal.insert of "${fix.resource}" does not fill "${resource.match.column}", the column that rows are matched by.`,
    );
  return resource.match.by === "customerEmail" ? value.trim().toLowerCase() : value;
}

function judge(fix: IntendedFix, outcome: WriteOutcome | undefined): Settled {
  if (outcome === undefined) throw new Error(`fix ${fix.id} has no outcome`);
  if (outcome.outcome === "applied")
    return { fix, outcome: "applied", message: null, now: undefined, localKey: outcome.localKey };
  const now = outcome.outcome === "stale" ? outcome.now : undefined;
  return { fix, outcome: outcome.outcome, message: outcome.message, now, localKey: fix.localKey };
}

async function record(desk: Desk, bulk: BulkAction, settled: readonly Settled[]): Promise<void> {
  if (settled.length === 0) return;
  const now = desk.now();
  const rows = settled.map(({ fix, outcome, message, now: values, localKey }) => ({
    fix: fix.id,
    discrepancy: fix.discrepancyId,
    outcome,
    message,
    local_key: localKey,
    // A row that changed under us is shown with what it holds now, so that the next decision is about that.
    now: outcome === "stale" && fix.action === "update" ? (values ?? null) : null,
  }));
  await desk.sql.begin(async (tx) => {
    const records = tx`jsonb_to_recordset(${tx.json(rows as never)})
      AS v (fix bigint, discrepancy bigint, outcome text, message text, local_key text, now jsonb)`;
    await tx`
      UPDATE driftdesk.fixes f SET state = v.outcome, message = v.message, local_key = v.local_key, settled_at = ${now}
      FROM ${records} WHERE f.id = v.fix AND f.state = 'intended'`;
    await tx`
      UPDATE driftdesk.bulk_items i SET outcome = v.outcome, message = v.message
      FROM ${records} WHERE i.bulk_id = ${bulk.id} AND i.discrepancy_id = v.discrepancy`;
    await tx`
      UPDATE driftdesk.discrepancies d
      SET state = CASE WHEN v.outcome = 'applied' THEN 'fixed' ELSE 'open' END,
          closed_at = CASE WHEN v.outcome = 'applied' THEN ${now}::timestamptz END,
          version = d.version + (v.outcome = 'stale')::int,
          changed_at = CASE WHEN v.outcome = 'stale' THEN ${now} ELSE d.changed_at END,
          observed_at = CASE WHEN v.outcome = 'stale' THEN ${now} ELSE d.observed_at END,
          observed = CASE WHEN v.now IS NOT NULL THEN d.observed || v.now ELSE d.observed END,
          fields = CASE WHEN v.now IS NULL THEN d.fields ELSE (
            SELECT coalesce(jsonb_agg(f || jsonb_build_object('local', v.now -> (f ->> 'name')) ORDER BY n)
                            FILTER (WHERE v.now ->> (f ->> 'name') IS DISTINCT FROM f ->> 'stripe'), '[]')
            FROM jsonb_array_elements(d.fields) WITH ORDINALITY AS x (f, n)) END
      FROM ${records} WHERE d.id = v.discrepancy AND d.state = 'applying'`;
    const entries = settled.map(({ fix, outcome, message, now: values }) =>
      auditOf(bulk, fix, `fix.${outcome}`, { message, ...(values !== undefined && { now: values }) }),
    );
    await appendAudit(tx, entries, now);
  });
}
