import type { TransactionSql } from "postgres";
import { checkpointText, signedCheckpoint } from "../audit/checkpoint.ts";
import { type Desks, policyActor } from "../desk.ts";
import { summarise } from "../discrepancies/summary.ts";
import type { Raised } from "./alert.ts";
import { localTime } from "./clock.ts";

/** The daily summary, once its time of day has come; nothing when it went out, or when none is wanted. */
export async function dueDigest(tx: TransactionSql, desk: Desks): Promise<Raised[]> {
  const { digest, timeZone } = desk.config.alerts;
  if (digest === false) return [];
  const now = desk.now();
  const { day, time } = localTime(now, timeZone);
  if (time < digest) return [];
  const key = `digest ${day}`;
  const [there] = await tx`SELECT FROM driftdesk.alerts WHERE key = ${key}`;
  if (there) return [];
  // Before the first run there is nothing to sum up.
  const [ran] = await tx`SELECT FROM driftdesk.runs WHERE finished_at IS NOT NULL LIMIT 1`;
  if (!ran) return [];
  const open = await summarise(tx as never, now);
  const since = new Date(now.getTime() - 24 * 3_600_000);
  const [counts] = await tx<
    { found: number; corrected: number; correctedByPolicy: number; resolved: number; waiting: number }[]
  >`
    SELECT (SELECT count(*)::int FROM driftdesk.discrepancies WHERE opened_at > ${since}) AS found,
           (SELECT count(*)::int FROM driftdesk.discrepancies WHERE state = 'resolved' AND closed_at > ${since}) AS resolved,
           (SELECT count(*)::int FROM driftdesk.bulk_actions WHERE state = 'waiting') AS waiting,
           count(*)::int AS corrected, (count(*) FILTER (WHERE f.actor = ${policyActor.email}))::int AS "correctedByPolicy"
    FROM driftdesk.fixes f
    WHERE f.state = 'applied' AND f.settled_at > ${since}`;
  if (!counts) return [];
  const data = {
    day,
    open: { rows: open.rows, affectedCustomers: open.affectedCustomers },
    impacts: Object.values(open.impacts)
      .filter(({ rows }) => rows > 0)
      .map(({ impact, rows, stakes }) => ({ impact, rows, stakes })),
    ...counts,
    checkpoint: await checkpointOf(tx, desk),
  };
  return [{ kind: "digest", key, data }];
}

/** Kept by whoever keeps the messages, it proves later that nothing before it was rewritten. */
async function checkpointOf(tx: TransactionSql, { now, environment }: Desks): Promise<string | null> {
  const checkpoint = await signedCheckpoint({ sql: tx, now }, environment.auditSigningKey);
  return checkpoint && checkpointText(checkpoint);
}
