// One full run over the kinds named, in a process of its own, so that its memory is nobody else's. Says on one line how
// it went.
import { desksOf, openDesk, systemActor } from "../lib/desk.ts";
import { executeRun } from "../lib/reconcile/run.ts";
import { requestRun } from "../lib/reconcile/runs.ts";

export interface RunReport {
  state: string;
  message: string | null;
  seconds: number;
  compared: number;
  found: number;
  requests: number;
  rateLimited: number;
  peakBytes: number;
}

const only = process.argv.slice(2);
const desk = await openDesk();
const [one] = desksOf(desk);
const { run } = await requestRun(one, { mode: "full", only, trigger: "command", actor: systemActor });
const began = performance.now();
const ended = await executeRun(desk, run.id);
const report: RunReport = {
  state: ended.state,
  message: ended.message,
  seconds: (performance.now() - began) / 1_000,
  compared: ended.resources.reduce((sum, resource) => sum + resource.compared, 0),
  found: ended.resources.reduce(
    (sum, { mismatch, missingLocal, missingInStripe, duplicate }) =>
      sum + mismatch + missingLocal + missingInStripe + duplicate,
    0,
  ),
  ...one.stripe.counts,
  peakBytes: process.resourceUsage().maxRSS * 1_024,
};
await desk.close();
process.stdout.write(`${JSON.stringify(report)}\n`);
