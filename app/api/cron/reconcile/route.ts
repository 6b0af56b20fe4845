import { createHash, timingSafeEqual } from "node:crypto";
import { z } from "zod";
import { answer } from "@/app/api/answer.ts";
import { bearerOf, requireCaller } from "@/app/api/caller.ts";
import { getDesk } from "@/app/desk.ts";
import { isToken } from "@/lib/auth/tokens.ts";
import { runModes } from "@/lib/db/schema.ts";
import { type Actor, systemActor } from "@/lib/desk.ts";
import { DriftdeskError } from "@/lib/errors.ts";
import { enqueueRun } from "@/lib/jobs/enqueue.ts";
import { requestRuns, runSummary } from "@/lib/reconcile/runs.ts";

const bodySchema = z.strictObject({
  mode: z.enum(runModes).exclude(["targeted"]).default("full"),
  only: z.array(z.string().max(200)).min(1).max(100).optional(),
  /** One of several accounts; all of them without it. */
  account: z.string().max(100).optional(),
});

/**
 * Starts a run for whoever knows CRON_SECRET: 202 with the run, 409 with the one under way. Of several accounts each has
 * a run, in `runs`: 409 only when none of them was started.
 */
export function POST(request: Request): Promise<Response> {
  return start(request, () => readJson(request));
}

/**
 * The same for schedulers that can only ask: Vercel's. What would be the body stands in the address. A page that somebody
 * opens cannot start anything by it: no cookie counts here, only the bearer.
 */
export function GET(request: Request): Promise<Response> {
  return start(request, async () => {
    const { only, ...asked } = Object.fromEntries(new URL(request.url).searchParams);
    return { ...asked, ...(only !== undefined && { only: only.split(",") }) };
  });
}

function start(request: Request, given: () => Promise<unknown>): Promise<Response> {
  return answer(async () => {
    const desk = await getDesk();
    const actor = await starterOf(request, desk.environment.cronSecret);
    const body = bodySchema.safeParse(await given());
    if (!body.success) throw new DriftdeskError("body_invalid", z.prettifyError(body.error), { status: 400 });
    const requested = await requestRuns(desk, { ...body.data, trigger: "cron", actor });
    const started = requested.filter((one) => !one.alreadyRunning);
    for (const { run } of started) await enqueueRun(desk, run.id);
    const status = started.length > 0 ? 202 : 409;
    const [one, ...others] = requested.map(({ run, alreadyRunning }) => ({
      ...runSummary(run),
      message: run.message,
      ...(alreadyRunning && { code: "run_under_way" }),
    }));
    return others.length > 0
      ? Response.json({ runs: [one, ...others] }, { status })
      : Response.json(one, { status, headers: { location: `/api/runs/${one?.run}` } });
  });
}

/** Whoever knows CRON_SECRET, or has a token for it. */
async function starterOf(request: Request, secret: string | undefined): Promise<Actor> {
  const given = bearerOf(request) ?? "";
  // The secret first: one that somebody chose may begin as tokens do.
  if (secret !== undefined && isSame(given, secret)) return systemActor;
  if (isToken(given)) return (await requireCaller(request, "runs:start")).actor;
  if (secret === undefined)
    throw new DriftdeskError(
      "cron_disabled",
      "Set CRON_SECRET, or make an API token, to start runs from outside.",
      { status: 404 },
    );
  throw new DriftdeskError(
    "bearer_wrong",
    "The bearer token is missing, or is neither CRON_SECRET nor an API token.",
    { status: 401 },
  );
}

/** By their digests, which are of one length: the comparison takes the same time whatever was given. */
function isSame(given: string, secret: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(secret));
}

async function readJson(request: Request): Promise<unknown> {
  const text = await request.text();
  if (text.trim() === "") return {};
  try {
    return JSON.parse(text);
  } catch {
    throw new DriftdeskError("body_invalid", "The body is not JSON.", { status: 400 });
  }
}
