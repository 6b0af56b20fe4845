import { type RunMode, type RunState, runModes, runStates, underWayStates } from "../db/schema.ts";
import type { Family, Labels } from "./family.ts";
import { durationBounds, type RunSums } from "./run-sums.ts";

const ended = runStates.filter((state) => !underWayStates.includes(state));

/** What runs have done, for each account and mode; of those that never were there is a 0, from which a first one is told. */
export function runFamilies({ runs, compared }: RunSums, accounts: readonly string[]): Family[] {
  const names = [...new Set([...accounts, ...runs.map(({ account }) => account)])];
  const groups = names.flatMap((account) =>
    runModes.map((mode) => ({
      labels: { account, mode },
      of: runs.filter((one) => one.account === account && one.mode === mode),
    })),
  );
  const sumOf = (of: RunSums["runs"], figure: "runs" | "requests" | "refusals") =>
    of.reduce((sum, one) => sum + one[figure], 0);
  const each = (figure: "requests" | "refusals") =>
    groups.map(({ labels, of }) => ({ labels, value: sumOf(of, figure) }));
  return [
    {
      name: "driftdesk_runs_total",
      help: "Runs of the whole desk that have ended, by how.",
      type: "counter",
      values: groups.flatMap(({ labels, of }) =>
        ended.map((state) => ({
          labels: { ...labels, state },
          value: sumOf(
            of.filter((one) => one.state === state),
            "runs",
          ),
        })),
      ),
    },
    {
      name: "driftdesk_run_duration_seconds",
      help: "How long runs took, from their first process to their end.",
      type: "histogram",
      values: groups.flatMap(({ labels, of }) => histogram(labels, of)),
    },
    {
      name: "driftdesk_run_last_success_timestamp_seconds",
      help: "When a run last succeeded.",
      type: "gauge",
      values: groups.flatMap(({ labels, of }) =>
        of.filter(({ state }) => state === "succeeded").map(({ endedAt }) => ({ labels, value: endedAt })),
      ),
    },
    {
      name: "driftdesk_run_requests_total",
      help: "Requests to Stripe of runs that have ended, in whatever process.",
      type: "counter",
      values: each("requests"),
    },
    {
      name: "driftdesk_run_refusals_total",
      help: "Requests of runs that Stripe refused with 429.",
      type: "counter",
      values: each("refusals"),
    },
    {
      name: "driftdesk_objects_compared_total",
      help: "Objects and rows that runs have compared.",
      type: "counter",
      values: compared.map(({ account, mode, resource, compared }) => ({
        labels: { account, mode, resource },
        value: compared,
      })),
    },
  ];
}

function histogram(labels: Labels, of: RunSums["runs"]): Family["values"] {
  const name = "driftdesk_run_duration_seconds";
  let sum = 0;
  const buckets = [...durationBounds.map(String), "+Inf"].map((le, i) => {
    sum += of.reduce((all, one) => all + (one.begun[i] ?? 0), 0);
    return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: sum };
  });
  const seconds = of.reduce((all, one) => all + one.seconds, 0);
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: seconds },
    { metricName: `${name}_count`, labels, value: sum },
  ];
}

/** Those that wait or are at it. */
export function underWayFamily(
  rows: { account: string; mode: RunMode; state: RunState; runs: number }[],
): Family {
  return {
    name: "driftdesk_runs_under_way",
    help: "Runs of the whole desk that wait or are under way.",
    type: "gauge",
    values: rows.map(({ runs, ...labels }) => ({ labels, value: runs })),
  };
}
