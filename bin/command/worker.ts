import { openDesk } from "../../lib/desk.ts";
import { startWorker } from "../../lib/jobs/worker.ts";
import { collectSpans } from "../../lib/tracing/collect.ts";
import { whenAsked } from "../ending.ts";

/** Works off the queues until it is told to stop; whatever it is at then is free for others at once. */
export async function worker(): Promise<number> {
  const collecting = await collectSpans();
  const desks = await openDesk();
  try {
    const asked = new Promise<NodeJS.Signals>((resolve) => whenAsked(resolve));
    const working = await startWorker(desks);
    desks.log.info("works off the queues");
    const signal = await asked;
    desks.log.info({ signal }, "stops");
    await working.stop();
  } finally {
    await Promise.all([desks.close(), collecting?.end()]);
  }
  // A request that Stripe does not answer would keep the process for as long as it takes.
  setTimeout(() => process.exit(), 500).unref();
  return 0;
}
