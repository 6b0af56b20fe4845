import type { RunView } from "./runs.ts";

/** How fast a run goes, and how long it will take; null where nothing sound can be said. */
export interface Rate {
  requestsPerSecond: number | null;
  secondsLeft: number | null;
}

interface Sample {
  at: number;
  requests: number;
  objects: Map<string, number>;
}

/** Rates are those of the last moments: a run that waits for Stripe is not as fast as it was. */
const lookBackMs = 15_000;
const soonestMs = 1_000;
/** The first pages say little about the rest. */
const soonestForecastMs = 4_000;

/** Watches a run as it goes on. Times are milliseconds of any one clock. */
export class RunRate {
  #samples: Sample[] = [];

  add(run: RunView, at: number): Rate {
    const objects = new Map(run.resources.map((resource) => [resource.resource, resource.objects]));
    this.#samples.push({ at, requests: run.requests, objects });
    while ((this.#samples[1]?.at ?? at) <= at - lookBackMs) this.#samples.shift();
    const [first] = this.#samples;
    const ms = at - (first?.at ?? at);
    if (!first || ms < soonestMs || run.state !== "running")
      return { requestsPerSecond: null, secondsLeft: null };
    return {
      requestsPerSecond: ((run.requests - first.requests) / ms) * 1_000,
      secondsLeft: ms < soonestForecastMs ? null : secondsLeft(run, first, ms),
    };
  }
}

/** Of the slowest resource: all are read at the same time. */
function secondsLeft(run: RunView, first: Sample, ms: number): number | null {
  const reading = run.resources.filter((resource) => resource.state === "fetching");
  // What has not begun, and what comes after reading, nobody can tell.
  if (reading.length === 0 || run.resources.some((resource) => resource.state === "waiting")) return null;
  const times = reading.map(({ resource, objects, objectsExpected }) => {
    const before = first.objects.get(resource);
    if (objectsExpected === null || before === undefined || objects <= before) return null;
    return (Math.max(0, objectsExpected - objects) * ms) / (objects - before) / 1_000;
  });
  return times.includes(null) ? null : Math.max(...times.map(Number));
}

/** "about 40 s left": no more exact than it is known. */
export function timeLeftWords(seconds: number): string {
  if (seconds < 10) return "a few seconds left";
  if (seconds < 55) return `about ${Math.ceil(seconds / 10) * 10} s left`;
  const minutes = Math.ceil(seconds / 60);
  if (minutes < 60) return `about ${minutes} min left`;
  const rest = Math.floor((minutes % 60) / 10) * 10;
  return `about ${Math.floor(minutes / 60)} h${rest > 0 ? ` ${rest} min` : ""} left`;
}
