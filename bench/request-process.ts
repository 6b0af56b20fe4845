// Asks for a full run of every account, and leaves it to the workers.
import { openDesk, systemActor } from "../lib/desk.ts";
import { enqueueRun } from "../lib/jobs/enqueue.ts";
import { closeQueues } from "../lib/jobs/queues.ts";
import { requestRuns } from "../lib/reconcile/runs.ts";

const desks = await openDesk();
const requested = await requestRuns(desks, { mode: "full", trigger: "person", actor: systemActor });
for (const { run } of requested) await enqueueRun(desks, run.id);
await closeQueues(desks);
await desks.close();
