import type { Sql, TransactionSql } from "postgres";
import { desksNamed } from "../accounts/known.ts";
import { appendAudit } from "../audit/append.ts";
import { authorise } from "../auth/permissions.ts";
import {
  listed,
  type Run,
  type RunMode,
  type RunResource,
  type RunTrigger,
  type Targets,
  underWayStates,
} from "../db/schema.ts";
import { type Actor, type Desk, type Desks, systemActor } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";
import { targetWords } from "./target-words.ts";
import { resourcesAbout } from "./targeted.ts";

/** As the database writes them in one JSON value: times are ISO texts. */
export type RunResourceView = Omit<RunResource, "settledReadAt"> & { settledReadAt: string | null };
export type RunView = Run & { resources: RunResourceView[] };

export interface RunRequest {
  mode: RunMode;
  /** Names of resources; all of them without it. */
  only?: readonly string[] | undefined;
  /** Of an incremental run: look at everything that changed since then, instead of since the last run. */
  since?: Date | undefined;
  /** Of a targeted run: what it is about. */
  targets?: Targets | undefined;
  trigger: RunTrigger;
  actor: Actor;
  /** What is written together with the run, or not at all. */
  within?: ((tx: TransactionSql, runId: number) => Promise<void>) | undefined;
}

/** A run whose process has not been heard of for this long is taken for dead. */
const silentMs = 60_000;

export interface RequestedRun {
  run: RunView;
  alreadyRunning: boolean;
}

/** Requests a run of one account, or one of each when none is named. */
export async function requestRuns(
  desks: Desks,
  { account, ...request }: RunRequest & { account?: string | undefined },
): Promise<RequestedRun[]> {
  const wanted = desksNamed(desks, account);
  const names = new Set(wanted.flatMap((desk) => desk.config.resources.map((one) => one.name)));
  refuseUnknown(request.only, names);
  const requested: RequestedRun[] = [];
  for (const desk of wanted) {
    const only = request.only?.filter((name) => desk.config.resources.some((one) => one.name === name));
    // An account whose mapping has none of them is not meant.
    if (only?.length !== 0) requested.push(await requestRun(desk, { ...request, only }));
  }
  return requested;
}

function refuseUnknown(only: readonly string[] | undefined, names: ReadonlySet<string>): void {
  const unknown = (only ?? []).filter((name) => !names.has(name));
  if (unknown.length > 0)
    throw new DriftdeskError(
      "resource_unknown",
      `The config has no resource named ${unknown.join(", ")}. It has ${[...names].join(", ")}.`,
      { status: 400 },
    );
}

/**
 * Writes a run down, to be executed; answers the one of the same account that is under way instead when there is one. A
 * targeted run goes on beside any other.
 */
export async function requestRun(desk: Desk, request: RunRequest): Promise<RequestedRun> {
  authorise(request.actor, "run");
  refuseUnknown(request.only, new Set(desk.config.resources.map((one) => one.name)));
  const only = await onlyOf(desk, request);
  const now = desk.now();
  const decided = await desk.sql.begin(async (tx) => {
    const current = request.mode === "targeted" ? null : await underWay(tx, desk, now);
    if (current !== null) return { id: current, alreadyRunning: true };
    const id = await write(tx, desk, { ...request, only }, now);
    return { id, alreadyRunning: false };
  });
  return { run: (await getRun(desk.sql, decided.id)) as RunView, alreadyRunning: decided.alreadyRunning };
}

/** The resources that the run is about; null for all. */
async function onlyOf(
  desk: Desk,
  { mode, only, targets }: RunRequest,
): Promise<readonly string[] | undefined> {
  if (mode !== "targeted") return only;
  if (!targets) throw new Error("A targeted run needs something that it is about");
  const about = await resourcesAbout(desk, targets);
  return only ? about.filter((name) => only.includes(name)) : about;
}

/** The account's run that has not ended. One whose process is dead is given up. */
async function underWay(tx: TransactionSql, desk: Desk, now: Date): Promise<number | null> {
  await tx`SELECT pg_advisory_xact_lock(hashtextextended('driftdesk request run', 0))`;
  const [current] = await tx<{ id: number; silent: boolean }[]>`
    SELECT r.id,
           r.state = 'running' AND coalesce(r.heartbeat_at, r.started_at) < ${new Date(now.getTime() - silentMs)}
           AND NOT EXISTS (
             SELECT FROM driftdesk.leases l WHERE l.run_id = r.id AND l.expires_at > clock_timestamp()) AS silent
    FROM driftdesk.runs r
    WHERE r.state IN (${tx.unsafe(listed(underWayStates))}) AND r.mode <> 'targeted'
      AND r.account_name IS NOT DISTINCT FROM ${desk.config.account.name}
    ORDER BY r.id LIMIT 1`;
  if (!current) return null;
  if (!current.silent) return current.id;
  await giveUp(tx, current.id, now);
  return null;
}

async function write(tx: TransactionSql, desk: Desk, request: RunRequest, now: Date): Promise<number> {
  const { mode, trigger, actor, only, since = null, targets = null } = request;
  const { name: accountName } = desk.config.account;
  const [run] = await tx<{ id: number }[]>`
    INSERT INTO driftdesk.runs
      (account_name, mode, trigger, requested_by, only_resources, requested_at, since, targets)
    VALUES (${accountName}, ${mode}, ${trigger}, ${actor.email}, ${only ? [...only] : null}, ${now}, ${since},
            ${targets && tx.json(targets as never)})
    RETURNING id`;
  const id = run?.id as number;
  // The history last: its end is everybody's, and nothing waits for a lock while it is held.
  await request.within?.(tx, id);
  const data = {
    mode,
    trigger,
    only: only ?? null,
    ...(targets && { about: targetWords(targets) }),
    ...(accountName !== null && { account: accountName }),
  };
  await appendAudit(tx, [{ actor: actor.email, action: "run.requested", run_id: id, data }], now);
  return id;
}

