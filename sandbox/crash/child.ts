// A process to be killed: everything is loaded by the time it is needed, and it does what it is told once.
import { setTimeout as wait } from "node:timers/promises";
import { readEnvironment } from "../../lib/config/environment.ts";
import { loadConfig } from "../../lib/config/load.ts";
import { type OpenDesk, openDesk } from "../../lib/desk.ts";
import { DriftdeskError } from "../../lib/errors.ts";
import { executeBulk } from "../../lib/fixes/execute.ts";
import { recoverFixes } from "../../lib/fixes/recover.ts";
import { executeRun } from "../../lib/reconcile/run.ts";
import type { Order, Report } from "./children.ts";

process.on("message", async (order: Order) => {
  const report = (said: Report) => process.send?.(said);
  try {
    await carryOut(order);
    report({ error: null });
  } catch (error) {
    report({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
});
// Its parent is gone.
process.on("disconnect", () => process.exit());
process.send?.({ error: null } satisfies Report);

async function carryOut({ variables, now, task }: Order): Promise<void> {
  const environment = readEnvironment(variables);
  const config = await loadConfig(environment.configFile);
  const desk = await openDesk({ environment, config, now: () => new Date(now) });
  try {
    if (task.what === "carry out") await executeBulk(desk, task.bulk);
    if (task.what === "run") await bringToEnd(desk, task.run);
    // What a killed process had locked is free a moment after it.
    if (task.what === "recover") for (let left = 1; left > 0; ) left = await recoverFixes(desk);
  } finally {
    await desk.close();
  }
}

/** As a worker does. A killed one's lease has to end first. */
async function bringToEnd(desk: OpenDesk, run: number): Promise<void> {
  for (;;) {
    await recoverFixes(desk);
    try {
      await executeRun(desk, run, { leaseMs: 400 });
      return;
    } catch (error) {
      if (!(error instanceof DriftdeskError) || !["run_busy", "run_superseded"].includes(error.code))
        throw error;
    }
    await wait(20);
  }
}
