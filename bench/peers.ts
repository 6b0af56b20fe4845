import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { kinds } from "./kinds.ts";
import { startProcess } from "./process.ts";
import type { RunReport } from "./run-process.ts";
import { configFile, withStripe } from "./stripe.ts";
import type { Line } from "./table.ts";

export interface PeerReport {
  seconds: number;
  objects?: number;
}

/** What only they need is installed here, the first time. */
const folder = join(import.meta.dirname, "peers");

/** A full run against the two other ways of doing it, each on the same account behind the same limits. */
export async function benchPeers(
  objects: number,
  database: (name: string) => Promise<string>,
): Promise<Line[]> {
  if (!existsSync(join(folder, "node_modules")))
    execFileSync("npm", ["ci", "--no-audit", "--no-fund"], { cwd: folder, stdio: "ignore" });
  const local = await database("peers_local");
  const [own, engine] = [await database("peers_own"), await database("peers_engine")];
  return withStripe({ localUrl: local, objects, kinds }, async (stripe) => {
    const at = { STRIPE_API_BASE: stripe.url, STRIPE_SECRET_KEY: stripe.secretKey };
    const ours = (await answerOf("run-process.ts", ["full", ...kinds], {
      ...at,
      DATABASE_URL: own,
      LOCAL_DATABASE_URL: local,
      DRIFTDESK_CONFIG: configFile,
      LOG_LEVEL: "warn",
    })) as RunReport;
    if (ours.state !== "succeeded") throw new Error(`The run ended as ${ours.state}: ${ours.message}`);
    const synced = (await answerOf("peers/sync-engine.ts", [], {
      ...at,
      DATABASE_URL: engine,
    })) as PeerReport;
    if (synced.objects !== kinds.length * objects) throw new Error(`It synced ${synced.objects} objects`);
    // Last, because it is the one that writes into the table.
    const loop = (await answerOf("loop-process.ts", [], { ...at, LOCAL_DATABASE_URL: local })) as PeerReport;
    const against = (what: string, { seconds }: PeerReport): Line => ({
      what,
      size: `${kinds.length} × ${objects.toLocaleString("en")} objects`,
      result: `${ours.seconds.toFixed(1)} s against ${seconds.toFixed(1)} s: ${(seconds / ours.seconds).toFixed(1)} times as fast`,
      target: "",
    });
    return [
      against("Full run against a loop over each list", loop),
      against("Full run against @supabase/stripe-sync-engine, which compares nothing", synced),
    ];
  });
}

async function answerOf(
  script: string,
  args: readonly string[],
  env: Record<string, string>,
): Promise<unknown> {
  const peer = startProcess(script, args, env);
  const answer = await peer.line();
  await peer.ended;
  return answer;
}
