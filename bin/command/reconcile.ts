import { desksNamed } from "../../lib/accounts/known.ts";
import { durationWords, isDuration, milliseconds } from "../../lib/config/duration.ts";
import { type RunState, type Targets, underWayStates } from "../../lib/db/schema.ts";
import { type Desks, openDesk, systemActor } from "../../lib/desk.ts";
import { lookAfterRun } from "../../lib/diagnose/pipeline.ts";
import { DriftdeskError } from "../../lib/errors.ts";
import { followRun } from "../../lib/reconcile/follow.ts";
import { type Rate, timeLeftWords } from "../../lib/reconcile/rate.ts";
import { executeRun } from "../../lib/reconcile/run.ts";
import { listRuns, type RunView, requestRuns, runSummary } from "../../lib/reconcile/runs.ts";
import { whileSomebodyWaits } from "../../lib/stripe/priority.ts";
import { count, note, print } from "./print.ts";

export interface ReconcileOptions {
  full?: boolean;
  since?: string;
  customer?: string;
  id?: string[];
  account?: string;
  only?: string[];
  json?: boolean;
  resume?: boolean;
}

/** A run, to its end, in this process; with several accounts one of each, at the same time. */
export async function reconcile(options: ReconcileOptions): Promise<number> {
  const given = (["full", "since", "customer", "id"] as const).filter((name) => options[name]);
  if (given.length > 1)
    throw new DriftdeskError(
      "options_conflict",
      `${given.map((name) => `--${name}`).join(" and ")} exclude each other: take one of them.`,
    );
  const desks = await openDesk();
  try {
    const ids = await choose(desks, options);
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
    // A run that belongs to another process is no reason to leave the others in the middle.
    const work = () => Promise.allSettled(ids.map((id) => carryOut(desks, id, stop.signal)));
    const ended = await (targetsOf(options) ? whileSomebodyWaits(work) : work());
    const runs: RunView[] = [];
    for (const one of ended) {
      if (one.status === "rejected") throw one.reason;
      for (const line of [...takenAsRead(one.value), ...heldBack(one.value)]) note(line);
      note(ending(one.value));
      await print(options.json ? JSON.stringify(runSummary(one.value)) : table(one.value));
      runs.push(one.value);
    }
    return Math.max(...runs.map((run) => exitCode(run.state)));
  } finally {
    await desks.close();
  }
}

/** Executes a run, with its progress on stderr. */
export async function carryOut(desks: Desks, id: number, signal: AbortSignal): Promise<RunView> {
  const ended = new AbortController();
  const show = progressOf();
  const showing = (async () => {
    const steps = followRun(desks.sql, id, { everyMs: 1_000, signal: ended.signal });
    for await (const step of steps) show(step.run, step.rate);
  })();
  const run = await executeRun(desks, id, { signal }).finally(async () => {
    ended.abort();
    await showing;
  });
  show(run);
  await lookAfterRun(desks, run);
  return run;
}

async function choose(desks: Desks, options: ReconcileOptions): Promise<number[]> {
  const accounts = desksNamed(desks, options.account).map((desk) => desk.config.account.name);
  if (options.resume) {
    const left = (await listRuns(desks.sql, { limit: 20 })).filter(
      (run) => underWayStates.includes(run.state) && accounts.includes(run.accountName),
    );
    for (const run of left) note(`Run ${run.id} goes on, for the ${ordinal(run.attempts + 1)} time.`);
    if (left.length > 0) return left.map((run) => run.id);
    note("No run was left unfinished: a new one starts.");
  }
  const targets = targetsOf(options);
  const requested = await requestRuns(desks, {
    mode: targets ? "targeted" : options.full ? "full" : "incremental",
    targets,
    since: options.since === undefined ? undefined : ago(desks, options.since),
    only: options.only,
    account: options.account,
    trigger: "command",
    actor: systemActor,
  });
  const started = requested.filter((one) => !one.alreadyRunning);
  for (const { run, alreadyRunning } of requested) {
    if (!alreadyRunning) {
      if (run.message) note(run.message);
      continue;
    }
    const underWay = `${named(run)} is under way (${run.state}, asked for by ${run.requestedBy}). Wait for its end; if its process was killed, --resume goes on with it.`;
    if (started.length === 0) throw new DriftdeskError("run_under_way", underWay);
    note(underWay);
  }
  return started.map(({ run }) => run.id);
}

function targetsOf({ customer, id }: ReconcileOptions): Targets | undefined {
  if (id) return { ids: id };
  if (customer === undefined) return undefined;
  return customer.includes("@") ? { email: customer } : { customer };
}

function ago(desks: Desks, age: string): Date {
  if (isDuration(age)) return new Date(desks.now().getTime() - milliseconds(age));
  throw new DriftdeskError("since_invalid", `--since ${age} is no age: ${durationWords}.`, { status: 400 });
}

const named = (run: RunView) => `Run ${run.id}${run.accountName === null ? "" : ` of ${run.accountName}`}`;

/** A line for each resource whose figures changed since the last look, and one for the run's pace. */
function progressOf(): (run: RunView, rate?: Rate) => void {
  const shown = new Map<string, string>();
  return (run, rate) => {
    const of = run.accountName === null ? "" : `${run.accountName} `;
    for (const r of run.resources) {
      const whole = r.state === "fetching" ? r.objectsExpected : null;
      const part = whole === null ? "" : `${r.objects.toLocaleString("en-US")} of `;
      const pages = r.scope === "full" ? ` on ${count(r.pages, "page")}` : "";
      const read = `${part}${count(whole ?? r.objects, "object")}${pages}`;
      const line = `${of}${r.resource}: ${r.state}, ${read}, ${count(r.localRows, "local row")}${r.message ? `. ${r.message}` : ""}`;
      if (shown.get(r.resource) !== line) note(line);
      shown.set(r.resource, line);
    }
    if (!rate || rate.requestsPerSecond === null) return;
    const left = rate.secondsLeft === null ? "" : `, ${timeLeftWords(rate.secondsLeft)}`;
    note(`${of}${count(run.requests, "request")}, ${rate.requestsPerSecond.toFixed(1)} a second${left}`);
  };
}

function ending(run: RunView): string {
  const seconds = runSummary(run).seconds ?? 0;
  const message = run.message ? ` ${run.message}` : "";
  return `${named(run)} ${run.state} after ${seconds.toFixed(1)} s and ${count(run.requests, "request")}.${message}`;
}

/** What the run did not read, and for how long it has not been. */
const takenAsRead = (run: RunView): string[] =>
  run.resources.flatMap(({ resource, settled, settledReadAt }) =>
    settledReadAt === null
      ? []
      : `${resource}: ${count(settled, "settled object")} not read again, the oldest since ${settledReadAt}`,
  );

/** Where nothing was corrected by itself, and why. */
const heldBack = (run: RunView): string[] =>
  run.resources.flatMap(({ resource, heldBack }) =>
    heldBack === null ? [] : `${resource}: nothing was corrected automatically. ${heldBack}`,
  );

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

export function exitCode(state: RunState): number {
  if (state === "succeeded") return 0;
  return state === "incomplete" || state === "suspicious" ? 1 : 2;
}

function ordinal(number: number): string {
  const suffixes: Partial<Record<Intl.LDMLPluralRule, string>> = { one: "st", two: "nd", few: "rd" };
  return `${number}${suffixes[new Intl.PluralRules("en", { type: "ordinal" }).select(number)] ?? "th"}`;
}
