// `npm run bench`: what a full run reaches of what Stripe's limits allow, and what the list costs as it grows. Prints
// one table. `-- --quick` takes a tenth of the objects; names of parts measure only these. `-- --tiny` measures nothing worth
// reading: it shows in seconds that the benchmarks still run.
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "../lib/db/connect.ts";
import { attachEmbedded } from "../lib/db/embedded.ts";
import { migrate } from "../lib/db/migrate.ts";
import { benchAudit } from "./audit.ts";
import { benchCompare } from "./compare.ts";
import { benchExport } from "./export.ts";
import { benchFirstPage } from "./first-page.ts";
import { benchFixes } from "./fixes.ts";
import { benchBigRun, benchFullRun } from "./full-run.ts";
import { benchPeers } from "./peers.ts";
import { benchHits, benchStatus } from "./status.ts";
import { type Line, print } from "./table.ts";
import { benchWorkers } from "./workers.ts";

const quick = process.argv.includes("--quick");
const tiny = process.argv.includes("--tiny");
const size = (objects: number) => objects / (tiny ? 1_000 : quick ? 10 : 1);
const named = process.argv.slice(2).filter((arg) => !arg.startsWith("--"));

const roundMs = tiny ? 400 : quick ? 3_000 : 10_000;

/** The parts of the table, in its order. Named on the command line, only these are measured. */
const parts: Record<string, () => Promise<Line[]>> = {
  run: () => benchFullRun(size(100_000), database),
  "big-run": () => benchBigRun(size(250_000), size(1_000), database),
  peers: () => benchPeers(size(10_000), database),
  workers: () => benchWorkers(tiny ? [2] : [1, 2, 4], size(25_000), database),
  compare: () => benchCompare(size(1_000_000), database),
  "first-page": firstPage,
  fixes: () => benchFixes(size(100_000), database),
  audit: () => benchAudit(size(1_000_000), database),
  export: () => benchExport(size(1_000_000), database),
  "status-hits": () => benchHits({ roundMs }, database),
  status: () =>
    benchStatus(
      { keys: size(10_000), seconds: size(600), perSecond: 200, thirdMs: tiny ? 400 : 10_000 },
      database,
    ),
};
const unknown = named.filter((name) => !(name in parts));
if (unknown.length > 0)
  throw new Error(`There is no ${unknown.join(", ")}. There is ${Object.keys(parts).join(", ")}.`);
/** Of these one would install packages, two would build the pages, and the other is a shorter "big-run". */
const leftOut = tiny ? ["peers", "export", "status-hits", "run"] : [];
const wanted = named.length > 0 ? named : Object.keys(parts).filter((name) => !leftOut.includes(name));

const folder = await mkdtemp(join(tmpdir(), "driftdesk-bench-"));
await chmod(folder, 0o755);
const postgres = await attachEmbedded(folder);
try {
  const lines: Line[] = [];
  for (const [name, measure] of Object.entries(parts))
    if (wanted.includes(name)) lines.push(...(await measure()));
  print(lines);
} finally {
  await postgres.release();
  await rm(folder, { recursive: true, force: true });
}

async function firstPage(): Promise<Line[]> {
  const [small, large] = await Promise.all(
    ["bench_small", "bench_large"].map(async (name) => {
      const url = await database(name);
      await migrate(url);
      return connect(url, { max: 2 });
    }),
  );
  if (!small || !large) throw new Error("Two databases were asked for");
  try {
    return await benchFirstPage(
      tiny ? { rows: 200, rounds: 2 } : { rows: 100_000, rounds: 200 },
      small,
      large,
    );
  } finally {
    await Promise.all([small.end(), large.end()]);
  }
}

async function database(name: string): Promise<string> {
  const admin = connect(postgres.url, { max: 1 });
  await admin.unsafe(`CREATE DATABASE ${name}`);
  await admin.end();
  return Object.assign(new URL(postgres.url), { pathname: `/${name}` }).href;
}
