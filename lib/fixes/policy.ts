// What nobody has to decide about: at the end of a run it is applied in the policy's name, by an action like a person's,
// or held back for people as a whole.
import { setTimeout as wait } from "node:timers/promises";
import type { Fragment, TransactionSql } from "postgres";
import { type KnownDesk, knownDesks } from "../accounts/known.ts";
import { appendAudit } from "../audit/append.ts";
import { automaticColumns, isAutomatic, reviewedOnInsert } from "../config/policy.ts";
import type { Resource } from "../config/resource.ts";
import { endedResourceStates, type Run, type RunResource } from "../db/schema.ts";
import { transaction } from "../db/transaction.ts";
import { type Desk, policyActor } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";
import { importOf } from "../reconcile/word.ts";
import { whyHeldBack } from "./blast-radius.ts";
import { createBulk } from "./bulk.ts";
import { executeBulk } from "./execute.ts";
import { whyNot } from "./plan.ts";

export interface PolicyOptions {
  signal: AbortSignal;
  /** Leave what another process carries out to it, instead of waiting for its end. */
  onlyHelp: boolean;
}

/** How soon a process looks again at an action that another one carries out. */
const lookAgainMs = 500;

/**
 * Decides about each resource of a run that has recorded all of them, once, and carries out what was decided. Killed
 * anywhere and called again, it goes on. Answers whether everything is over.
 */
export async function applyPolicies(
  desk: Desk,
  run: Run,
  { signal, onlyHelp }: PolicyOptions,
): Promise<boolean> {
  const resources = await desk.sql<Pick<RunResource, "resource" | "state">[]>`
    SELECT resource, state FROM driftdesk.run_resources WHERE run_id = ${run.id} ORDER BY resource`;
  if (!resources.every(({ state }) => endedResourceStates.includes(state))) return false;
  // Nothing is corrected by itself on a file's word alone.
  if (importOf(run) !== null) return true;
  const known = await knownDesks(desk);
  for (const { resource } of resources) {
    signal.throwIfAborted();
    await decideOnce({ desk, known, run }, resource);
  }
  const actions = await desk.sql<{ id: number }[]>`
    SELECT id FROM driftdesk.bulk_actions WHERE run_id = ${run.id} ORDER BY id`;
  for (const { id } of actions)
    while ((await executeBulk(desk, id)).state === "running") {
      if (onlyHelp) return false;
      await wait(lookAgainMs, undefined, { signal }).catch(() => {});
      signal.throwIfAborted();
    }
  return true;
}

interface Deciding {
  desk: Desk;
  known: readonly KnownDesk[];
  run: Run;
}

type Standing = Pick<RunResource, "state" | "scope"> &
  Pick<Run, "accountName"> & { open: number | null; accountId: string };

/** The decision and what follows from it are committed together: it is never made again, by other numbers. */
async function decideOnce(deciding: Deciding, name: string): Promise<void> {
  const { desk, run } = deciding;
  await transaction(desk.sql, async (tx) => {
    const [standing] = await tx<Standing[]>`
      SELECT s.state, s.scope, s.open, r.account_id AS "accountId", r.account_name AS "accountName"
      FROM driftdesk.run_resources s JOIN driftdesk.runs r ON r.id = s.run_id
      WHERE s.run_id = ${run.id} AND s.resource = ${name} AND r.state = 'running'
      FOR NO KEY UPDATE OF s`;
    if (!standing) throw new DriftdeskError("run_cancelled", "The run was stopped.");
    if (standing.open !== null) return;
    const open = await countOpen(tx, standing.accountId, name);
    await tx`
      UPDATE driftdesk.run_resources SET open = ${open} WHERE run_id = ${run.id} AND resource = ${name}`;
    const resource = desk.config.resources.find((one) => one.name === name);
    if (!resource || standing.state === "failed" || !isAutomatic(resource)) return;
    const due = dueOf(tx, deciding, resource, standing.accountId);
    const [counted] = await tx<{ all: number; own: number }[]>`
      SELECT count(*)::int AS all, count(*) FILTER (WHERE d.run_id = ${run.id})::int AS own ${due}`;
    const { all, own } = counted ?? { all: 0, own: 0 };
    if (all === 0) return;
    const judged = { ...standing, runId: run.id, resource: name, config: desk.config, due: all, open };
    const why = await whyHeldBack(tx, judged);
    if (why !== null) await holdBack(tx, deciding, { ...standing, name, why, all, own });
    else if (own > 0) await apply(tx, deciding, resource, due);
  });
}