async function giveUp(tx: TransactionSql, id: number, now: Date): Promise<void> {
  const message = "Its process ended without a word. Nothing that it had read was used.";
  await tx`
    UPDATE driftdesk.runs
    SET state = 'failed', error_code = 'run_abandoned', finished_at = ${now}, message = ${message}
    WHERE id = ${id}`;
  const data = { state: "failed", message };
  await appendAudit(tx, [{ actor: systemActor.email, action: "run.finished", run_id: id, data }], now);
}

/** Stops a run that has not ended; its process notices within a second. What it recorded already stays. */
export async function cancelRun(desk: Desks, id: number, actor: Actor): Promise<void> {
  authorise(actor, "run");
  await desk.sql.begin(async (tx) => {
    const rows = await tx`
      UPDATE driftdesk.runs
      SET state = 'cancelled', finished_at = ${desk.now()}, message = ${`Stopped by ${actor.name}.`}
      WHERE id = ${id} AND state IN (${tx.unsafe(listed(underWayStates))}) RETURNING id`;
    if (rows.length > 0)
      await appendAudit(
        tx,
        [{ actor: actor.email, action: "run.finished", run_id: id, data: { state: "cancelled" } }],
        desk.now(),
      );
  });
}

const columns = (sql: Sql) => sql`
  r.id, r.account_id AS "accountId", r.account_name AS "accountName", r.mode, r.trigger, r.requested_by AS "requestedBy",
  r.only_resources AS "onlyResources", r.state, r.step, r.error_code AS "errorCode", r.message, r.requests,
  r.rate_limited AS "rateLimited", r.attempts, r.requested_at AS "requestedAt", r.started_at AS "startedAt",
  r.heartbeat_at AS "heartbeatAt", r.finished_at AS "finishedAt", r.since, r.targets,
  coalesce((
    SELECT jsonb_agg(jsonb_build_object(
      'runId', s.run_id, 'resource', s.resource, 'state', s.state, 'windowsTotal', s.windows_total,
      'windowsDone', s.windows_done, 'objects', s.objects, 'localRows', s.local_rows, 'compared', s.compared,
      'mismatch', s.mismatch, 'missingLocal', s.missing_local, 'missingInStripe', s.missing_in_stripe,
      'duplicate', s.duplicate, 'fixed', s.fixed, 'rowErrors', s.row_errors,
      'settled', s.settled, 'settledReadAt', s.settled_read_at, 'message', s.message, 'pages', s.pages,
      'objectsExpected', s.objects_expected, 'scope', s.scope, 'heldBack', s.held_back) ORDER BY s.resource)
    FROM driftdesk.run_resources s WHERE s.run_id = r.id), '[]') AS resources`;

export async function getRun(sql: Sql, id: number): Promise<RunView | null> {
  const [run] = await sql<RunView[]>`SELECT ${columns(sql)} FROM driftdesk.runs r WHERE r.id = ${id}`;
  return run ?? null;
}

/** An account, where there are several. */
export interface OneOfSeveral {
  name: string | null;
  /** Null before the first run that reached Stripe. */
  id: string | null;
}

/** Whether a run `r` is about an account: also one from before it had its name, and one that has not reached Stripe. */
export const aboutAccount = (sql: Sql, { name, id }: OneOfSeveral) =>
  sql`(r.account_id = ${id}::text OR (r.account_id IS NULL AND r.account_name = ${name}::text))`;

/** Newest first; `before` is the id that the previous page ended with. `whole`: without looks at single records. */
export async function listRuns(
  sql: Sql,
  page: {
    limit: number;
    before?: number | undefined;
    of?: OneOfSeveral | undefined;
    whole?: boolean;
  },
): Promise<RunView[]> {
  return sql<RunView[]>`
    SELECT ${columns(sql)} FROM driftdesk.runs r
    WHERE true ${page.before ? sql`AND r.id < ${page.before}` : sql``}
      ${page.whole ? sql`AND r.mode <> 'targeted'` : sql``}
      ${page.of ? sql`AND ${aboutAccount(sql, page.of)}` : sql``}
    ORDER BY r.id DESC LIMIT ${page.limit}`;
}

/** The line that `reconcile --json` ends with. */
export function runSummary(run: RunView) {
  const seconds =
    run.startedAt && run.finishedAt ? (run.finishedAt.getTime() - run.startedAt.getTime()) / 1000 : null;
  return {
    run: run.id,
    ...(run.accountName !== null && { account: run.accountName }),
    mode: run.mode,
    state: run.state,
    resources: Object.fromEntries(
      run.resources.map((r) => [
        r.resource,
        {
          compared: r.compared,
          mismatch: r.mismatch,
          missing_local: r.missingLocal,
          missing_in_stripe: r.missingInStripe,
          duplicate: r.duplicate,
          fixed: r.fixed,
        },
      ]),
    ),
    requests: run.requests,
    rateLimited: run.rateLimited,
    seconds,
  };
}
