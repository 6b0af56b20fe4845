import { getDesk } from "@/app/desk.ts";
import { DriftdeskError } from "@/lib/errors.ts";
import { beginStopping } from "@/lib/health/beats.ts";
import { startWorker } from "@/lib/jobs/worker.ts";
import { closeStatuses } from "@/lib/status/statuses.ts";
import { flushWebhookCounts } from "@/lib/webhooks/counts.ts";

/** Opens the desk, so that what is wrong with it is said at the start, and lets go of everything at the end. */
export async function startWeb(): Promise<void> {
  if (!process.env.NEXTAUTH_URL) {
    // Without a fixed address the one that the browser used is right, e.g. 127.0.0.1 as well as localhost.
    process.env.AUTH_TRUST_HOST ??= "true";
    // An empty variable means "not set"; next-auth would take it for an address and fail on every page.
    delete process.env.NEXTAUTH_URL;
  }
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
    // Twice: whoever ends this process for good may not wait for the worker.
    await flushWebhookCounts(desk);
    await worker?.stop().catch((error) => desk.log.error(error, "the worker did not stop in order"));
    await flushWebhookCounts(desk);
    await closeStatuses(desk);
    await desk.close();
    process.exit(0);
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => void end());
}
