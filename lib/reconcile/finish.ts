// How a run ends: by itself, by an error, or not at all because another process has it.
import type { TransactionSql } from "postgres";
import { appendAudit } from "../audit/append.ts";
import {
  endedResourceStates,
  listed,
  type Run,
  type RunMode,
  type RunResource,
  type RunState,
  underWayStates,
} from "../db/schema.ts";
import { type Desks, systemActor } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";
import type { Begin } from "./lease.ts";

/** Ends a run whose resources have all come to their end, in whatever process; nothing otherwise. */
export async function finishRun(desk: Desks, run: Run): Promise<void> {
  await desk.sql.begin(async (tx) => {
    const [open] = await tx<Pick<Run, "mode" | "message">[]>`
      SELECT mode, message FROM driftdesk.runs WHERE id = ${run.id} AND state = 'running' FOR NO KEY UPDATE`;
    if (!open) return;
    const resources = await tx<Ended[]>`
      SELECT resource AS name, state, message, scope FROM driftdesk.run_resources
      WHERE run_id = ${run.id} ORDER BY resource`;
    const states = resources.map((resource) => resource.state);
    if (!states.every((one) => endedResourceStates.includes(one))) return;
    const state: RunState = states.includes("suspicious")
      ? "suspicious"
      : states.every((one) => one === "failed")
        ? "failed"
        : states.some((one) => one === "incomplete" || one === "failed")
          ? "incomplete"
          : "succeeded";
    const message = messageOf(resources) ?? open.message;
    await end(tx, desk, run, { state, message, code: null, mode: modeOf(open.mode, resources) });
  });
}

interface Ended extends Pick<RunResource, "state" | "message" | "scope"> {
  name: string;
}

/** What there is to say about the resources; once, where it is the same about several. */
function messageOf(resources: readonly Ended[]): string | null {
  const sentences = [...Map.groupBy(resources, (resource) => resource.message)].flatMap(([words, about]) =>
    words === null ? [] : [`${about.map(({ name }) => name).join(", ")}: ${words}`],
  );
  return sentences.join(" ") || null;
}

/** A run that was to read what changed, and had to read everything, is a full one. */
function modeOf(mode: RunMode, resources: readonly Ended[]): RunMode {
  const scopes = resources.flatMap(({ scope }) => scope ?? []);
  return scopes.length > 0 && scopes.every((one) => one === "full") ? "full" : mode;
}

export async function failRun(desk: Desks, run: Run, error: unknown, begin: Begin): Promise<void> {
  const known = error instanceof DriftdeskError;
  // What nobody foresaw may carry a connection string or a key: its text goes to the log, not to the page.
  const message = known
    ? error.message
    : `Something unexpected stopped the run (${error instanceof Error ? error.name : "unknown"}). The log has the details.`;
  const code = known ? error.code : "unexpected";
  await begin((tx) => end(tx, desk, run, { state: "failed", message, code, mode: run.mode }));
  if (!known) desk.log.error({ err: error, run: run.id }, "run failed");
}

/** For a run that this process could not even begin: it is not ended when another process works on it. */
export const unlessAnotherHasIt =
  (desk: Desks, run: Run, holder: string): Begin =>
  <T>(work: (tx: TransactionSql) => Promise<T>) =>
    desk.sql.begin(async (tx) => {
      await tx`SELECT FROM driftdesk.runs WHERE id = ${run.id} FOR UPDATE`;
      const held = await tx`
        SELECT FROM driftdesk.leases
        WHERE run_id = ${run.id} AND holder <> ${holder} AND expires_at > clock_timestamp()
        UNION ALL
        SELECT FROM driftdesk.run_processes
        WHERE run_id = ${run.id} AND holder <> ${holder} AND expires_at > clock_timestamp()`;
      if (held.length > 0)
        throw new DriftdeskError("run_busy", "Another process works on this run right now.", { status: 409 });
      return work(tx);
    }) as Promise<T>;

async function end(
  tx: TransactionSql,
  desk: Desks,
  run: Run,
  result: { state: RunState; message: string | null; code: string | null; mode: RunMode },
): Promise<void> {
  const now = desk.now();
  // A cancelled run stays cancelled, whatever its process met on the way out.
  const [ended] = await tx<{ accountId: string | null }[]>`
    UPDATE driftdesk.runs
    SET state = ${result.state}, message = ${result.message}, error_code = ${result.code}, mode = ${result.mode},
        step = NULL, finished_at = ${now}
    WHERE id = ${run.id} AND state IN (${tx.unsafe(listed(underWayStates))})
    RETURNING account_id AS "accountId"`;
  if (!ended) return;
  const entry = {
    actor: systemActor.email,
    action: "run.finished" as const,
    account_id: ended.accountId,
    run_id: run.id,
    data: { state: result.state, message: result.message },
  };
  await appendAudit(tx, [entry], now);
}