async function countOpen(tx: TransactionSql, accountId: string, resource: string): Promise<number> {
  const [sum] = await tx<{ open: number }[]>`
    SELECT coalesce(sum(rows), 0)::bigint AS open FROM driftdesk.discrepancy_totals
    WHERE account_id = ${accountId} AND resource = ${resource} AND state = 'open'`;
  return sum?.open ?? 0;
}

/**
 * FROM and WHERE of what is corrected by itself: open differences `d` of which everything that would be written is
 * `auto`. What a person decided otherwise, has in hand or has undone is theirs.
 */
function dueOf(tx: TransactionSql, { known }: Deciding, resource: Resource, accountId: string): Fragment {
  const reviewed = reviewedOnInsert(resource);
  const inserts =
    reviewed === null
      ? tx`false`
      : tx`NOT EXISTS (SELECT FROM jsonb_object_keys(d.expected) c WHERE c = ANY (${reviewed}::text[]))`;
  return tx`
    FROM driftdesk.discrepancies d
    WHERE d.account_id = ${accountId} AND d.resource = ${resource.name} AND d.state = 'open'
      AND d.reverted_at IS NULL AND d.import_id IS NULL
      AND NOT EXISTS (SELECT FROM driftdesk.bulk_actions b WHERE b.id = d.bulk_id AND b.state IN ('waiting', 'running'))
      AND CASE d.kind
        WHEN 'missing_local' THEN ${inserts}
        ELSE NOT EXISTS (
          SELECT FROM jsonb_array_elements(d.fields) f
          WHERE f ->> 'name' <> ALL (${automaticColumns(resource)}::text[])) END
      AND ${whyNot(tx, known)} IS NULL`;
}

interface HeldBack extends Standing {
  name: string;
  why: string;
  all: number;
  own: number;
}

/** Everything waits for a person. Whoever is to be told of it is told from here. */
async function holdBack(tx: TransactionSql, { desk, run }: Deciding, held: HeldBack): Promise<void> {
  await tx`
    UPDATE driftdesk.run_resources SET held_back = ${held.why} WHERE run_id = ${run.id} AND resource = ${held.name}`;
  // A run that found none of it tells nothing new.
  if (held.own === 0) return;
  const entry = {
    actor: policyActor.email,
    action: "policy.held_back" as const,
    account_id: held.accountId,
    resource: held.name,
    run_id: run.id,
    data: { message: held.why, total: held.all },
  };
  await appendAudit(tx, [entry], desk.now());
}

/** Asks for the action that corrects what this run saw. */
async function apply(
  tx: TransactionSql,
  { desk, known, run }: Deciding,
  resource: Resource,
  due: Fragment,
): Promise<void> {
  const rows = await tx<{ id: number; version: number; columns: string[] }[]>`
    SELECT d.id, d.version,
           CASE d.kind WHEN 'missing_local' THEN ARRAY(SELECT jsonb_object_keys(d.expected))
                       ELSE ARRAY(SELECT f ->> 'name' FROM jsonb_array_elements(d.fields) f) END AS columns
    ${due} AND d.run_id = ${run.id}
    ORDER BY d.id FOR NO KEY UPDATE OF d`;
  if (rows.length === 0) return;
  const written = [...new Set(rows.flatMap((row) => row.columns))].sort();
  const request = {
    kind: "apply" as const,
    selection: { ids: rows.map(({ id, version }) => ({ id, version })) },
    reason: `policy of ${writtenWords(resource, written)}, run ${run.id}`,
    requestKey: `policy of ${resource.name}, run ${run.id}`,
    runId: run.id,
  };
  await createBulk(tx, { desk, known, request, actor: policyActor });
}

/** It stands behind each of its entries: many columns are not named one by one. */
const writtenWords = ({ name }: Resource, columns: readonly string[]) =>
  columns.length > 2 ? name : columns.map((column) => `${name}.${column}`).join(" and ");
