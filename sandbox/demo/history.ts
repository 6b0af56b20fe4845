// The morning before the demonstration, so that no page begins empty: runs, and what people decided about what they
// found. Made by the same functions that the desk's buttons call, under a clock that is set back.
import { randomUUID } from "node:crypto";
import { type Actor, type Desk, systemActor } from "../../lib/desk.ts";
import { lookAtPipeline } from "../../lib/diagnose/pipeline.ts";
import { type BulkRequest, requestBulk } from "../../lib/fixes/bulk.ts";
import { executeBulk } from "../../lib/fixes/execute.ts";
import { approveBulk } from "../../lib/fixes/second-person.ts";
import { executeRun } from "../../lib/reconcile/run.ts";
import { requestRun } from "../../lib/reconcile/runs.ts";
import { admin, finance, secondFinance, support } from "./people.ts";

/** Answers false when there was a run already. `now` is when the demonstration began. */
export async function makeHistory(desk: Desk, now: Date): Promise<boolean> {
  const [runs] = await desk.sql<{ any: boolean }[]>`SELECT EXISTS (SELECT FROM driftdesk.runs) AS any`;
  if (runs?.any) return false;
  const startedMs = Date.now();
  /** The same desk so many minutes earlier, its clock running. */
  const earlier = (minutes: number): Desk => ({
    ...desk,
    now: () => new Date(now.getTime() - minutes * 60_000 + (Date.now() - startedMs)),
  });

  await reconcile(earlier(172), systemActor);
  await decide(earlier(161), finance, {
    kind: "apply",
    reason: "Paid, and locked out since last night's outage.",
    selection: await some(desk, { impact: "paid_no_access", resource: "subscriptions", limit: 5 }),
  });
  await decide(earlier(158), finance, {
    kind: "apply",
    reason: "Checked against the bank statement.",
    selection: await some(desk, { impact: "money", resource: "invoices", limit: 2 }),
    agreed: { by: secondFinance, desk: earlier(154) },
  });
  for (const [minutes, resource, reason] of [
    [149, "subscriptions", "Agreed with the customer: the new address counts, and Stripe gets it next week."],
    [147, "users", "Told by sales: the plan was promised by contract."],
  ] as const)
    await decide(earlier(minutes), support, {
      kind: "reject",
      reason,
      selection: await some(desk, { impact: "other", resource, limit: 1 }),
    });
  await decide(earlier(146), support, {
    kind: "snooze",
    reason: "The customer is on the phone with their bank.",
    until: new Date(now.getTime() + 2 * 86_400_000),
    selection: await some(desk, { impact: "access_no_pay", resource: "users", limit: 1 }),
  });
  await decide(earlier(103), admin, {
    kind: "apply",
    reason: "Left over from the outage.",
    selection: await some(desk, { impact: "access_no_pay", resource: "subscriptions", limit: 3 }),
  });
  await reconcile(earlier(92), systemActor);
  await reconcile(earlier(32), admin);
  await lookAtPipeline(desk);
  return true;
}

async function reconcile(desk: Desk, actor: Actor): Promise<void> {
  const trigger = actor === systemActor ? "schedule" : "person";
  const { run } = await requestRun(desk, { mode: "full", trigger, actor });
  await executeRun(desk, run.id);
}

type Ids = { id: number; version: number }[];
type Decision = BulkRequest extends infer R ? (R extends BulkRequest ? Omit<R, "requestKey"> : never) : never;
/** The second person, where it takes one, and their own time. */
interface Agreed {
  by: Actor;
  desk: Desk;
}

async function decide(desk: Desk, actor: Actor, given: Decision & { agreed?: Agreed }): Promise<void> {
  const { agreed, ...decision } = given;
  if ("ids" in decision.selection && decision.selection.ids.length === 0) return;
  const bulk = await requestBulk(desk, { ...decision, requestKey: randomUUID() }, actor);
  if (agreed && bulk.state === "waiting") await approveBulk(agreed.desk, bulk.id, agreed.by);
  await executeBulk(agreed?.desk ?? desk, bulk.id);
}

/** Rows that can be decided on, those of the most money first. */
async function some(
  desk: Desk,
  { impact, resource, limit }: { impact: string; resource: string; limit: number },
): Promise<{ ids: Ids }> {
  const rows = await desk.sql<Ids>`
    SELECT id, version FROM driftdesk.discrepancies
    WHERE state = 'open' AND kind = 'mismatch' AND row_error IS NULL AND impact = ${impact} AND resource = ${resource}
    ORDER BY amount_minor DESC, id LIMIT ${limit}`;
  return { ids: [...rows] };
}
