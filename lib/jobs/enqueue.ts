import { openQueues } from "./queues.ts";

type Queued = Parameters<typeof openQueues>[0];

/** Wakes a worker for a requested run. */
export async function enqueueRun(desk: Queued, runId: number): Promise<void> {
  const boss = await openQueues(desk);
  await boss.send("run", { runId });
}

/** Wakes a worker for a bulk action that may begin. */
export async function enqueueBulk(desk: Queued, bulkId: number): Promise<void> {
  const boss = await openQueues(desk);
  await boss.send("bulk", { bulkId });
}
