import { PgBoss } from "pg-boss";
import type { Desks, OpenDesk } from "../desk.ts";

/** What each queue's jobs carry: only names of what stands in Driftdesk's own tables. */
export interface Jobs {
  run: { runId: number };
  bulk: { bulkId: number };
}

/** A desk whose database pg-boss can reach by itself. */
export type QueuedDesk = Desks & Pick<OpenDesk, "databaseUrl">;
type Queued = Pick<QueuedDesk, "databaseUrl" | "log">;

// One pg-boss per desk. On globalThis: a bundler makes several copies of this module in one process.
const key = Symbol.for("driftdesk.queues");
const process_ = globalThis as typeof globalThis & { [key]?: WeakMap<Queued, Promise<PgBoss>> };
process_[key] ??= new WeakMap();
const opened = process_[key];

/** The desk's pg-boss, with its queues made; started by whoever asks first. `worker`: it also keeps them in order. */
export function openQueues(desk: Queued, options: { worker?: boolean } = {}): Promise<PgBoss> {
  const known = opened.get(desk);
  if (known) return known;
  const starting = start(desk, options.worker ?? false);
  opened.set(desk, starting);
  starting.catch(() => opened.delete(desk));
  return starting;
}

export async function closeQueues(desk: Queued): Promise<void> {
  const boss = await opened.get(desk)?.catch(() => undefined);
  opened.delete(desk);
  // Whoever works on jobs has been told to stop by now; what it leaves is found in the tables again.
  await boss?.stop({ graceful: false });
}

async function start(desk: Queued, worker: boolean): Promise<PgBoss> {
  const boss = new PgBoss({
    connectionString: desk.databaseUrl,
    application_name: "driftdesk jobs",
    schema: "driftdesk_jobs",
    // A migration does: not every role may.
    createSchema: false,
    max: worker ? 5 : 2,
    supervise: worker,
    // What runs when is ours (due.ts).
    schedule: false,
    useListenNotify: worker,
  });
  boss.on("error", (error) => desk.log.error(error, "the queue has a problem"));
  boss.on("warning", (warning) => desk.log.warn(warning, "the queue warns"));
  await boss.start();
  // A job is only a wake-up call, what there is to do stands in the tables and is looked for there too (worker.ts):
  // so a failed job is not tried again, and one that a killed process held does not block its successor for long.
  const wakeUp = { notify: true, retryLimit: 0, deleteAfterSeconds: 86_400 };
  await boss.createQueue("run", wakeUp);
  await boss.createQueue("bulk", wakeUp);
  return boss;
}
