import type { Sql } from "postgres";

/**
 * An action under way holds a connection of the pool for its lock and needs others for its work: were there as many
 * actions as connections, all would wait for ever.
 */
const places = 4;

interface Queue {
  free: number;
  waiting: (() => void)[];
}
const queues = new WeakMap<Sql, Queue>();

/** Does the work when it is its turn among what this process does on the same pool. */
export async function inTurn<T>(pool: Sql, work: () => Promise<T>): Promise<T> {
  const queue = queues.get(pool) ?? { free: places, waiting: [] };
  queues.set(pool, queue);
  if (queue.free > 0) queue.free--;
  else await new Promise<void>((resolve) => queue.waiting.push(resolve));
  try {
    return await work();
  } finally {
    const next = queue.waiting.shift();
    if (next) next();
    else queue.free++;
  }
}
