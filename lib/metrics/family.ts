import { type Metric, Registry } from "prom-client";

export type Labels = Readonly<Record<string, string>>;

/** A metric of the whole desk, as it was read just now. */
export interface Family {
  name: string;
  help: string;
  type: "counter" | "gauge" | "histogram";
  values: { labels: Labels; value: number; metricName?: string }[];
}

/** For the library's formatter. */
export function registryOf(families: readonly Family[]): Registry {
  const registry = new Registry();
  for (const family of families)
    registry.registerMetric({ ...family, get: async () => family } as unknown as Metric);
  return registry;
}
