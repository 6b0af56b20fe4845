// Which entries of the history are news, and what is to be told of them.
import type { TransactionSql } from "postgres";
import type { AuditAction } from "../audit/append.ts";
import { type AuditEntry, type BulkKind, bulkKinds, type Run } from "../db/schema.ts";
import { type Desks, policyActor } from "../desk.ts";
import type { AlertData, ImpactCount, Raised } from "./alert.ts";
import { countImpacts } from "./impacts.ts";

/** Trouble that lasts is told again after this. */
const remindMs = 24 * 3_600_000;

export const told = [
  "run.finished",
  "policy.held_back",
  "bulk.requested",
  "bulk.finished",
  "pipeline.broken",
  "pipeline.recovered",
  "schedule.overdue",
] as const satisfies readonly AuditAction[];

export type Entry = Pick<
  AuditEntry,
  "seq" | "at" | "actor" | "accountId" | "resource" | "runId" | "bulkId"
> & {
  action: (typeof told)[number];
  data: Record<string, unknown>;
};

export async function newsOf(tx: TransactionSql, desk: Desks, entry: Entry): Promise<Raised[]> {
  const about = { account_id: entry.accountId, run_id: entry.runId, bulk_id: entry.bulkId };
  switch (entry.action) {
    case "run.finished":
      return entry.runId === null ? [] : newsOfRun(tx, desk, entry.runId);
    case "policy.held_back": {
      const { resource, data } = entry;
      const key = `held_back ${entry.runId} ${resource}`;
      return [
        { kind: "held_back", key, ...about, data: { resource: resource ?? "", why: textOf(data.message) } },
      ];
    }
    case "bulk.requested": {
      if (entry.data.needsSecondPerson !== true) return [];
      // Somebody may have decided before anybody was told.
      const waits = await tx`
        SELECT FROM driftdesk.bulk_actions WHERE id = ${entry.bulkId} AND state = 'waiting'`;
      if (waits.length === 0) return [];
      const { kind, total, reason } = entry.data;
      const data = {
        kind: bulkKinds.find((one) => one === kind) ?? ("apply" satisfies BulkKind),
        total: Number(total ?? 0),
        requestedBy: entry.actor,
        reason: typeof reason === "string" ? reason : null,
      };
      return [{ kind: "approval", key: `approval ${entry.bulkId}`, ...about, data }];
    }
    case "bulk.finished": {
      const { applied = 0, stale = 0, failed = 0 } = entry.data as Partial<AlertData["corrected"]>;
      if (entry.actor !== policyActor.email || applied + stale + failed === 0) return [];
      const [bulk] = await tx<{ runId: number | null }[]>`
        SELECT run_id AS "runId" FROM driftdesk.bulk_actions WHERE id = ${entry.bulkId}`;
      const key = `corrected ${entry.bulkId}`;
      return [{ kind: "corrected", key, ...about, run_id: bulk?.runId, data: { applied, stale, failed } }];
    }
    case "pipeline.broken": {
      const pipeline = pipelineOf(entry);
      const { types } = entry.data;
      const data = { ...pipeline, types: Array.isArray(types) ? types.map(String) : [] };
      const key = `pipeline_broken ${entry.accountId} ${pipeline.endpoint} ${pipeline.since}`;
      return [{ kind: "pipeline_broken", key, ...about, data }];
    }
    case "pipeline.recovered": {
      const pipeline = pipelineOf(entry);
      const data = { ...pipeline, until: timeOf(entry.data.until) };
      const key = `pipeline_recovered ${entry.accountId} ${pipeline.endpoint} ${pipeline.since}`;
      return [{ kind: "pipeline_recovered", key, ...about, data }];
    }
    case "schedule.overdue":
      return overdueOf(tx, desk, entry);
  }
}

const textOf = (value: unknown) => (typeof value === "string" ? value : "");
/** ISO texts and Stripe's seconds, as ISO texts. */
const timeOf = (value: unknown) =>
  typeof value === "number" ? new Date(value * 1_000).toISOString() : textOf(value) || null;

const pipelineOf = ({ data: { endpoint, url, since, undelivered } }: Entry) => ({
  endpoint: textOf(endpoint) || null,
  url: textOf(url) || null,
  since: timeOf(since),
  undelivered: Number(undelivered ?? 0),
});

