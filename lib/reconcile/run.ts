// A run, read top to bottom: plan → fetch → project → stage → compare → confirm → record.
import { randomUUID } from "node:crypto";
import { appendAudit } from "../audit/append.ts";
import type { Resource } from "../config/resource.ts";
import type { Run, RunResourceState, RunState } from "../db/schema.ts";
import { type Desk, systemActor } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";
import { copyAcross } from "../local/copy.ts";
import { confirmCandidates, findCandidates } from "./compare.ts";
import { reaskStripe, rereadLocal } from "./confirm.ts";
import { fetchResource } from "./fetch.ts";
import { takeLease } from "./lease.ts";
import { planResource, prepareStaging, resourcesOf, verifyAccount } from "./plan.ts";
import { watchProgress } from "./progress.ts";
import { recordResource } from "./record.ts";
import { getRun, type RunView } from "./runs.ts";
import { dropForgottenStagingTables, localColumns, localRowsQuery, type Stage } from "./staging.ts";

export interface ExecuteOptions {
  signal?: AbortSignal | undefined;
  /** How long a killed process keeps its resources to itself. */
  leaseMs?: number | undefined;
  /** Windows of one resource that are paged at the same time. */
  parallel?: number | undefined;
}

const over: readonly RunState[] = ["succeeded", "incomplete", "suspicious", "failed", "cancelled"];

/**
 * Executes a run to its end and answers it. Called again on a run whose process was killed, it goes on at the last
 * page of every window. Never throws for what a run can meet: that is the run's state and message; it throws
 * `run_busy` and `run_superseded` when the run belongs to another process.
 */
export async function executeRun(desk: Desk, runId: number, options: ExecuteOptions = {}): Promise<RunView> {
  const begun = await getRun(desk.sql, runId);
  if (!begun) throw new DriftdeskError("run_unknown", `There is no run ${runId}.`, { status: 404 });
  if (over.includes(begun.state)) return begun;
  try {
    const accountId = await verifyAccount(desk);
    await dropForgottenStagingTables(desk.sql);
    const resources = resourcesOf(desk, begun);
    const lease = await takeLease(desk.sql, {
      runId,
      accountId,
      resources: resources.map((resource) => resource.name),
      holder: randomUUID(),
      leaseMs: options.leaseMs ?? 15_000,
    });
    try {
      await start(desk, begun, accountId, resources);
      const progress = watchProgress(desk, begun);
      const stop = new AbortController();
      const signals = [lease.signal, progress.signal, stop.signal, options.signal].filter(
        (signal) => signal !== undefined,
      );
      try {
        const context = {
          desk,
          run: begun,
          accountId,
          signal: AbortSignal.any(signals),
          parallel: options.parallel ?? 12,
        };
        await allOrFirstError(resources, async (resource) => {
          await runResource(context, resource).catch((error) => {
            stop.abort(error);
            throw error;
          });
        });
      } finally {
        await progress.stop();
      }
      await finish(desk, begun);
    } finally {
      await lease.release();
    }
  } catch (error) {
    if (error instanceof DriftdeskError && ["run_busy", "run_superseded"].includes(error.code)) throw error;
    await fail(desk, begun, error);
  }
  return (await getRun(desk.sql, runId)) as RunView;
}

/** Waits for all of them even when one fails: nobody writes any more once this has thrown. */
async function allOrFirstError<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  let first: { reason: unknown } | undefined;
  await Promise.all(items.map((item) => work(item).catch((reason) => (first ??= { reason }))));
  if (first) throw first.reason;
}

