import type { TransactionSql } from "postgres";
import type { Desk } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";

/** That this process alone carries out an action. */
export interface BulkLock {
  /** Throws `bulk_superseded` when it is lost: another process may be at it by now. */
  stillHeld(tx: TransactionSql): Promise<void>;
}

/**
 * Does the work unless another process is at it. The lock is a session's: it is gone with the process, however that
 * ends. It is gone with its connection too: then the work stops at its next step, and what it told so far is true.
 */
export async function whileLocked(
  desk: Pick<Desk, "sql" | "log">,
  bulkId: number,
  work: (lock: BulkLock) => Promise<void>,
): Promise<void> {
  const session = await desk.sql.reserve();
  try {
    const key = `bulk ${bulkId}`;
    const [held] = await session<{ taken: boolean; pid: number }[]>`
      SELECT pg_try_advisory_lock(hashtextextended(${key}, 0)) AS taken, pg_backend_pid() AS pid`;
    if (!held?.taken) return;
    try {
      await work({
        stillHeld: async (tx) => {
          // The session holds no other advisory lock.
          const [lock] = await tx`
            SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid = ${held.pid}`;
          if (!lock)
            throw new DriftdeskError(
              "bulk_superseded",
              `Another process goes on with bulk action ${bulkId}.`,
            );
        },
      });
    } catch (error) {
      if (!(error instanceof DriftdeskError) || error.code !== "bulk_superseded") throw error;
      desk.log.warn({ bulk: bulkId }, error.message);
    } finally {
      // A connection that is gone has let go already.
      await session`SELECT pg_advisory_unlock(hashtextextended(${key}, 0))`.catch(() => {});
    }
  } finally {
    session.release();
  }
}
