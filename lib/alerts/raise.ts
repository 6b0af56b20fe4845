// What happened becomes news. The history is read on from where it was read last: nothing is told twice, nothing is
// forgotten, and whoever writes the history knows nothing of alerts.
import type { TransactionSql } from "postgres";
import { channelsOf } from "../config/alert-channels.ts";
import type { Channel } from "../db/schema.ts";
import type { Desks } from "../desk.ts";
import type { Raised } from "./alert.ts";
import { dueDigest } from "./digest.ts";
import { dueDisputes } from "./due-disputes.ts";
import { type Entry, newsOf, told } from "./news.ts";

/** So much of the history at a time. */
const batch = 200;

/** Makes alerts of everything that is news since the last time, in whatever process. Answers how many. */
export async function raiseAlerts(desk: Desks): Promise<number> {
  let raised = 0;
  for (let more = true; more; ) {
    const step = await desk.sql.begin((tx) => readOn(tx, desk));
    raised += step.raised;
    more = step.more;
  }
  const due = async (tx: TransactionSql) => [
    ...(await dueDisputes(tx, desk)),
    ...(await dueDigest(tx, desk)),
  ];
  return raised + (await desk.sql.begin(async (tx) => raise(tx, desk, await due(tx))));
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
export async function raise(
  tx: TransactionSql,
  desk: Desks,
  alerts: readonly Raised[],
  channels: readonly Channel[] = channelsOf(desk),
): Promise<number> {
  if (alerts.length === 0) return 0;
  const now = desk.now();
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
      SELECT r.id, c, ${now} FROM raised r, unnest(${[...channels]}::text[]) AS c
    )
    SELECT id FROM raised`;
  return rows.length;
}
