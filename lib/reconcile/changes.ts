import type { Sql } from "postgres";

type Listener = (runId: number) => void;

/** The channel that the triggers of drizzle/0005_many_processes.sql write to. */
const channel = "driftdesk_run";

// One listening connection per pool, for as long as the pool is open.
const listeners = new WeakMap<Sql, Set<Listener>>();

/**
 * Calls back whenever something about a run changed, in whatever process; answers how to stop. Only a hint: nothing is
 * said where connections are pooled by transaction, nor of what happened while the listening connection was broken.
 */
export function onRunChange(sql: Sql, listener: Listener): () => void {
  let known = listeners.get(sql);
  if (!known) {
    const all = new Set<Listener>();
    known = all;
    listeners.set(sql, all);
    const tell = (payload: string) => {
      for (const one of all) one(Number(payload));
    };
    sql.listen(channel, tell).catch(() => {});
  }
  known.add(listener);
  return () => known.delete(listener);
}
