// What happened becomes news. The history is read on from where it was read last: nothing is told twice, nothing is
// forgotten, and whoever writes the history knows nothing of alerts.
import type { Sql, TransactionSql } from "postgres";
import type { AuditAction } from "../audit/append.ts";
import type { AuditEntry, Impact, Run } from "../db/schema.ts";
import { type Desks, policyActor } from "../desk.ts";
import type { Amount } from "../discrepancies/summary.ts";
import type { AlertData, Raised } from "./alert.ts";
import { dueDigest } from "./digest.ts";

/** So much of the history at a time. */
const batch = 200;
/** Trouble that lasts is told again after this. */
const remindMs = 24 * 3_600_000;

const told = [
  "run.finished",
  "policy.held_back",
  "bulk.requested",
  "bulk.finished",
] as const satisfies readonly AuditAction[];

type Entry = Pick<AuditEntry, "seq" | "at" | "actor" | "accountId" | "resource" | "runId" | "bulkId"> & {
  action: (typeof told)[number];
  data: Record<string, unknown>;
};

/** Makes alerts of everything that is news since the last time, in whatever process. Answers how many. */
export async function raiseAlerts(desk: Desks): Promise<number> {
  let raised = 0;
  for (let more = true; more; ) {
    const step = await desk.sql.begin((tx) => readOn(tx, desk));
    raised += step.raised;
    more = step.more;
  }
  return raised + (await desk.sql.begin(async (tx) => raise(tx, desk, await dueDigest(tx, desk))));
}

async function readOn(tx: TransactionSql, desk: Desks): Promise<{ raised: number; more: boolean }> {
  const [place] = await tx<{ seq: number }[]>`SELECT seq FROM driftdesk.alert_place FOR UPDATE SKIP LOCKED`;
  // Another process is at it.
  if (!place) return { raised: 0, more: false };
  // The chain has no gaps, and its head is written with its entries: what is up to here is all there.
  const [head] = await tx<{ seq: number }[]>`SELECT seq FROM driftdesk.audit_head`;
  if (!head || head.seq <= place.seq) return { raised: 0, more: false };
  const entries = await tx<Entry[]>`
    SELECT e.seq, e.at, e.actor, e.action, e.account_id AS "accountId", e.resource, e.run_id AS "runId",
           e.bulk_id AS "bulkId", e.data
    FROM driftdesk.audit_entries e
    WHERE e.seq > ${place.seq} AND e.seq <= ${head.seq} AND e.action = ANY (${[...told]}::text[])
    ORDER BY e.seq LIMIT ${batch}`;
  let raised = 0;
  for (const entry of entries) raised += await raise(tx, desk, await newsOf(tx, desk, entry));
  const more = entries.length === batch;
  await tx`UPDATE driftdesk.alert_place SET seq = ${more ? (entries.at(-1)?.seq ?? head.seq) : head.seq}`;
  return { raised, more };
}

/** Puts alerts down, with their ways to wherever they go. */
export async function raise(tx: TransactionSql, desk: Desks, alerts: readonly Raised[]): Promise<number> {
  if (alerts.length === 0) return 0;
  const now = desk.now();
  const channels = channelsOf(desk);
  const rows = await tx`
    WITH raised AS (
      INSERT INTO driftdesk.alerts (key, kind, account_id, run_id, bulk_id, data, raised_at)
      SELECT v.key, v.kind, v.account_id, v.run_id, v.bulk_id, v.data, ${now}
      FROM jsonb_to_recordset(${tx.json(alerts as never)}) AS v
        (key text, kind text, account_id text, run_id bigint, bulk_id bigint, data jsonb)
      ON CONFLICT (key) DO NOTHING
      RETURNING id
    ), sent_on AS (
      INSERT INTO driftdesk.alert_deliveries (alert_id, channel, due_at)
      SELECT r.id, c, ${now} FROM raised r, unnest(${channels}::text[]) AS c
    )
    SELECT id FROM raised`;
  return rows.length;
}

/** Where alerts go. Without any they can be seen in the desk alone. */
export function channelsOf({ config, environment }: Desks): "slack"[] {
  return config.alerts.slack && environment.slackWebhookUrl !== undefined ? ["slack"] : [];
}

async function newsOf(tx: TransactionSql, desk: Desks, entry: Entry): Promise<Raised[]> {
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
      const { total, reason } = entry.data;
      const data = {
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
  }
}

const textOf = (value: unknown) => (typeof value === "string" ? value : "");

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
  if (impacts.reduce((sum, one) => sum + one.rows, 0) <= config.alerts.newDrift) return [];
  const [counted] = await tx<{ corrected: number }[]>`
    SELECT coalesce(sum(fixed), 0)::int AS corrected FROM driftdesk.run_resources WHERE run_id = ${run.id}`;
  const data = { impacts, corrected: counted?.corrected ?? 0 };
  return [{ kind: "drift", key: `drift ${run.id}`, account_id: run.accountId, run_id: run.id, data }];
}

/** Discrepancies `d` by what they do, the worst first, with the money behind them. */
export async function countImpacts(
  sql: Sql | TransactionSql,
  which: ReturnType<Sql>,
): Promise<{ impact: Impact; rows: number; stakes: Amount[] }[]> {
  const rows = await sql<{ impact: Impact; currency: string | null; rows: number; amountMinor: number }[]>`
    SELECT d.impact, d.currency, count(*) AS rows, sum(d.amount_minor)::bigint AS "amountMinor"
    FROM driftdesk.discrepancies d
    WHERE ${which}
    GROUP BY d.impact, d.currency
    ORDER BY min(d.impact_rank), count(*) DESC`;
  return [...Map.groupBy(rows, (row) => row.impact)].map(([impact, parts]) => ({
    impact,
    rows: parts.reduce((sum, part) => sum + part.rows, 0),
    stakes: parts.flatMap(({ currency, amountMinor }) =>
      currency === null || amountMinor === 0 ? [] : { currency, amountMinor },
    ),
  }));
}
