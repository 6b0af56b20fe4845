// Whether a process can do its work. Anybody may ask: the answer names no address, no table and no error, and asking often
// costs no more than asking once a second.
import type { Sql } from "postgres";
import { newestMigration } from "../db/migrate.ts";
import { Watch } from "../db/watch.ts";
import type { OpenDesk } from "../desk.ts";
import { redisState } from "../status/statuses.ts";
import { isStopping, loops } from "./beats.ts";

export type Watched = Pick<OpenDesk, "databaseUrl" | "environment" | "now"> & Partial<Pick<OpenDesk, "sql">>;

export type CheckName = "process" | "config" | "database" | "migrations" | "worker" | "queue" | "redis";
/** `late` is worth a look, and no reason to send nobody here any more; `none`: this process has no such part. */
export type CheckState = "ok" | "failing" | "late" | "none" | "unknown";

export interface Readiness {
  ok: boolean;
  checks: Record<CheckName, CheckState>;
  /** A sentence for each check that is not in order. */
  reasons: string[];
}

/** Load balancers give up after a few seconds: an answer that comes later is none. */
export const readyWithinMs = 2_000;
/** Who asks more often gets the same answer again. */
const sameForMs = 1_000;
/** What waits longer than this to be begun waits for a worker that is not there, or has too much to do. */
export const queueLateMs = 300_000;

/** Whether this process is fit for requests. Never throws, and answers in time when the database does not. */
export async function readiness(desk: Watched): Promise<Readiness> {
  const { database, migrations, queue, reasons } = await recent(desk);
  const worker = workerState(desk);
  const redis = redisState(desk.sql);
  const process = isStopping() ? "failing" : "ok";
  const checks = { process, config: "ok", database, migrations, worker, queue, redis } as const;
  const more = [
    ...(process === "failing" ? ["The process is stopping."] : []),
    ...(worker === "failing" ? ["The worker in this process does not go round."] : []),
    ...(redis === "late" ? ["Redis does not answer: lookups go on with the memory of each process."] : []),
  ];
  return {
    ok: !Object.values(checks).includes("failing"),
    checks,
    reasons: [...more, ...reasons],
  };
}

/** What a process says that cannot even open its desk. */
export const unready: Readiness = {
  ok: false,
  checks: {
    process: "ok",
    config: "failing",
    database: "unknown",
    migrations: "unknown",
    worker: "unknown",
    queue: "unknown",
    redis: "unknown",
  },
  reasons: ["The desk is not open. The process's log says why."],
};

function workerState({ environment }: Watched): CheckState {
  // It has been told to end; that is said already.
  if (isStopping()) return "none";
  const all = loops();
  if (all.some(({ stuck }) => stuck)) return "failing";
  if (all.length > 0) return "ok";
  // While it starts.
  return environment.inlineWorker ? "failing" : "none";
}

interface Asked {
  database: CheckState;
  migrations: CheckState;
  queue: CheckState;
  reasons: string[];
}

// On globalThis: a bundler makes several copies of this module in one process.
const key = Symbol.for("driftdesk.readiness");
interface Memory {
  watch: Watch;
  asked: Promise<Asked> | null;
  at: number;
}
const process_ = globalThis as typeof globalThis & { [key]?: WeakMap<Watched, Memory> };
process_[key] ??= new WeakMap();
const memories = process_[key];

function recent(desk: Watched): Promise<Asked> {
  const memory = memories.get(desk) ?? {
    watch: new Watch(desk.databaseUrl, readyWithinMs),
    asked: null,
    at: 0,
  };
  memories.set(desk, memory);
  if (memory.asked === null || performance.now() - memory.at > sameForMs) {
    memory.at = Number.POSITIVE_INFINITY;
    memory.asked = ask(desk, memory.watch).finally(() => {
      memory.at = performance.now();
    });
  }
  return memory.asked;
}

const aside = { migrations: "unknown", queue: "unknown" } as const;

async function ask(desk: Watched, watch: Watch): Promise<Asked> {
  try {
    return await watch.ask(async (sql): Promise<Asked> => {
      if (!(await isMigrated(sql)))
        return {
          database: "ok",
          migrations: "failing",
          queue: "unknown",
          reasons: ["The tables are older than this version: run driftdesk migrate."],
        };
      const late = (await longestWaitMs(sql, desk.now())) > queueLateMs;
      const reasons = late
        ? [`Something has been waiting for a worker for more than ${queueLateMs / 60_000} minutes.`]
        : [];
      return { database: "ok", migrations: "ok", queue: late ? "late" : "ok", reasons };
    });
  } catch {
    return {
      ...aside,
      database: "failing",
      reasons: [`The database did not answer within ${readyWithinMs / 1000} seconds, or not at all.`],
    };
  }
}

async function isMigrated(sql: Sql): Promise<boolean> {
  const [last] = await sql<{ at: number | null }[]>`
    SELECT max(created_at)::float8 AS at FROM driftdesk.migrations`;
  return (last?.at ?? 0) >= (await newestMigration());
}

/** How long the oldest of what is due has been waiting to be begun. */
async function longestWaitMs(sql: Sql, now: Date): Promise<number> {
  const [oldest] = await sql<{ at: Date | null }[]>`
    SELECT least(
      (SELECT min(requested_at) FROM driftdesk.runs WHERE state = 'queued'),
      (SELECT min(due_at) FROM driftdesk.alert_deliveries
       WHERE state = 'waiting' AND coalesce(taken_until < ${now}, true)),
      (SELECT min(due_at) FROM driftdesk.webhook_checks WHERE coalesce(taken_until < ${now}, true))
    ) AS at`;
  return oldest?.at ? now.getTime() - oldest.at.getTime() : 0;
}
