import { execFile } from "node:child_process";
import { setTimeout as wait } from "node:timers/promises";
import { promisify } from "node:util";
import { createToken } from "../lib/auth/tokens.ts";
import { addUser } from "../lib/auth/users.ts";
import { connect } from "../lib/db/connect.ts";
import { freePort } from "../lib/db/free-port.ts";
import { migrate } from "../lib/db/migrate.ts";
import { systemActor } from "../lib/desk.ts";
import { buildWhenNeeded, serveWeb } from "../sandbox/demo/web.ts";
import { tell } from "./audit.ts";
import { configFile, withStripe } from "./stripe.ts";
import type { Line } from "./table.ts";

/** Taking away a history of so many entries over HTTP, and what the web process needs for it against one of a tenth. */
export async function benchExport(
  entries: number,
  database: (name: string) => Promise<string>,
): Promise<Line[]> {
  const [url, local] = [await database("export"), await database("export_local")];
  await migrate(url);
  const sql = connect(url, { max: 1 });
  const cleanups: (() => Promise<unknown>)[] = [() => sql.end()];
  try {
    const desk = { sql, now: () => new Date() };
    const admin = await addUser(desk, { email: "admin@example.com", role: "admin" }, systemActor);
    const { token } = await createToken(desk, { name: "bench", scopes: ["audit:export"] }, admin);
    await buildWhenNeeded(cleanups, (line) => console.error(line));
    return await withStripe({ localUrl: local, objects: 1, kinds: ["customers"] }, async (stripe) => {
      const port = await freePort();
      const variables = {
        DATABASE_URL: url,
        LOCAL_DATABASE_URL: local,
        STRIPE_API_BASE: stripe.url,
        STRIPE_SECRET_KEY: stripe.secretKey,
        DRIFTDESK_CONFIG: configFile,
        LOG_LEVEL: "warn",
      };
      const { pid } = await serveWeb(variables, port, cleanups);
      await tell(sql, entries / 10);
      // As much in all as the big one: a process that has just begun has not yet tidied up for the first time.
      const small = await watched(pid, async () => {
        for (let i = 0; i < 10; i++) await download(port, token);
        return {};
      });
      await tell(sql, entries - entries / 10);
      const big = await watched(pid, () => download(port, token));
      if (big.lines < entries) throw new Error(`${big.lines} lines for ${entries} entries`);
      const megabytes = (bytes: number) => `${Math.round(bytes / 1_000_000)} MB`;
      const ratio = big.peakBytes / small.peakBytes;
      const size = (count: number) => `${count.toLocaleString("en")} entries`;
      return [
        {
          what: "Exporting the history over HTTP",
          size: size(entries),
          result: `${big.seconds.toFixed(1)} s for ${megabytes(big.bytes)}`,
          target: "",
        },
        {
          what: "Peak memory of the web process meanwhile, against a tenth",
          size: `${size(entries / 10)}, ten times: ${megabytes(small.peakBytes)}`,
          result: `${megabytes(big.peakBytes)}: × ${ratio.toFixed(2)}`,
          target: "≤ × 1.10",
          met: ratio <= 1.1,
        },
      ];
    });
  } finally {
    for (const cleanup of cleanups.reverse()) await cleanup();
  }
}

async function download(port: number, token: string) {
  const began = performance.now();
  const response = await fetch(`http://localhost:${port}/api/audit/export?format=jsonl`, {
    headers: { authorization: `Bearer ${token}` },
  });
  if (!response.ok || !response.body) throw new Error(`${response.status}: ${await response.text()}`);
  let [lines, bytes] = [0, 0];
  for await (const piece of response.body) {
    bytes += piece.length;
    for (const byte of piece) if (byte === 10) lines++;
  }
  return { lines, bytes, seconds: (performance.now() - began) / 1_000 };
}

/** The most memory that a process had while something was done with it. */
async function watched<T>(pid: number, work: () => Promise<T>): Promise<T & { peakBytes: number }> {
  let peakBytes = 0;
  let over = false;
  const look = async () => {
    while (!over) {
      const { stdout } = await promisify(execFile)("ps", ["-o", "rss=", "-p", String(pid)]);
      peakBytes = Math.max(peakBytes, Number(stdout) * 1_024);
      await wait(50);
    }
  };
  const looking = look();
  const done = await work().finally(() => {
    over = true;
  });
  await looking;
  return { ...done, peakBytes };
}
