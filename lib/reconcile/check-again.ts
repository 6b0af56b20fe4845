import { deskOf, knownDesks } from "../accounts/known.ts";
import type { Discrepancy } from "../db/schema.ts";
import type { Actor, Desks } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";
import { whileSomebodyWaits } from "../stripe/priority.ts";
import { executeRun } from "./run.ts";
import { requestRun } from "./runs.ts";

export interface Checked {
  /** Of the difference that was asked about; `unknown` when one side could not be read. */
  outcome: "gone" | "same" | "changed" | "unknown";
  /** Others of the same customer that came up or changed. */
  others: number;
  /** Why it is unknown, for a person. */
  reason: string | null;
}

/** Looks at a difference again, on both sides and now, with everything else that is mapped and belongs to the customer. */
export async function checkAgain(desks: Desks, id: number, actor: Actor): Promise<Checked> {
  const before = await standing(desks, id);
  const desk = deskOf(await knownDesks(desks), before.accountId);
  if (!desk)
    throw new DriftdeskError(
      "account_unknown",
      "The config does not have the account of this difference any more.",
      { status: 409 },
    );
  const run = await whileSomebodyWaits(async () => {
    const request = { mode: "targeted", targets: { discrepancy: id }, trigger: "person", actor } as const;
    return executeRun(desk, (await requestRun(desk, request)).run.id);
  });
  const after = await standing(desks, id);
  const [told] = await desks.sql<{ others: number }[]>`
    SELECT count(DISTINCT discrepancy_id)::int AS others FROM driftdesk.audit_entries
    WHERE run_id = ${run.id} AND discrepancy_id <> ${id}
      AND action IN ('discrepancy.found', 'discrepancy.changed', 'discrepancy.reopened')`;
  const others = told?.others ?? 0;
  if (after.state === "resolved" || after.state === "fixed") return { outcome: "gone", others, reason: null };
  if (after.version !== before.version) return { outcome: "changed", others, reason: null };
  const own = run.resources.find((one) => one.resource === before.resource);
  if (run.state === "failed" || own?.state !== "done")
    return { outcome: "unknown", others, reason: own?.message ?? run.message };
  return { outcome: "same", others, reason: null };
}

async function standing(
  { sql }: Desks,
  id: number,
): Promise<Pick<Discrepancy, "accountId" | "resource" | "state" | "version">> {
  const [row] = await sql<Pick<Discrepancy, "accountId" | "resource" | "state" | "version">[]>`
    SELECT account_id AS "accountId", resource, state, version FROM driftdesk.discrepancies WHERE id = ${id}`;
  if (row) return row;
  throw new DriftdeskError(
    "discrepancy_unknown",
    `There is no difference with the number ${id}. It may be from another database.`,
    { status: 404 },
  );
}
