import { type Kind, kinds } from "./kinds.ts";
import { startProcess } from "./process.ts";
import type { RunReport } from "./run-process.ts";
import { configFile, limits, withStripe } from "./stripe.ts";
import type { Line } from "./table.ts";

type MakeDatabase = (name: string) => Promise<string>;

/** A full run of two kinds of objects. */
export async function benchFullRun(objects: number, database: MakeDatabase): Promise<Line[]> {
  const wanted = kinds.slice(0, 2);
  const report = await fullRun(wanted, objects, database);
  return [...linesOf(wanted, objects, report, 0.9), memoryLine(wanted, objects, report, 300)];
}

/** A full run of four, which together use the whole account's budget; and its memory against one of a tenth. */
export async function benchBigRun(objects: number, database: MakeDatabase): Promise<Line[]> {
  const small = await fullRun(kinds, objects / 10, database);
  const big = await fullRun(kinds, objects, database);
  const ratio = big.peakBytes / small.peakBytes;
  return [
    ...linesOf(kinds, objects, big, 0.95),
    memoryLine(kinds, objects, big, 256),
    {
      what: "Its memory against a run of a tenth",
      size: `${(objects / 10).toLocaleString("en")} of each: ${megabytes(small)} MB`,
      result: `× ${ratio.toFixed(2)}`,
      target: "≤ × 1.10",
      met: ratio <= 1.1,
    },
  ];
}

async function fullRun(wanted: readonly Kind[], objects: number, database: MakeDatabase): Promise<RunReport> {
  const name = `run_${wanted.length}_${objects}`;
  const [own, local] = [await database(`${name}_own`), await database(`${name}_local`)];
  return withStripe({ localUrl: local, objects, kinds: wanted }, async (stripe) => {
    const run = startProcess("run-process.ts", wanted, {
      DATABASE_URL: own,
      LOCAL_DATABASE_URL: local,
      STRIPE_API_BASE: stripe.url,
      STRIPE_SECRET_KEY: stripe.secretKey,
      DRIFTDESK_CONFIG: configFile,
      LOG_LEVEL: "warn",
    });
    const report = (await run.line()) as RunReport;
    await run.ended;
    if (report.state !== "succeeded") throw new Error(`The run ended as ${report.state}: ${report.message}`);
    return report;
  });
}

const sizeOf = (wanted: readonly Kind[], objects: number) =>
  `${wanted.length} × ${objects.toLocaleString("en")} objects`;
const megabytes = (report: RunReport) => Math.round(report.peakBytes / 1_000_000);

function linesOf(wanted: readonly Kind[], objects: number, report: RunReport, target: number): Line[] {
  // Each endpoint answers so many pages of 100 a second, all of them at the same time.
  const bestSeconds = Math.max(
    objects / (limits.perEndpoint * 100),
    (wanted.length * objects) / (limits.requestsPerSecond * 100),
  );
  const share = bestSeconds / report.seconds;
  return [
    {
      what: "Full run, from plan to record",
      size: sizeOf(wanted, objects),
      result: `${report.seconds.toFixed(1)} s, ${Math.round((wanted.length * objects) / report.seconds).toLocaleString("en")} objects/s`,
      target: "",
    },
    {
      what: "Share of what the budgets allow",
      size: `best is ${bestSeconds.toFixed(1)} s`,
      result: `${(share * 100).toFixed(1)} %`,
      target: `≥ ${target * 100} %`,
      met: share >= target,
    },
    {
      what: "Requests, refused for the rate",
      size: `${report.found.toLocaleString("en")} differences found`,
      result: `${report.requests.toLocaleString("en")}, ${report.rateLimited}`,
      target: "",
    },
  ];
}

function memoryLine(wanted: readonly Kind[], objects: number, report: RunReport, target: number): Line {
  return {
    what: "Peak memory of the run's process",
    size: sizeOf(wanted, objects),
    result: `${megabytes(report)} MB`,
    target: `< ${target} MB`,
    met: megabytes(report) < target,
  };
}
