import type { Sql } from "postgres";

/**
 * What is under way holds connections of the pool and waits for others: were there as many of them as connections, all
 * would wait for ever. An action holds one for its lock, a resource of a run one while it takes another, and so does one
 * that is checked while somebody waits; several accounts' runs may go on in one process. Of copies of local rows one goes on
 * at a time: Stripe takes longer in any case, and neither the database nor the first pages have to wait for all of them.
 */
const places = { action: 4, resource: 8, check: 6, copy: 1 };

interface Queue {
  free: number;
  waiting: (() => void)[];
}
const queues = {
  action: new WeakMap<Sql, Queue>(),
  resource: new WeakMap<Sql, Queue>(),
  check: new WeakMap<Sql, Queue>(),
  copy: new WeakMap<Sql, Queue>(),
};

/** Does the work when it is its turn among what this process does on the same pool. */
export async function inTurn<T>(pool: Sql, kind: keyof typeof places, work: () => Promise<T>): Promise<T> {
  const queue = queueOf(pool, kind);
  if (queue.free > 0) queue.free--;
  else await new Promise<void>((resolve) => queue.waiting.push(resolve));
  try {
    return await work();
  } finally {
    passOn(queue);
  }
}

/** For what can be left to others: null instead of waiting, or else what has to be called when the turn is over. */
export function turnNow(pool: Sql, kind: keyof typeof places): (() => void) | null {
  const queue = queueOf(pool, kind);
  if (queue.free === 0) return null;
  queue.free--;
  return () => passOn(queue);
}

function queueOf(pool: Sql, kind: keyof typeof places): Queue {
  const queue = queues[kind].get(pool) ?? { free: places[kind], waiting: [] };
  queues[kind].set(pool, queue);
  return queue;
}

function passOn(queue: Queue): void {
  const next = queue.waiting.shift();
  if (next) next();
  else queue.free++;
}
