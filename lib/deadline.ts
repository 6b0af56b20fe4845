import { setTimeout as wait } from "node:timers/promises";

/** What `work` comes to, or `late` when that takes longer. The work itself goes on: whoever started it ends it. */
export async function within<T>(ms: number, work: Promise<T>, late: () => Error): Promise<T> {
  const over = new AbortController();
  try {
    return await Promise.race([
      work,
      wait(ms, undefined, { signal: over.signal, ref: false }).then((): never => {
        throw late();
      }),
    ]);
  } finally {
    over.abort();
  }
}