async function start(desk: Desk, run: Run, accountId: string, resources: readonly Resource[]): Promise<void> {
  const now = desk.now();
  await desk.sql.begin(async (tx) => {
    await tx`
      UPDATE driftdesk.runs
      SET state = 'running', account_id = ${accountId}, started_at = coalesce(started_at, ${now}),
          heartbeat_at = ${now}, attempts = attempts + 1
      WHERE id = ${run.id}`;
    await tx`
      INSERT INTO driftdesk.run_resources (run_id, resource)
      SELECT ${run.id}, r FROM unnest(${resources.map((resource) => resource.name)}::text[]) AS r
      ON CONFLICT DO NOTHING`;
    const action = "run.started" as const;
    const data = { mode: run.mode, attempt: run.attempts + 1 };
    await appendAudit(
      tx,
      [{ actor: systemActor.email, action, account_id: accountId, run_id: run.id, data }],
      now,
    );
  });
}

interface RunContext {
  desk: Desk;
  run: Run;
  accountId: string;
  signal: AbortSignal;
  parallel: number;
}

async function runResource(context: RunContext, resource: Resource): Promise<void> {
  const { desk, run, signal, parallel } = context;
  const enter = (state: RunResourceState, message: string | null = null) => desk.sql`
    UPDATE driftdesk.run_resources SET state = ${state}, message = ${message}
    WHERE run_id = ${run.id} AND resource = ${resource.name}`;
  const [before] = await desk.sql<{ state: RunResourceState }[]>`
    SELECT state FROM driftdesk.run_resources WHERE run_id = ${run.id} AND resource = ${resource.name}`;
  if (before && ["done", "incomplete", "suspicious", "failed"].includes(before.state)) return;
  try {
    const stage = await planResource(desk.local, run, context.accountId, resource);
    await prepareStaging(desk, stage);

    await enter("fetching");
    await Promise.all([
      fetchResource({ sql: desk.sql, stripe: desk.stripe, signal, parallel }, stage),
      stageLocal(desk, stage),
    ]);

    await enter("comparing");
    await desk.sql.begin((tx) => findCandidates(tx, stage));

    await enter("confirming");
    const seen = await assess(desk, stage);
    const confirming = { sql: desk.sql, local: desk.local, stripe: desk.stripe, signal, parallel };
    await rereadLocal(confirming, stage);
    const unasked = await reaskStripe(confirming, stage, seen.missing);
    await confirmCandidates(desk.sql, stage);

    await enter("recording");
    signal.throwIfAborted();
    await recordResource(desk.sql, stage, {
      now: desk.now(),
      state: seen.state === "done" && unasked > 0 ? "incomplete" : seen.state,
      message:
        seen.message ??
        (unasked > 0 ? `${unasked} records could not be checked a second time at Stripe.` : null),
      missing: seen.missing,
      differences: seen.differences,
    });
  } catch (error) {
    if (!(error instanceof DriftdeskError) || !resourceOnly.has(error.code)) throw error;
    await enter("failed", error.message);
  }
}

/** What stops one resource and says nothing about the others. */
const resourceOnly = new Set(["mapping_broken", "stripe_permission_missing"]);

/** Streams the local rows beside the windows. The marker is in the same transaction: there are all rows or none. */
async function stageLocal(desk: Desk, stage: Stage): Promise<void> {
  const { runId, resource } = stage;
  const [copied] = await desk.sql`
    SELECT rows FROM driftdesk.local_copies WHERE run_id = ${runId} AND resource = ${resource.name}`;
  if (copied) return;
  await desk.sql.begin(async (tx) => {
    await copyAcross(desk.local, localRowsQuery(stage), tx, stage.local, localColumns(stage));
    await tx`
      INSERT INTO driftdesk.local_copies (run_id, resource, rows)
      SELECT ${runId}, ${resource.name}, count(*) FROM ${tx.unsafe(stage.local)}`;
  });
}

interface Assessment {
  state: "done" | "incomplete" | "suspicious";
  message: string | null;
  missing: boolean;
  differences: boolean;
}

