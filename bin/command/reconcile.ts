import { setTimeout as wait } from "node:timers/promises";
import type { RunState } from "../../lib/db/schema.ts";
import { type Desk, openDesk, systemActor } from "../../lib/desk.ts";
import { DriftdeskError } from "../../lib/errors.ts";
import { followRun } from "../../lib/reconcile/follow.ts";
import { executeRun } from "../../lib/reconcile/run.ts";
import { listRuns, type RunView, requestRun, runSummary } from "../../lib/reconcile/runs.ts";
import { count, note, print } from "./print.ts";

export interface ReconcileOptions {
  full?: boolean;
  since?: string;
  only?: string[];
  json?: boolean;
  resume?: boolean;
}

/** How long a killed process keeps its resources to itself, and a little more. */
const leasePatienceMs = 20_000;

/** A run, to its end, in this process. */
export async function reconcile(options: ReconcileOptions): Promise<number> {
  if (options.full && options.since)
    throw new DriftdeskError("options_conflict", "--full and --since exclude each other: take one of them.");
  const desk = await openDesk();
  try {
    const id = await choose(desk, options);
    const stop = new AbortController();
    for (const signal of ["SIGINT", "SIGTERM"] as const)
      process.once(signal, () =>
        stop.abort(
          new DriftdeskError(
            "run_superseded",
            "Stopped. `driftdesk reconcile --resume` goes on with this run.",
          ),
        ),
      );
    const ended = new AbortController();
    const show = progressOf();
    const showing = (async () => {
      const steps = followRun(desk.sql, id, { everyMs: 1_000, signal: ended.signal });
      for await (const step of steps) show(step.run);
    })();
    const run = await execute(desk, id, stop.signal).finally(async () => {
      ended.abort();
      await showing;
    });
    show(run);
    note(ending(run));
    await print(options.json ? JSON.stringify(runSummary(run)) : table(run));
    return exitCode(run.state);
  } finally {
    await desk.close();
  }
}

async function choose(desk: Desk, options: ReconcileOptions): Promise<number> {
  if (options.resume) {
    const left = (await listRuns(desk.sql, { limit: 20 })).find((run) =>
      ["queued", "running"].includes(run.state),
    );
    if (left) {
      note(`Run ${left.id} goes on, for the ${ordinal(left.attempts + 1)} time.`);
      return left.id;
    }
    note("No run was left unfinished: a new one starts.");
  }
  const { run, alreadyRunning } = await requestRun(desk, {
    mode: options.since ? "incremental" : "full",
    only: options.only,
    trigger: "command",
    actor: systemActor,
  });
  if (alreadyRunning)
    throw new DriftdeskError(
      "run_under_way",
      `Run ${run.id} is under way (${run.state}, asked for by ${run.requestedBy}). Wait for its end; if its process was killed, --resume goes on with it.`,
    );
  if (run.message) note(run.message);
  return run.id;
}

/** After a kill the dead process's lease has to end first; a live one keeps renewing it. */
async function execute(desk: Desk, id: number, signal: AbortSignal): Promise<RunView> {
  for (const deadline = Date.now() + leasePatienceMs; ; ) {
    try {
      return await executeRun(desk, id, { signal });
    } catch (error) {
      if (!(error instanceof DriftdeskError) || error.code !== "run_busy" || Date.now() > deadline)
        throw error;
      await wait(500, undefined, { signal });
    }
  }
}

/** A line for each resource whose figures changed since the last look. */
function progressOf(): (run: RunView) => void {
  const shown = new Map<string, string>();
  return (run) => {
    for (const r of run.resources) {
      const parts = r.windowsTotal > 0 ? `, ${r.windowsDone} of ${count(r.windowsTotal, "part")}` : "";
      const line = `${r.resource}: ${r.state}${parts}, ${count(r.objects, "Stripe object")}, ${count(r.localRows, "local row")}`;
      if (shown.get(r.resource) !== line) note(line);
      shown.set(r.resource, line);
    }
  };
}

function ending(run: RunView): string {
  const seconds = runSummary(run).seconds ?? 0;
  const message = run.message ? ` ${run.message}` : "";
  return `Run ${run.id} ${run.state} after ${seconds.toFixed(1)} s and ${count(run.requests, "request")}.${message}`;
}

function table(run: RunView): string {
  const rows = run.resources.map((r) => [
    r.resource,
    r.state,
    ...[r.compared, r.mismatch, r.missingLocal, r.missingInStripe, r.duplicate, r.fixed].map((n) =>
      n.toLocaleString("en-US"),
    ),
    r.message ?? "",
  ]);
  const head = [
    "resource",
    "state",
    "compared",
    "mismatch",
    "missing local",
    "missing in Stripe",
    "duplicate",
    "fixed",
    "",
  ];
  const all = [head, ...rows];
  const widths = head.map((_, i) => Math.max(...all.map((row) => (row[i] ?? "").length)));
  return all
    .map((row) =>
      row
        .map((cell, i) => (i >= 2 && i <= 7 ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

function exitCode(state: RunState): number {
  if (state === "succeeded") return 0;
  return state === "incomplete" || state === "suspicious" ? 1 : 2;
}

function ordinal(number: number): string {
  const suffixes: Partial<Record<Intl.LDMLPluralRule, string>> = { one: "st", two: "nd", few: "rd" };
  return `${number}${suffixes[new Intl.PluralRules("en", { type: "ordinal" }).select(number)] ?? "th"}`;
}
