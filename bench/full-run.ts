import { type Kind, kinds } from "./kinds.ts";
import { startProcess } from "./process.ts";
import type { RunReport } from "./run-process.ts";
import { configFile, limits, withStripe } from "./stripe.ts";
import type { Line } from "./table.ts";

type MakeDatabase = (name: string) => Promise<string>;

/** A full run of two kinds of objects. */
export async function benchFullRun(objects: number, database: MakeDatabase): Promise<Line[]> {
  const wanted = kinds.slice(0, 2);
  const { full } = await runs(wanted, objects, 0, database);
  return [...linesOf(wanted, objects, full, 0.9), memoryLine(wanted, objects, full, 300)];
}

/**
 * A full run of four, which together use the whole account's budget, and its memory against one of a tenth; after each
 * an incremental one over so many changes.
 */
export async function benchBigRun(objects: number, changes: number, database: MakeDatabase): Promise<Line[]> {
  const small = await runs(kinds, objects / 10, changes, database);
  const big = await runs(kinds, objects, changes, database);
  const ratio = big.full.peakBytes / small.full.peakBytes;
  return [
    ...linesOf(kinds, objects, big.full, 0.95),
    memoryLine(kinds, objects, big.full, 256),
    {
      what: "Its memory against a run of a tenth",
      size: `${sizeOf(kinds, objects / 10)}: ${megabytes(small.full)} MB`,
      result: `× ${ratio.toFixed(2)}`,
      target: "≤ × 1.10",
      met: ratio <= 1.1,
    },
    ...incrementalLines(objects, changes, small.incremental, big.incremental),
  ];
}

/** A full run, and an incremental one after so many changes. */
async function runs(
  wanted: readonly Kind[],
  objects: number,
  changes: number,
  database: MakeDatabase,
): Promise<{ full: RunReport; incremental: RunReport }> {
  const name = `run_${wanted.length}_${objects}`;
  const [own, local] = [await database(`${name}_own`), await database(`${name}_local`)];
  return withStripe({ localUrl: local, objects, kinds: wanted }, async (stripe) => {
    const run = async (mode: RunReport["mode"]): Promise<RunReport> => {
      const process = startProcess("run-process.ts", [mode, ...wanted], {
        DATABASE_URL: own,
        LOCAL_DATABASE_URL: local,
        STRIPE_API_BASE: stripe.url,
        STRIPE_SECRET_KEY: stripe.secretKey,
        DRIFTDESK_CONFIG: configFile,
        LOG_LEVEL: "warn",
      });
      const report = (await process.line()) as RunReport;
      await process.ended;
      if (report.state !== "succeeded" || report.mode !== mode)
        throw new Error(`The ${mode} run was ${report.mode} and ended as ${report.state}: ${report.message}`);
      return report;
    };
    const full = await run("full");
    if (changes === 0) return { full, incremental: full };
    await stripe.change(changes);
    return { full, incremental: await run("incremental") };
  });
}

function incrementalLines(objects: number, changes: number, small: RunReport, big: RunReport): Line[] {
  const needed = Math.ceil(changes / 100) + changes;
  const requests = big.requests / needed;
  const ratio = big.seconds / small.seconds;
  return [
    {
      what: "Incremental run, requests",
      size: `${changes.toLocaleString("en")} changes among ${sizeOf(kinds, objects)}`,
      result: `${big.requests.toLocaleString("en")} for ${needed.toLocaleString("en")} needed: × ${requests.toFixed(3)}`,
      target: "≤ × 1.05",
      met: requests <= 1.05,
    },
    {
      what: "Incremental run, seconds, against a tenth of the objects",
      size: `${small.seconds.toFixed(1)} s among ${sizeOf(kinds, objects / 10)}`,
      result: `${big.seconds.toFixed(1)} s: × ${ratio.toFixed(2)}`,
      target: "≤ × 1.10",
      met: ratio <= 1.1,
    },
  ];
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
