// What a process counts of itself. What stands in the database is not counted here: it is read when somebody asks (desk.ts).
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { loops } from "../health/beats.ts";

// On globalThis: a bundler makes several copies of this module in one process, which is still counted once.
const key = Symbol.for("driftdesk.counters");
const process_ = globalThis as typeof globalThis & { [key]?: ReturnType<typeof make> };
process_[key] ??= make();
const counters = process_[key];

function make() {
  const registry = new Registry();
  const registers = [registry];
  const prefix = "driftdesk_process";
  return {
    registry,
    watched: false,
    requests: new Counter({
      name: `${prefix}_stripe_requests_total`,
      help: "Requests of this process to Stripe, by operation and how they ended.",
      labelNames: ["endpoint", "outcome"] as const,
      registers,
    }),
    refusals: new Counter({
      name: `${prefix}_stripe_refusals_total`,
      help: "Requests of this process that Stripe refused with 429, by the limit that it named.",
      labelNames: ["reason"] as const,
      registers,
    }),
    lookups: new Histogram({
      name: `${prefix}_lookup_duration_seconds`,
      help: "Status lookups in this process, by where their answer came from.",
      labelNames: ["source"] as const,
      buckets: [0.001, 0.005, 0.02, 0.1, 0.3, 1, 3],
      registers,
    }),
    rounds: new Gauge({
      name: `${prefix}_loop_age_seconds`,
      help: "How long ago each loop of the worker in this process last went round.",
      labelNames: ["loop"] as const,
      registers,
      collect() {
        this.reset();
        // Of several with one name the slowest.
        for (const [loop, all] of Map.groupBy(loops(), ({ name }) => name))
          this.set({ loop }, Math.max(...all.map(({ ageMs }) => ageMs)) / 1000);
      },
    }),
  };
}

/** Stripe's own words for its limits; new ones are counted together. */
const knownReasons = [
  "global-rate",
  "global-concurrency",
  "endpoint-rate",
  "endpoint-concurrency",
  "resource-specific",
] as const;

export type RequestOutcome = "answered" | "refused" | "failed";

/** `reason`: of a refused one, Stripe's header. */
export function countRequest(endpoint: string, outcome: RequestOutcome, reason?: string | undefined): void {
  counters.requests.inc({ endpoint, outcome });
  if (outcome !== "refused") return;
  counters.refusals.inc({ reason: knownReasons.find((one) => one === reason) ?? "other" });
}

export function countLookup(source: string, seconds: number): void {
  counters.lookups.observe({ source }, seconds);
}

/** What this process counts, and what Node says of it; that is measured from the first call on. */
export function ownMetrics(): Registry {
  if (!counters.watched) {
    counters.watched = true;
    for (const reason of [...knownReasons, "other"]) counters.refusals.inc({ reason }, 0);
    collectDefaultMetrics({ register: counters.registry });
  }
  return counters.registry;
}
