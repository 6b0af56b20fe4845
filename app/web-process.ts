import { getDesk } from "@/app/desk.ts";
import { within } from "@/lib/deadline.ts";
import type { OpenDesk } from "@/lib/desk.ts";
import { DriftdeskError } from "@/lib/errors.ts";
import { beginStopping } from "@/lib/health/beats.ts";
import { startWorker, type Worker } from "@/lib/jobs/worker.ts";
import { redactOutput } from "@/lib/log.ts";
import { nameRequests, type Requests } from "@/lib/request-ids.ts";
import { closeStatuses } from "@/lib/status/statuses.ts";
import type { Collecting } from "@/lib/tracing/collect.ts";
import { flushWebhookCounts } from "@/lib/webhooks/counts.ts";

/** Who stops processes kills them after ten seconds at the earliest. */
const stopWithinMs = 9_000;
const answerWithinMs = 3_000;

/** Opens the desk, so that what is wrong with it is said at the start, and lets go of everything at the end. */
export async function startWeb(collecting: Collecting | null): Promise<void> {
  if (!process.env.NEXTAUTH_URL) {
    // Without a fixed address the one that the browser used is right, e.g. 127.0.0.1 as well as localhost.
    process.env.AUTH_TRUST_HOST ??= "true";
    // An empty variable means "not set"; next-auth would take it for an address and fail on every page.
    delete process.env.NEXTAUTH_URL;
  }
  redactOutput();
  const requests = nameRequests();
  const desk = await getDesk().catch((error) => {
    console.error(error instanceof DriftdeskError ? error.message : error);
    process.exit(2);
  });
  const worker = desk.environment.inlineWorker ? await startWorker(desk) : null;
  let ending = false;
  const end = async () => {
    // A terminal's Ctrl-C arrives twice, from the terminal and from the process that started this one.
    if (ending) return;
    ending = true;
    beginStopping();
    await within(
      stopWithinMs,
      letGo(desk, worker, requests, collecting),
      () => new Error("It took too long"),
    ).catch(
      // What was under way is found by its lease, as after a kill.
      (error) => desk.log.error(error, "the process did not stop in order"),
    );
    process.exit(0);
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => void end());
}

async function letGo(
  desk: OpenDesk,
  worker: Worker | null,
  requests: Requests,
  collecting: Collecting | null,
): Promise<void> {
  // Twice: whoever ends this process for good may not wait for the worker.
  await flushWebhookCounts(desk);
  await Promise.all([worker?.stop(), requests.answered(answerWithinMs)]);
  await flushWebhookCounts(desk);
  await closeStatuses(desk);
  await Promise.all([desk.close(), collecting?.end()]);
}
