import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { nodeFlags } from "../bin/node-flags.ts";
import type { Line } from "./run.ts";
import type { RunReport } from "./run-process.ts";
import type { StripeProcessOptions } from "./stripe-process.ts";

const limits = { requestsPerSecond: 100, perEndpoint: 25 };
const latencyMs = 200;
const resources = 2;

/** A full run over two resources of so many objects each, against what the budgets allow at best. */
export async function benchFullRun(
  objects: number,
  databases: { own: string; local: string },
): Promise<Line[]> {
  const options: StripeProcessOptions = { localUrl: databases.local, objects, limits, latencyMs };
  const stripe = start("stripe-process.ts", [JSON.stringify(options)], {});
  try {
    const { url, secretKey } = (await stripe.line()) as { url: string; secretKey: string };
    const run = start("run-process.ts", [], {
      DATABASE_URL: databases.own,
      LOCAL_DATABASE_URL: databases.local,
      STRIPE_API_BASE: url,
      STRIPE_SECRET_KEY: secretKey,
      DRIFTDESK_CONFIG: join(import.meta.dirname, "driftdesk.config.ts"),
      LOG_LEVEL: "warn",
    });
    const report = (await run.line()) as RunReport;
    await run.ended;
    return linesOf(objects, report);
  } finally {
    stripe.end();
    await stripe.ended;
  }
}

function linesOf(objects: number, report: RunReport): Line[] {
  if (report.state !== "succeeded") throw new Error(`The run ended as ${report.state}: ${report.message}`);
  // Each endpoint answers so many pages of 100 a second, all of them at the same time.
  const bestSeconds = Math.max(
    objects / (limits.perEndpoint * 100),
    (resources * objects) / (limits.requestsPerSecond * 100),
  );
  const share = bestSeconds / report.seconds;
  const megabytes = report.peakBytes / 1_000_000;
  const size = `${resources} × ${objects.toLocaleString("en")} objects`;
  return [
    {
      what: "Full run, from plan to record",
      size,
      result: `${report.seconds.toFixed(1)} s, ${Math.round((resources * objects) / report.seconds).toLocaleString("en")} objects/s`,
      target: "",
    },
    {
      what: "Share of what the budgets allow",
      size: `best is ${bestSeconds.toFixed(1)} s`,
      result: `${(share * 100).toFixed(1)} %`,
      target: "≥ 90 %",
      met: share >= 0.9,
    },
    {
      what: "Requests, refused for the rate",
      size: `${report.found.toLocaleString("en")} differences found`,
      result: `${report.requests.toLocaleString("en")}, ${report.rateLimited}`,
      target: "",
    },
    {
      what: "Peak memory of the run's process",
      size: "resident",
      result: `${Math.round(megabytes)} MB`,
      target: "< 300 MB",
      met: megabytes < 300,
    },
  ];
}

function start(script: string, args: string[], env: Record<string, string>) {
  const child = spawn(process.execPath, [...nodeFlags, join(import.meta.dirname, script), ...args], {
    env: { ...process.env, ...env },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  const lines = createInterface({ input: child.stdout });
  return {
    ended,
    end: () => child.stdin.end(),
    async line(): Promise<unknown> {
      const first = await Promise.race([once(lines, "line"), ended.then(([code]) => Number(code))]);
      if (typeof first === "number") throw new Error(`${script} ended with ${first} before it answered`);
      return JSON.parse(String(first[0]));
    },
  };
}