/** Decides how much of what was read may be believed. */
async function assess(desk: Desk, stage: Stage): Promise<Assessment> {
  const [windows] = await desk.sql<{ unreadable: number; message: string | null }[]>`
    SELECT count(*)::int AS unreadable, min(message) AS message FROM driftdesk.windows
    WHERE run_id = ${stage.runId} AND resource = ${stage.resource.name} AND state = 'unreadable'`;
  if (windows && windows.unreadable > 0)
    return {
      state: "incomplete",
      message: `${windows.unreadable} ${windows.unreadable === 1 ? "part" : "parts"} of Stripe's list could not be read: ${windows.message} Nothing is reported missing on this account.`,
      missing: false,
      // Which of a customer's several objects counts cannot be told while some are unread.
      differences: stage.resource.match.by === "id",
    };
  const [counts] = await desk.sql.unsafe<
    { local: number; stripe: number; missingLocal: number; missingInStripe: number }[]
  >(`
    SELECT (SELECT count(*)::int FROM ${stage.local}) AS local,
           (SELECT count(*)::int FROM ${stage.expected}) AS stripe,
           count(*) FILTER (WHERE kind = 'missing_local')::int AS "missingLocal",
           count(*) FILTER (WHERE kind = 'missing_in_stripe')::int AS "missingInStripe"
    FROM ${stage.candidates}`);
  const { local, stripe, missingLocal, missingInStripe } = counts ?? {
    local: 0,
    stripe: 0,
    missingLocal: 0,
    missingInStripe: 0,
  };
  const missing = missingLocal + missingInStripe;
  if (missing > 100 && missing > 0.05 * Math.max(local, stripe))
    return {
      state: "suspicious",
      message: `Stripe has ${stripe} and the table ${local}; ${missingInStripe} rows are not in Stripe and ${missingLocal} objects have no row. So many at once are more likely a wrong key, filter or mapping than drift: none of them is reported. Run \`driftdesk check\`.`,
      missing: false,
      differences: true,
    };
  return { state: "done", message: null, missing: true, differences: true };
}

async function finish(desk: Desk, run: Run): Promise<void> {
  const ended = (await getRun(desk.sql, run.id)) as RunView;
  const states = ended.resources.map((resource) => resource.state);
  const state: RunState = states.includes("suspicious")
    ? "suspicious"
    : states.length > 0 && states.every((one) => one === "failed")
      ? "failed"
      : states.some((one) => one === "incomplete" || one === "failed")
        ? "incomplete"
        : "succeeded";
  const message =
    ended.resources.flatMap((r) => (r.message ? [`${r.resource}: ${r.message}`] : [])).join(" ") ||
    ended.message;
  await end(desk, run, { state, message, code: null });
}

async function fail(desk: Desk, run: Run, error: unknown): Promise<void> {
  const known = error instanceof DriftdeskError;
  // What nobody foresaw may carry a connection string or a key: its text goes to the log, not to the page.
  const message = known
    ? error.message
    : `Something unexpected stopped the run (${error instanceof Error ? error.name : "unknown"}). The log has the details.`;
  await end(desk, run, { state: "failed", message, code: known ? error.code : "unexpected" });
  if (!known) desk.log.error({ err: error, run: run.id }, "run failed");
}

async function end(
  desk: Desk,
  run: Run,
  result: { state: RunState; message: string | null; code: string | null },
): Promise<void> {
  const now = desk.now();
  await desk.sql.begin(async (tx) => {
    // A cancelled run stays cancelled, whatever its process met on the way out.
    const rows = await tx`
      UPDATE driftdesk.runs
      SET state = ${result.state}, message = ${result.message}, error_code = ${result.code}, step = NULL, finished_at = ${now}
      WHERE id = ${run.id} AND state IN ('queued', 'running')
      RETURNING account_id`;
    await tx`DELETE FROM driftdesk.windows WHERE run_id = ${run.id}`;
    await tx`DELETE FROM driftdesk.local_copies WHERE run_id = ${run.id}`;
    if (rows.length === 0) return;
    const data = { state: result.state, message: result.message };
    const entry = {
      actor: systemActor.email,
      action: "run.finished" as const,
      account_id: rows[0]?.account_id,
      run_id: run.id,
      data,
    };
    await appendAudit(tx, [entry], now);
  });
  await dropForgottenStagingTables(desk.sql);
}