/** Who missed one run misses the next ones too: told once, and again after a day. */
async function overdueOf(tx: TransactionSql, desk: Desks, entry: Entry): Promise<Raised[]> {
  const { schedule, mode, due, missed } = entry.data;
  const why = entry.data.why === "not_ended" ? ("not_ended" as const) : ("not_begun" as const);
  const data = {
    schedule: textOf(schedule),
    mode: textOf(mode),
    due: timeOf(due),
    why,
    missed: Number(missed ?? 1),
  };
  const about = { account_id: entry.accountId, run_id: entry.runId };
  const known = await tx`
    SELECT FROM driftdesk.alerts a
    WHERE a.kind = 'run_overdue' AND a.account_id IS NOT DISTINCT FROM ${entry.accountId}
      AND a.data->>'schedule' = ${data.schedule} AND a.raised_at > ${new Date(desk.now().getTime() - remindMs)}
      AND NOT EXISTS (
        SELECT FROM driftdesk.runs r
        WHERE r.mode = a.data->>'mode' AND r.trigger IN ('schedule', 'cron') AND r.requested_at > a.raised_at
          AND (a.account_id IS NULL OR r.account_id IS NOT DISTINCT FROM a.account_id))
    LIMIT 1`;
  if (known.length > 0) return [];
  const key = `run_overdue ${entry.accountId} ${data.schedule} ${data.due ?? entry.seq} ${why}`;
  return [{ kind: "run_overdue", key, ...about, data }];
}

type Finished = Pick<Run, "id" | "mode" | "state" | "message" | "accountId">;

/** Of a run that somebody started to look at a few things there is nothing to tell: they see it. */
async function newsOfRun(tx: TransactionSql, desk: Desks, runId: number): Promise<Raised[]> {
  const [run] = await tx<Finished[]>`
    SELECT id, mode, state, message, account_id AS "accountId" FROM driftdesk.runs WHERE id = ${runId}`;
  if (!run || run.mode === "targeted") return [];
  return [...(await troubleOf(tx, desk, run)), ...(await driftOf(tx, desk, run))];
}

async function troubleOf(tx: TransactionSql, desk: Desks, run: Finished): Promise<Raised[]> {
  const about = { account_id: run.accountId, run_id: run.id };
  const [last] = await tx<{ kind: string; raisedAt: Date }[]>`
    SELECT kind, raised_at AS "raisedAt" FROM driftdesk.alerts
    WHERE account_id IS NOT DISTINCT FROM ${run.accountId} AND kind IN ('run_trouble', 'run_recovered')
    ORDER BY id DESC LIMIT 1`;
  const inTrouble = last?.kind === "run_trouble";
  if (["failed", "suspicious", "incomplete"].includes(run.state)) {
    const known = inTrouble && last.raisedAt.getTime() > desk.now().getTime() - remindMs;
    const data = { state: run.state, message: run.message };
    return known ? [] : [{ kind: "run_trouble", key: `run_trouble ${run.id}`, ...about, data }];
  }
  if (run.state !== "succeeded" || !inTrouble) return [];
  const [bad] = await tx<{ runs: number }[]>`
    SELECT count(*)::int AS runs FROM driftdesk.runs r
    WHERE r.account_id IS NOT DISTINCT FROM ${run.accountId} AND r.mode <> 'targeted'
      AND r.state IN ('failed', 'suspicious', 'incomplete')
      AND r.id > coalesce((SELECT max(g.id) FROM driftdesk.runs g
                           WHERE g.account_id IS NOT DISTINCT FROM ${run.accountId} AND g.mode <> 'targeted'
                             AND g.state = 'succeeded' AND g.id < ${run.id}), 0)
      AND r.id < ${run.id}`;
  return [
    { kind: "run_recovered", key: `run_recovered ${run.id}`, ...about, data: { runs: bad?.runs ?? 0 } },
  ];
}

async function driftOf(tx: TransactionSql, { config }: Desks, run: Finished): Promise<Raised[]> {
  const impacts = await countImpacts(
    tx,
    tx`d.id IN (
      SELECT e.discrepancy_id FROM driftdesk.audit_entries e
      WHERE e.run_id = ${run.id} AND e.action IN ('discrepancy.found', 'discrepancy.reopened'))`,
  );
  if (!isMuch(impacts, config.alerts)) return [];
  const [counted] = await tx<{ corrected: number }[]>`
    SELECT coalesce(sum(fixed), 0)::int AS corrected FROM driftdesk.run_resources WHERE run_id = ${run.id}`;
  const data = { impacts, corrected: counted?.corrected ?? 0 };
  return [{ kind: "drift", key: `drift ${run.id}`, account_id: run.accountId, run_id: run.id, data }];
}

/** More rows than may go untold, or more money in any currency. */
function isMuch(
  impacts: readonly ImpactCount[],
  { newDrift, newAtStake }: Desks["config"]["alerts"],
): boolean {
  if (impacts.reduce((rows, one) => rows + one.rows, 0) > newDrift) return true;
  const stakes = impacts.flatMap((one) => one.stakes);
  return Object.entries(newAtStake).some(([currency, most]) => {
    const same = stakes.filter((one) => one.currency.toLowerCase() === currency);
    return same.reduce((sum, one) => sum + one.amountMinor, 0) > most;
  });
}
