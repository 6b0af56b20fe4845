// One run of the mode named first over the kinds named then, in a process of its own, so that its memory is nobody
// else's. Says on one line how it went.
import type { RunMode } from "../lib/db/schema.ts";
import { desksOf, openDesk, systemActor } from "../lib/desk.ts";
import { executeRun } from "../lib/reconcile/run.ts";
import { requestRun } from "../lib/reconcile/runs.ts";

export interface RunReport {
  mode: RunMode;
  state: string;
  message: string | null;
  seconds: number;
  compared: number;
  found: number;
  requests: number;
  rateLimited: number;
  peakBytes: number;
}

const [mode, ...only] = process.argv.slice(2) as [RunMode, ...string[]];
const desk = await openDesk();
const [one] = desksOf(desk);
const { run } = await requestRun(one, { mode, only, trigger: "command", actor: systemActor });
const began = performance.now();
const ended = await executeRun(desk, run.id);
const report: RunReport = {
  mode: ended.mode,
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
