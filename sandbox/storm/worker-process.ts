// A worker that can be killed: the command's own way, but it misses others sooner.
import { openDesk } from "../../lib/desk.ts";
import { startWorker } from "../../lib/jobs/worker.ts";

await startWorker(await openDesk(), { sweepMs: 300, leaseMs: 1_200 });
