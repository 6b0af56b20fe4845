// What comes of received events: after the grace both sides are looked at, and what still differs gets one targeted run.
import { accountIdOf, otherAccount } from "../accounts/known.ts";
import { type Desk, type Desks, desksOf, systemActor } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";
import { requestRun } from "../reconcile/runs.ts";
import { accountsDue, giveBack, settle, type Taken, type TakenCheck, takeDue, whileTaken } from "./checks.ts";
import { whatDiffers } from "./look.ts";

/** Looks at everything that is due, in whatever process; answers the runs that have to be executed for it. */
export async function checkWebhooks(desks: Desks, signal: AbortSignal): Promise<number[]> {
  const due = new Set(await accountsDue(desks));
  if (due.size === 0) return [];
  const runs: number[] = [];
  for (const desk of desksOf(desks)) {
    if (signal.aborted) break;
    try {
      const accountId = await accountIdOf(desk);
      if (due.has(accountId)) runs.push(...(await checkAccount(desk, accountId, signal)));
    } catch (error) {
      if (signal.aborted) break;
      desk.log.warn(error, "what webhooks named could not be looked at yet");
    }
  }
  return runs;
}

/** Until there is nothing more, or there is something to run for. */
async function checkAccount(desk: Desk, accountId: string, signal: AbortSignal): Promise<number[]> {
  for (;;) {
    const taken = await takeDue(desk, accountId);
    if (taken.checks.length === 0) return [];
    try {
      const run = await whileTaken(desk, taken, () => checkTaken(desk, taken, signal));
      if (run !== null) return [run];
    } catch (error) {
      await giveBack(desk, taken, { later: !signal.aborted });
      throw error;
    }
  }
}

async function checkTaken(desk: Desk, taken: Taken, signal: AbortSignal): Promise<number | null> {
  const other = await otherAccount(desk, taken.accountId);
  if (other !== null) throw new DriftdeskError("account_mismatch", other);
  const differing: TakenCheck[] = [];
  const seen: TakenCheck[] = [];
  let failure: { reason: unknown } | null = null;
  for (const [name, checks] of Map.groupBy(taken.checks, (check) => check.resource)) {
    // Of one that the config no longer has nothing can be said.
    const resource = desk.config.resources.find((one) => one.name === name);
    try {
      if (resource) differing.push(...(await whatDiffers(desk, taken.accountId, resource, checks, signal)));
      seen.push(...checks);
    } catch (error) {
      if (signal.aborted) throw error;
      // What stops one resource says nothing about the others.
      failure ??= { reason: error };
    }
  }
  const run = await conclude(desk, taken, seen, differing);
  if (failure) desk.log.warn(failure.reason, "some of what webhooks named could not be looked at yet");
  await giveBack(desk, taken, { later: true });
  return run;
}

/** Takes what was seen off the queue, together with the run that it led to: never the one without the other. */
async function conclude(
  desk: Desk,
  taken: Taken,
  seen: readonly TakenCheck[],
  differing: readonly TakenCheck[],
): Promise<number | null> {
  if (differing.length === 0) {
    await settle(desk.sql, taken, seen);
    return null;
  }
  const requested = await requestRun(desk, {
    mode: "targeted",
    targets: { ids: [...new Set(differing.map((check) => check.id))] },
    only: [...new Set(differing.map((check) => check.resource))],
    trigger: "webhook",
    actor: systemActor,
    async within(tx) {
      if (await settle(tx, taken, seen)) return;
      throw new DriftdeskError("checks_taken", "Another process has taken over what webhooks named.");
    },
  });
  return requested.run.id;
}
