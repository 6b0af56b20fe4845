// Whether events arrive, read top to bottom: take a turn → ask Stripe what it delivered → keep it → judge. Stripe says how
// many endpoints have not taken an event, never which; what that tells about each is in pipeline-whereabouts.ts.
import { randomUUID } from "node:crypto";
import type { Sql } from "postgres";
import { accountIdOf, deskOfRun, otherAccount } from "../accounts/known.ts";
import type { PipelineLook, Run } from "../db/schema.ts";
import { type Desk, type Desks, desksOf } from "../desk.ts";
import { doubtsAbout, judgePipeline } from "./pipeline-judge.ts";
import { measureLags } from "./pipeline-lags.ts";
import { readDeliveries, readDoubt } from "./pipeline-read.ts";
import { keepDeliveries, keepTaken } from "./pipeline-store.ts";
import { takenOf } from "./pipeline-whereabouts.ts";

/** A worker looks so often. A look costs three requests when all is well. */
const everyMs = 10 * 60_000;
/** So soon again when a look had to leave a gap. */
const againMs = 60_000;
/** So soon again after a run. */
const afterRunMs = 5_000;
/** How long a look of a killed process keeps others from looking. */
const leaseMs = 5 * 60_000;

/**
 * Looks at the deliveries of an account, when its time has come and nobody else is at it. Answers whether it did. What it
 * finds is in driftdesk.pipeline_*; that an endpoint broke, or works again, stands in the history, once.
 */
export async function lookAtPipeline(desk: Desk, restMs = everyMs): Promise<boolean> {
  const accountId = await accountIdOf(desk);
  if ((await otherAccount(desk, accountId)) !== null) return false;
  const holder = randomUUID();
  const place = await takeTurn(desk, { accountId, holder, restMs });
  if (!place) return false;
  try {
    const read = await readDeliveries(desk, place);
    if (!(await keepDeliveries(desk, { accountId, holder, read }))) return false;
    await measureLags(desk, accountId, read.delivered);
    for (const doubt of await doubtsAbout(desk, accountId))
      await keepTaken(desk.sql, accountId, takenOf(await readDoubt(desk, doubt), read.endpoints));
    await judgePipeline(desk, accountId);
    return true;
  } finally {
    await leave(desk.sql, accountId, holder);
  }
}

/** After a run that spoke with Stripe, unless somebody has just looked. What goes wrong is no matter of the run. */
export async function lookAfterRun(desks: Desks, run: Run): Promise<void> {
  if (run.mode === "targeted" || !["succeeded", "incomplete", "suspicious"].includes(run.state)) return;
  try {
    await lookAtPipeline(await deskOfRun(desks, run), afterRunMs);
  } catch (error) {
    desks.log.warn(error, "the event pipeline could not be looked at");
  }
}

/** Every account whose turn has come. */
export async function lookAtPipelines(desks: Desks): Promise<void> {
  for (const desk of desksOf(desks))
    await lookAtPipeline(desk).catch((error) =>
      desk.log.warn(error, "the event pipeline could not be looked at"),
    );
}

async function takeTurn(
  { sql, now }: Desk,
  { accountId, holder, restMs }: { accountId: string; holder: string; restMs: number },
): Promise<PipelineLook | null> {
  const before = (ms: number) => new Date(now().getTime() - ms);
  await sql`INSERT INTO driftdesk.pipeline_looks (account_id) VALUES (${accountId}) ON CONFLICT DO NOTHING`;
  const [place] = await sql<PipelineLook[]>`
    UPDATE driftdesk.pipeline_looks
    SET taken_by = ${holder}, taken_until = clock_timestamp() + ${leaseMs} * interval '1 millisecond'
    WHERE account_id = ${accountId} AND (taken_until IS NULL OR taken_until < clock_timestamp())
      AND (at IS NULL OR at <= ${before(restMs)} OR (gap_after IS NOT NULL AND at <= ${before(againMs)}))
    RETURNING account_id AS "accountId", at, taken_by AS "takenBy", taken_until AS "takenUntil",
              listed_to AS "listedTo", gap_after AS "gapAfter", gap_at AS "gapAt", gap_from AS "gapFrom",
              recheck_after AS "recheckAfter", recheck_at AS "recheckAt",
              endpoints_readable AS "endpointsReadable", events_readable AS "eventsReadable", problem`;
  return place ?? null;
}

const leave = (sql: Sql, accountId: string, holder: string) => sql`
  UPDATE driftdesk.pipeline_looks SET taken_by = NULL, taken_until = NULL
  WHERE account_id = ${accountId} AND taken_by = ${holder}`;
