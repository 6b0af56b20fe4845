import type { Sql } from "postgres";
import { DriftdeskError } from "../errors.ts";

export interface Lease {
  /** Aborts when the lease could not be renewed in time: somebody else may have the resources by now. */
  signal: AbortSignal;
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

  const lost = new AbortController();
  let renewedAt = performance.now();
  const timer = setInterval(async () => {
    try {
      const rows = await sql`
        UPDATE driftdesk.leases
        SET expires_at = clock_timestamp() + ${leaseMs} * interval '1 millisecond'
        WHERE account_id = ${accountId} AND holder = ${holder}
        RETURNING resource`;
      if (rows.length >= resources.length) renewedAt = performance.now();
      else lost.abort(new DriftdeskError("run_superseded", "Another process took this run over."));
    } catch {
      // The database may be back in time for the next renewal.
      if (performance.now() - renewedAt > leaseMs)
        lost.abort(
          new DriftdeskError("run_superseded", "The lease of this run could not be renewed in time."),
        );
    }
  }, leaseMs / 3);

  return {
    signal: lost.signal,
    async release() {
      clearInterval(timer);
      await sql`DELETE FROM driftdesk.leases WHERE account_id = ${accountId} AND holder = ${holder}`;
    },
  };
}
