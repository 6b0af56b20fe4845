import type { Sql, TransactionSql } from "postgres";
import { DriftdeskError } from "../errors.ts";

/** A transaction that is committed only while this process may still write for the run. */
export type Begin = <T>(work: (tx: TransactionSql) => Promise<T>) => Promise<T>;

export interface Lease {
  /** Aborts when the lease could not be renewed in time: somebody else may have the resources by now. */
  signal: AbortSignal;
  /**
   * Transactions that are committed only while this process still has these resources; else `run_superseded`. A process
   * that slept through the end of its lease finds out there, before anything that it does can be seen.
   */
  holding(resources: readonly string[]): Begin;
  release(): Promise<void>;
}

/**
 * Takes every resource of a run for one process, or none of them, and renews until released. Throws `run_busy` when
 * another live process has one. A killed holder's lease ends by itself after `leaseMs`.
 */
export async function takeLease(
  sql: Sql,
  claim: { runId: number; accountId: string; resources: readonly string[]; holder: string; leaseMs: number },
): Promise<Lease> {
  const { runId, accountId, holder, leaseMs } = claim;
  // A fixed order, so that two processes that want the same resources never wait for each other in a circle.
  const resources = [...claim.resources].sort();
  await sql.begin(async (tx) => {
    const rows = await tx`
      INSERT INTO driftdesk.leases AS l (account_id, resource, run_id, holder, expires_at)
      SELECT ${accountId}, r.resource, ${runId}, ${holder}, clock_timestamp() + ${leaseMs} * interval '1 millisecond'
      FROM unnest(${resources}::text[]) AS r (resource)
      ON CONFLICT (account_id, resource) DO UPDATE
      SET run_id = EXCLUDED.run_id, holder = EXCLUDED.holder, expires_at = EXCLUDED.expires_at
      WHERE l.expires_at < clock_timestamp() OR l.holder = EXCLUDED.holder
      RETURNING l.resource`;
    // Thrown inside the transaction: all of them or none.
    if (rows.length < resources.length)
      throw new DriftdeskError(
        "run_busy",
        `Another run works on ${resources.join(", ")} of ${accountId} right now. Wait for it, or start again when it is over; after a crash that takes ${Math.ceil(leaseMs / 1000)} seconds at most.`,
        { status: 409 },
      );
  });
  const renewal = keepRenewing(sql, { accountId, holder, leaseMs, count: resources.length });
  return {
    signal: renewal.signal,
    holding:
      (wanted) =>
      <T>(work: (tx: TransactionSql) => Promise<T>) =>
        sql.begin(async (tx) => {
          const result = await work(tx);
          // Last, so that renewals wait no longer than a commit takes. Whoever would take the lease over waits as well.
          const held = await tx`
            SELECT FROM driftdesk.leases
            WHERE account_id = ${accountId} AND resource = ANY(${[...wanted]}::text[]) AND holder = ${holder}
            ORDER BY resource
            FOR SHARE`;
          if (held.length < wanted.length) throw superseded();
          return result;
        }) as Promise<T>,
    async release() {
      renewal.stop();
      // What cannot be given back ends by itself.
      await sql`DELETE FROM driftdesk.leases WHERE account_id = ${accountId} AND holder = ${holder}`.catch(
        () => {},
      );
    },
  };
}

const superseded = () => new DriftdeskError("run_superseded", "Another process took this run over.");

function keepRenewing(
  sql: Sql,
  lease: { accountId: string; holder: string; leaseMs: number; count: number },
): { signal: AbortSignal; stop(): void } {
  const { accountId, holder, leaseMs, count } = lease;
  const lost = new AbortController();
  let renewedAt = performance.now();
  let renewing = false;
  const renew = async () => {
    if (performance.now() - renewedAt > leaseMs)
      lost.abort(new DriftdeskError("run_superseded", "The lease of this run could not be renewed in time."));
    if (renewing) return;
    renewing = true;
    try {
      // In the order in which everybody locks them.
      const rows = await sql`
        WITH mine AS (
          SELECT account_id, resource FROM driftdesk.leases
          WHERE account_id = ${accountId} AND holder = ${holder}
          ORDER BY resource
          FOR NO KEY UPDATE
        )
        UPDATE driftdesk.leases l
        SET expires_at = clock_timestamp() + ${leaseMs} * interval '1 millisecond'
        FROM mine
        WHERE l.account_id = mine.account_id AND l.resource = mine.resource AND l.holder = ${holder}
        RETURNING l.resource`;
      if (rows.length >= count) renewedAt = performance.now();
      else lost.abort(superseded());
    } catch {
      // The database may be back in time for the next renewal.
    } finally {
      renewing = false;
    }
  };
  const timer = setInterval(renew, leaseMs / 3);
  return { signal: lost.signal, stop: () => clearInterval(timer) };
}
