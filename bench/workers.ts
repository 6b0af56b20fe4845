import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { nodeFlags } from "../bin/node-flags.ts";
import { connect } from "../lib/db/connect.ts";
import { migrate } from "../lib/db/migrate.ts";
import { startProcess } from "./process.ts";
import { withStripe } from "./stripe.ts";
import type { Line } from "./table.ts";

const accounts = 4;
const kinds = ["subscriptions", "customers"] as const;
/** Of a test account, as Stripe documents them: what four live ones allow together, two processors could not serve. */
const limits = { requestsPerSecond: 25, perEndpoint: 25 };

/** Full runs of four accounts at the same time, by each of these numbers of workers. */
export async function benchWorkers(
  counts: readonly number[],
  objects: number,
  database: (name: string) => Promise<string>,
): Promise<Line[]> {
  const local = await database("workers_local");
  return withStripe({ localUrl: local, accounts, objects, kinds, limits }, async (stripe) => {
    const bestSeconds = (kinds.length * objects) / (limits.requestsPerSecond * 100);
    const lines: Line[] = [];
    for (const workers of counts) {
      const own = await database(`workers_own_${workers}`);
      const env = {
        DATABASE_URL: own,
        LOCAL_DATABASE_URL: local,
        STRIPE_API_BASE: stripe.url,
        ...Object.fromEntries(stripe.secretKeys.map((key, i) => [`STRIPE_KEY_${i + 1}`, key])),
        DRIFTDESK_CONFIG: join(import.meta.dirname, "accounts.config.ts"),
        LOG_LEVEL: "info",
      };
      const took = await runByWorkers(workers, own, env);
      lines.push({
        what: `Full runs of ${accounts} accounts by ${workers} worker${workers === 1 ? "" : "s"}`,
        size: `${accounts} × ${kinds.length} × ${objects.toLocaleString("en")} objects, ${limits.requestsPerSecond} requests/s each`,
        result: `${took.toFixed(1)} s: ${((100 * bestSeconds) / took).toFixed(1)} % of what the budgets allow`,
        target: "",
      });
    }
    return lines;
  });
}

/** From the request of the first run to the end of the last. */
async function runByWorkers(count: number, own: string, env: Record<string, string>): Promise<number> {
  await migrate(own);
  const sql = connect(own, { max: 1 });
  const workers = Array.from({ length: count }, () => startWorker(env));
  try {
    await Promise.all(workers.map((worker) => worker.ready));
    await startProcess("request-process.ts", [], env).ended;
    for (;;) {
      const runs = await sql<{ state: string; message: string | null }[]>`
        SELECT state, message FROM driftdesk.runs WHERE state <> 'queued' AND state <> 'running'`;
      const bad = runs.find(({ state }) => state !== "succeeded");
      if (bad) throw new Error(`A run ended as ${bad.state}: ${bad.message}`);
      if (runs.length === accounts) break;
      await wait(200);
    }
    const [took] = await sql<{ seconds: number }[]>`
      SELECT extract(epoch FROM max(finished_at) - min(requested_at))::float8 AS seconds FROM driftdesk.runs`;
    return took?.seconds ?? Number.NaN;
  } finally {
    for (const worker of workers) worker.child.kill("SIGTERM");
    await Promise.all(workers.map((worker) => worker.ended));
    await sql.end();
  }
}

function startWorker(env: Record<string, string>) {
  const command = join(import.meta.dirname, "..", "bin", "driftdesk.ts");
  const child = spawn(process.execPath, [...nodeFlags, command, "worker"], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "inherit", "pipe"],
  });
  // The first line of its log says that it works.
  const ready = once(child.stderr, "data").then(() => child.stderr.resume());
  return { child, ready, ended: once(child, "exit") };
}
