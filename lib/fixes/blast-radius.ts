// The guard around policies: a wrong key, a wrong mode or a wrong mapping must never rewrite a table. Why the numbers are
// what they are is in docs/decisions/0032-held-back.md.
import type { TransactionSql } from "postgres";
import type { Config } from "../config/resource.ts";
import { count, plural } from "../count.ts";
import type { Run, RunResource } from "../db/schema.ts";

export interface Judged extends Pick<RunResource, "runId" | "resource" | "state" | "scope"> {
  config: Config;
  accountId: string;
  accountName: Run["accountName"];
  /** Open differences that would be corrected by themselves, whichever run found them. */
  due: number;
  /** All open differences. */
  open: number;
}

/** Why nothing of a resource may be corrected by itself, in words; null when it may be. */
export async function whyHeldBack(tx: TransactionSql, judged: Judged): Promise<string | null> {
  return (
    (await whyNotBelieved(tx, judged)) ??
    (await whyAnotherAccount(tx, judged)) ??
    overLimit(judged, await pairedOf(tx, judged)) ??
    (await whyUnusual(tx, judged))
  );
}

/** What is not believed of one resource may be wrong with the key, and then with all. */
async function whyNotBelieved(tx: TransactionSql, judged: Judged): Promise<string | null> {
  if (judged.state === "suspicious") return "The run did not believe what it saw there.";
  if (judged.state !== "done") return "Not everything could be read, so it is not known how much is wrong.";
  const doubted = await tx<{ resource: string }[]>`
    SELECT resource FROM driftdesk.run_resources
    WHERE run_id = ${judged.runId} AND state = 'suspicious' ORDER BY resource`;
  if (doubted.length === 0) return null;
  return `The run did not believe what it saw of ${doubted.map((one) => one.resource).join(", ")}: the key may be a wrong one.`;
}

/** Without a pin any key is taken. One of another account than before is meant, or it is not: a person has to say. */
async function whyAnotherAccount(tx: TransactionSql, judged: Judged): Promise<string | null> {
  const { account } = judged.config;
  if (account.id !== undefined) return null;
  const [before] = await tx<{ id: string }[]>`
    SELECT account_id AS id FROM driftdesk.runs
    WHERE account_name IS NOT DISTINCT FROM ${judged.accountName} AND account_id <> ${judged.accountId}
      AND state IN ('succeeded', 'incomplete', 'suspicious')
    ORDER BY id DESC LIMIT 1`;
  if (!before) return null;
  const setting = account.name === null ? "account.id" : `accounts.${account.name}.id`;
  return `Earlier runs compared ${before.id}, this one ${judged.accountId}. If that is meant, set ${setting} in the config.`;
}

/** Local rows that have their object in Stripe, by the last run that read everything; null when none has, by this mapping. */
async function pairedOf(tx: TransactionSql, judged: Judged): Promise<number | null> {
  const { runId, accountId, resource, scope } = judged;
  // A run that reads what changed reads everything where the mapping has changed; one that is told what to look at does not.
  if (scope === "targets") {
    const [same] = await tx`
      SELECT FROM driftdesk.scopes s JOIN driftdesk.cursors c USING (resource, mapping)
      WHERE s.run_id = ${runId} AND s.resource = ${resource} AND c.account_id = ${accountId}`;
    if (!same) return null;
  }
  const [full] = await tx<{ paired: number | null }[]>`
    SELECT s.paired FROM driftdesk.run_resources s JOIN driftdesk.runs r ON r.id = s.run_id
    WHERE s.run_id <= ${runId} AND s.resource = ${resource} AND s.scope = 'full' AND s.state = 'done'
      AND r.account_id = ${accountId}
    ORDER BY s.run_id DESC LIMIT 1`;
  return full?.paired ?? null;
}

function overLimit({ due, config }: Judged, paired: number | null): string | null {
  if (paired === null) return "No run has read everything by this mapping yet; a full run does.";
  if (paired === 0)
    return "No local record was found in Stripe: the key, its mode or the mapping may be wrong.";
  const limit = config.fixes.autoLimit;
  const most = mostAtOnce(limit, paired);
  if (due <= most) return null;
  const wanted = `${plural(due, "record")} would be corrected`;
  if (limit.rows <= most) return `${wanted}, and the limit is ${count(limit.rows)}.`;
  return `${wanted} of ${count(paired)} that are in Stripe, and the limit is ${count(most)}.`;
}

/** A small table has no two percent: in one of 50 rows five may be corrected, in one of 10 one. */
const few = { rows: 5, share: 0.1 };

/** How many rows of a resource may be corrected by themselves. */
export function mostAtOnce(limit: { rows: number; share: number }, paired: number): number {
  const some = limit.share > 0 ? Math.min(few.rows, few.share * paired) : 0;
  return Math.min(limit.rows, Math.floor(Math.max(limit.share * paired, some)));
}

const unusual = { above: 50, times: 5, runs: 10, atLeast: 3 };

/** Far more than there used to be is a change of something else than single records. */
async function whyUnusual(tx: TransactionSql, judged: Judged): Promise<string | null> {
  const { runId, accountId, resource, open } = judged;
  if (open <= unusual.above) return null;
  const [before] = await tx<{ runs: number; median: number }[]>`
    SELECT count(*)::int AS runs, percentile_disc(0.5) WITHIN GROUP (ORDER BY open)::int AS median
    FROM (
      SELECT s.open FROM driftdesk.run_resources s JOIN driftdesk.runs r ON r.id = s.run_id
      WHERE s.run_id < ${runId} AND s.resource = ${resource} AND r.account_id = ${accountId}
        AND s.state = 'done' AND s.open IS NOT NULL AND r.mode <> 'targeted'
        -- What was held back is not usual for having lasted.
        AND s.held_back IS NULL
      ORDER BY s.run_id DESC LIMIT ${unusual.runs}
    ) last`;
  if (!before || before.runs < unusual.atLeast || open <= unusual.times * before.median) return null;
  return `${count(open)} differences are open, and ${count(before.median)} are usual.`;
}
