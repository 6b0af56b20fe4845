// Which differences are looked at, and what is written down about them: both for thousands at once.
import type { TransactionSql } from "postgres";
import { appendAudit } from "../audit/append.ts";
import {
  type Cause,
  type Discrepancy,
  listed,
  type Run,
  resolvableStates,
  type ScopeMode,
} from "../db/schema.ts";
import { type Desk, systemActor } from "../desk.ts";
import { eventsInReachMs } from "../stripe/events.ts";
import type { Evidence } from "./evidence.ts";

export type Due = Pick<
  Discrepancy,
  | "id"
  | "version"
  | "resource"
  | "kind"
  | "stripeId"
  | "localKey"
  | "customerId"
  | "fields"
  | "rowError"
  | "cause"
  | "causeVersion"
  | "openedAt"
> & {
  /** Which run found it; null when that is not known, or was long before. */
  foundBy: number | null;
  causeEvidence: Evidence | null;
  /** When both sides were found equal the last time before it was found; null when nobody can say. */
  equalAt: Date | null;
  equalRun: number | null;
};

export interface Found {
  due: Due;
  cause: Cause;
  evidence: Evidence;
}

/** A run looks at no more than so many; the newest first. The others are the next run's. */
const atMost = 10_000;
/** What could not be told is tried again, but not by every run. */
const againAfterMs = 20 * 3_600_000;

/**
 * New ones and those with other values; those whose webhook was not delivered, since it may be by now; and after some
 * hours those that nobody could tell, as long as events reach back to them.
 */
export async function findDue(desk: Desk, run: Run, accountId: string): Promise<Due[]> {
  const now = desk.now().getTime();
  const names = desk.config.resources.map(({ name }) => name);
  return desk.sql<Due[]>`
    SELECT d.id, d.version, d.resource, d.kind, d.stripe_id AS "stripeId", d.local_key AS "localKey",
           d.customer_id AS "customerId", d.fields, d.row_error AS "rowError", d.cause,
           d.cause_evidence AS "causeEvidence", d.cause_version AS "causeVersion", d.opened_at AS "openedAt",
           CASE WHEN d.opened_at = d.first_seen_at THEN d.first_run_id END AS "foundBy", before.at AS "equalAt", before.run AS "equalRun"
    FROM driftdesk.discrepancies d
    -- What an incremental run finds has come up since the run before: the mapping is the same, and nothing differed then.
    LEFT JOIN driftdesk.run_resources s
      ON s.run_id = ${run.id} AND s.run_id = d.run_id AND s.resource = d.resource
      AND s.scope = ${"changes" satisfies ScopeMode} AND d.opened_at >= (SELECT started_at FROM driftdesk.runs WHERE id = ${run.id})
    LEFT JOIN LATERAL (
      SELECT r.started_at AS at, r.id AS run
      FROM driftdesk.run_resources p JOIN driftdesk.runs r ON r.id = p.run_id
      WHERE s.run_id IS NOT NULL AND p.resource = d.resource AND p.state = 'done' AND p.scope IN ('full', 'changes')
        AND r.account_id = ${accountId} AND r.id < ${run.id}
      ORDER BY r.id DESC LIMIT 1
    ) before ON true
    WHERE d.account_id = ${accountId} AND d.state IN (${desk.sql.unsafe(listed(resolvableStates))})
      AND d.resource = ANY (${names}::text[]) AND (${run.mode !== "targeted"} OR d.run_id = ${run.id})
      AND (d.cause_version IS DISTINCT FROM d.version
           OR d.cause = 'webhook_undelivered'
           OR d.cause = 'unknown' AND (
             d.cause_evidence ->> 'why' = 'on_its_way'
             OR d.cause_at < ${new Date(now - againAfterMs)} AND d.opened_at > ${new Date(now - eventsInReachMs)}))
    ORDER BY d.cause_version IS NOT DISTINCT FROM d.version, d.id DESC
    LIMIT ${atMost}`;
}

const perStatement = 2_000;

/** Writes what is new; not where a difference has other values by now. Its version stays: no approval is void for it. */
export async function writeCauses(
  desk: Desk,
  { run, accountId }: { run: Run; accountId: string },
  found: readonly Found[],
): Promise<void> {
  const named = new Map<Cause, number>();
  const now = desk.now();
  // Together: a killed process has written both, or nothing.
  await desk.sql.begin(async (tx) => {
    const inOrder = found.toSorted((a, b) => a.due.id - b.due.id);
    for (let i = 0; i < inOrder.length; i += perStatement) {
      const part = inOrder.slice(i, i + perStatement).map(({ due, cause, evidence }) => ({
        id: due.id,
        version: due.version,
        cause,
        evidence,
      }));
      for (const { cause, count } of await writePart(tx, part, now))
        named.set(cause, (named.get(cause) ?? 0) + count);
    }
    if (named.size === 0) return;
    const entry = {
      actor: systemActor.email,
      action: "causes.found" as const,
      account_id: accountId,
      run_id: run.id,
      data: { causes: Object.fromEntries([...named].sort()) },
    };
    await appendAudit(tx, [entry], now);
  });
}

/** Answers how many have got a cause that they did not have. */
async function writePart(tx: TransactionSql, part: readonly object[], now: Date) {
  const given = tx`
      SELECT g.* FROM jsonb_to_recordset(${tx.json(part as never)})
        AS g (id bigint, version integer, cause text, evidence jsonb)`;
  // In the order in which decisions lock: they wait for each other, never in a circle.
  await tx`
      SELECT count(*) FROM (
        SELECT d.id FROM driftdesk.discrepancies d JOIN (${given}) g ON g.id = d.id
        ORDER BY d.id FOR NO KEY UPDATE OF d
      ) locked`;
  return tx<{ cause: Cause; count: number }[]>`
      WITH given AS (${given}), changed AS (
        UPDATE driftdesk.discrepancies d
        SET cause = g.cause, cause_evidence = g.evidence, cause_version = d.version, cause_at = ${now}
        FROM given g
        JOIN driftdesk.discrepancies old ON old.id = g.id
        WHERE d.id = g.id AND d.version = g.version
          AND ((g.cause, g.evidence, g.version) IS DISTINCT FROM (d.cause, d.cause_evidence, d.cause_version)
               OR d.cause_at < ${new Date(now.getTime() - againAfterMs)})
        RETURNING d.cause, old.cause AS before
      )
      SELECT cause, count(*)::int AS count FROM changed
      WHERE cause <> before AND cause <> 'unknown' GROUP BY cause ORDER BY cause`;
}
