import type { Sql, TransactionSql } from "postgres";
import type { Run } from "../db/schema.ts";
import { transaction } from "../db/transaction.ts";
import { DriftdeskError } from "../errors.ts";

/** A transaction that is committed only while this process may still write for the resource. */
export type Begin = <T>(work: (tx: TransactionSql) => Promise<T>) => Promise<T>;

/**
 * The name under which a run takes a resource. A targeted one takes it beside any other run, which it does not wait for:
 * what is newer of two is decided where they record.
 */
export const leaseName = (run: Pick<Run, "id" | "mode">, resource: string): string =>
  `${leasePrefix(run)}${resource}`;
export const leasePrefix = (run: Pick<Run, "id" | "mode">): string =>
  run.mode === "targeted" ? `run ${run.id}: ` : "";

/** That this process alone takes a resource through its steps. */
export interface Lease {
  /** Aborts when the lease could not be renewed in time: somebody else may have the resource by now. */
  signal: AbortSignal;
  /**
   * Transactions that are committed only while this process still has the resource; else `run_superseded`. A process
   * that slept through the end of its lease finds out there, before anything that it does can be seen.
   */
  begin: Begin;
  release(): Promise<void>;
}

/** That this process takes part in a run. What it holds is others' when it has not been heard of for `leaseMs`. */
export interface Presence {
  holder: string;
  /** Null when another live process has the resource. */
  take(resource: string): Promise<Lease | null>;
  /** Lets go of everything at once. */
  leave(): Promise<void>;
}

export interface Joining {
  runId: number;
  accountId: string;
  holder: string;
  leaseMs: number;
}

/** Says that this process takes part in the run, and goes on saying so until it leaves. */
export async function joinRun(sql: Sql, joining: Joining): Promise<Presence> {
  const { accountId, holder } = joining;
  const held = new Map<string, Held>();
  await sayPresent(sql, joining);
  const renewal = keepRenewing(sql, joining, held);
  return {
    holder,
    async take(resource) {
      if (!(await takeLease(sql, joining, resource))) return null;
      const lost = new AbortController();
      held.set(resource, { lost, renewedAt: performance.now() });
      return {
        signal: lost.signal,
        begin: (work) => whileHeld(sql, joining, resource, work),
        async release() {
          held.delete(resource);
          // What cannot be given back ends by itself.
          await sql`
            DELETE FROM driftdesk.leases
            WHERE account_id = ${accountId} AND resource = ${resource} AND holder = ${holder}`.catch(
            () => {},
          );
        },
      };
    },
    async leave() {
      await renewal.stop();
      held.clear();
      await sql`DELETE FROM driftdesk.leases WHERE account_id = ${accountId} AND holder = ${holder}`.catch(
        () => {},
      );
      await sql`DELETE FROM driftdesk.run_processes WHERE holder = ${holder}`.catch(() => {});
    },
  };
}

interface Held {
  lost: AbortController;
  renewedAt: number;
}

async function takeLease(sql: Sql, joining: Joining, resource: string): Promise<boolean> {
  const { runId, accountId, holder, leaseMs } = joining;
  const rows = await sql`
    INSERT INTO driftdesk.leases AS l (account_id, resource, run_id, holder, expires_at)
    VALUES (${accountId}, ${resource}, ${runId}, ${holder}, clock_timestamp() + ${leaseMs} * interval '1 millisecond')
    ON CONFLICT (account_id, resource) DO UPDATE
    SET run_id = EXCLUDED.run_id, holder = EXCLUDED.holder, expires_at = EXCLUDED.expires_at
    WHERE l.expires_at < clock_timestamp()
    RETURNING l.resource`;
  return rows.length > 0;
}

function whileHeld<T>(
  sql: Sql,
  { accountId, holder }: Joining,
  resource: string,
  work: (tx: TransactionSql) => Promise<T>,
): Promise<T> {
  // Of two that drop the tables of one step, Postgres ends one: a process that slept, and the one that took over from it.
  return transaction(sql, async (tx) => {
    const result = await work(tx);
    // Last, so that renewals wait no longer than a commit takes. Whoever would take the lease over waits as well.
    const rows = await tx`
      SELECT FROM driftdesk.leases
      WHERE account_id = ${accountId} AND resource = ${resource} AND holder = ${holder}
      FOR SHARE`;
    if (rows.length === 0) throw superseded();
    return result;
  });
}

const superseded = () => new DriftdeskError("run_superseded", "Another process took this over.");

async function sayPresent(sql: Sql, { runId, holder, leaseMs }: Joining): Promise<void> {
  await sql`
    INSERT INTO driftdesk.run_processes (run_id, holder, expires_at)
    VALUES (${runId}, ${holder}, clock_timestamp() + ${leaseMs} * interval '1 millisecond')
    ON CONFLICT (run_id, holder) DO UPDATE SET expires_at = EXCLUDED.expires_at`;
}

function keepRenewing(sql: Sql, joining: Joining, held: Map<string, Held>): { stop(): Promise<void> } {
  const { accountId, holder, leaseMs } = joining;
  let renewing: Promise<void> | null = null;
  const renew = async () => {
    const askedAt = performance.now();
    await sayPresent(sql, joining);
    // In the order in which everybody locks them.
    const rows = await sql<{ resource: string }[]>`
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
    const renewed = new Set(rows.map((row) => row.resource));
    for (const [resource, one] of held)
      if (renewed.has(resource)) one.renewedAt = performance.now();
      // One that was taken meanwhile is not meant.
      else if (one.renewedAt < askedAt) one.lost.abort(superseded());
  };
  const timer = setInterval(() => {
    for (const { lost, renewedAt } of held.values())
      if (performance.now() - renewedAt > leaseMs)
        lost.abort(new DriftdeskError("run_superseded", "The lease could not be renewed in time."));
    // The database may be back in time for the next renewal.
    renewing ??= renew()
      .catch(() => {})
      .finally(() => {
        renewing = null;
      });
  }, leaseMs / 3);
  return {
    async stop() {
      clearInterval(timer);
      await renewing;
    },
  };
}
