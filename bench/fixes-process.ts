// Applies everything that is open, as one bulk action, in a process of its own, so that its memory is nobody else's. Says
// on one line how it went.
import { openDesk } from "../lib/desk.ts";
import { discrepancyFilterSchema } from "../lib/discrepancies/filter.ts";
import { requestBulk } from "../lib/fixes/bulk.ts";
import { executeBulk } from "../lib/fixes/execute.ts";

export interface FixesReport {
  applied: number;
  /** From the click to the answer that the action is under way. */
  decided: number;
  /** From there to the end of the action. */
  seconds: number;
  peakBytes: number;
}

const desk = await openDesk();
const began = performance.now();
const bulk = await requestBulk(
  desk,
  {
    kind: "apply",
    selection: { filter: discrepancyFilterSchema.parse({}), seenUntil: new Date() },
    requestKey: `bench ${Date.now()}`,
  },
  { email: "bench@example.com", name: "Bench", role: "finance" },
);
const decidedAt = performance.now();
const ended = await executeBulk(desk, bulk.id);
const report: FixesReport = {
  applied: ended.applied,
  decided: (decidedAt - began) / 1_000,
  seconds: (performance.now() - decidedAt) / 1_000,
  peakBytes: process.resourceUsage().maxRSS * 1_024,
};
await desk.close();
process.stdout.write(`${JSON.stringify(report)}\n`);
