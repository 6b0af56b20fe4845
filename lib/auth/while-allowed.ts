import { setTimeout as wait } from "node:timers/promises";
import { DriftdeskError } from "../errors.ts";

export interface WhileAllowedOptions {
  /** How often it is looked while nothing comes. */
  everyMs?: number;
  /** Aborted when the access has ended: what the source waits for is over. */
  ended?: AbortController;
}

/**
 * Hands on what `source` yields for as long as `allowed` answers true, looked at before each piece and while waiting for
 * one. Then throws `access_ended`: what was sent by then must not look whole.
 */
export async function* whileAllowed<T>(
  source: AsyncGenerator<T>,
  allowed: () => Promise<boolean>,
  { everyMs = 1_000, ended }: WhileAllowedOptions = {},
): AsyncGenerator<T, void, undefined> {
  const over = new AbortController();
  try {
    for (;;) {
      const next = source.next();
      let step: IteratorResult<T> | null = null;
      while (step === null) {
        step = await Promise.race([next, pause(everyMs, over.signal)]);
        if (await allowed()) continue;
        // It may wait for something that never comes, and is not waited for.
        next.catch(() => {});
        throw new DriftdeskError("access_ended", "Your access has ended.", { status: 401 });
      }
      if (step.done) return;
      yield step.value;
    }
  } finally {
    over.abort();
    ended?.abort();
    void source.return(undefined).catch(() => {});
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<null> {
  await wait(ms, undefined, { signal, ref: false }).catch(() => {});
  return null;
}
