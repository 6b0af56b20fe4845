// How a run ends: by itself, by an error, or not at all because another process has it.
import type { TransactionSql } from "postgres";
import { appendAudit } from "../audit/append.ts";
import type { Run, RunState } from "../db/schema.ts";
import { type Desks, systemActor } from "../desk.ts";
import { foldTotals } from "../discrepancies/totals.ts";
import { DriftdeskError } from "../errors.ts";
import type { Begin } from "./lease.ts";
import { getRun, type RunView } from "./runs.ts";
import { dropForgottenStagingTables } from "./staging.ts";

export async function finishRun(desk: Desks, run: Run, begin: Begin): Promise<void> {
  const ended = (await getRun(desk.sql, run.id)) as RunView;
  const states = ended.resources.map((resource) => resource.state);
  const state: RunState = states.includes("suspicious")
    ? "suspicious"
    : states.every((one) => one === "failed")
      ? "failed"
      : states.some((one) => one === "incomplete" || one === "failed")
        ? "incomplete"
        : "succeeded";
  const message =
    ended.resources.flatMap((r) => (r.message ? [`${r.resource}: ${r.message}`] : [])).join(" ") ||
    ended.message;
  await end(desk, run, { state, message, code: null }, begin);
}

export async function failRun(desk: Desks, run: Run, error: unknown, begin: Begin): Promise<void> {
  const known = error instanceof DriftdeskError;
  // What nobody foresaw may carry a connection string or a key: its text goes to the log, not to the page.
  const message = known
    ? error.message
    : `Something unexpected stopped the run (${error instanceof Error ? error.name : "unknown"}). The log has the details.`;
  await end(desk, run, { state: "failed", message, code: known ? error.code : "unexpected" }, begin);
  if (!known) desk.log.error({ err: error, run: run.id }, "run failed");
}

/** For a run that this process could not even begin: it is not ended when another process works on it. */
export const unlessAnotherHasIt =
  (desk: Desks, run: Run): Begin =>
  <T>(work: (tx: TransactionSql) => Promise<T>) =>
    desk.sql.begin(async (tx) => {
      await tx`SELECT FROM driftdesk.runs WHERE id = ${run.id} FOR UPDATE`;
      const held = await tx`
        SELECT FROM driftdesk.leases WHERE run_id = ${run.id} AND expires_at > clock_timestamp()`;
      if (held.length > 0)
        throw new DriftdeskError("run_busy", "Another process works on this run right now.", { status: 409 });
      return work(tx);
    }) as Promise<T>;

async function end(
  desk: Desks,
  run: Run,
  result: { state: RunState; message: string | null; code: string | null },
  begin: Begin,
): Promise<void> {
  const now = desk.now();
  await begin(async (tx) => {
    // A cancelled run stays cancelled, whatever its process met on the way out.
    const [ended] = await tx<{ accountId: string | null }[]>`
      UPDATE driftdesk.runs
      SET state = ${result.state}, message = ${result.message}, error_code = ${result.code}, step = NULL, finished_at = ${now}
      WHERE id = ${run.id} AND state IN ('queued', 'running')
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
  });
  await dropForgottenStagingTables(desk.sql);
  await foldTotals(desk.sql);
}
