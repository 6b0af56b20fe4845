// GET /api/metrics. Two at once cost one, and none costs more than its deadline.
import { Registry } from "prom-client";
import { Watch } from "../db/watch.ts";
import { within } from "../deadline.ts";
import type { Desks, OpenDesk } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";
import { ownMetrics } from "./counters.ts";
import { deskFamilies } from "./desk-families.ts";
import { registryOf } from "./family.ts";
import { RunMemory } from "./run-sums.ts";

type Scraped = Desks & Pick<OpenDesk, "databaseUrl">;

/** Prometheus waits ten seconds unless it is told otherwise. */
export const scrapeWithinMs = 5_000;

export interface Scrape {
  contentType: string;
  text: string;
}

interface Memory {
  watch: Watch;
  runs: RunMemory;
  underWay: Promise<Scrape> | null;
}

// On globalThis: a bundler makes several copies of this module in one process.
const key = Symbol.for("driftdesk.scrapes");
const process_ = globalThis as typeof globalThis & { [key]?: WeakMap<Scraped, Memory> };
process_[key] ??= new WeakMap();
const memories = process_[key];

/** Everything in Prometheus's text format. Throws `metrics_late` (503) when the database does not answer in time. */
export async function scrape(desk: Scraped): Promise<Scrape> {
  const memory = memories.get(desk) ?? {
    watch: new Watch(desk.databaseUrl, scrapeWithinMs),
    runs: new RunMemory(),
    underWay: null,
  };
  memories.set(desk, memory);
  memory.underWay ??= read(desk, memory).finally(() => {
    memory.underWay = null;
  });
  return memory.underWay;
}

async function read(desk: Scraped, { watch, runs }: Memory): Promise<Scrape> {
  const families = await watch
    .ask((sql) =>
      sql.begin("ISOLATION LEVEL REPEATABLE READ READ ONLY", (tx) => deskFamilies(tx, desk, runs)),
    )
    .catch((error) => {
      desk.log.warn(error, "the metrics could not be read");
      throw late();
    });
  const all = Registry.merge([registryOf(families), ownMetrics()]);
  return { contentType: all.contentType, text: await all.metrics() };
}

/** As `scrape`, with the time that it took to find out who asks. */
export const inScrapeTime = <T>(work: Promise<T>): Promise<T> =>
  within(2 * scrapeWithinMs - 1_000, work, late);

const late = () =>
  new DriftdeskError("metrics_late", "The database did not answer in time. The log says more.", {
    status: 503,
  });
