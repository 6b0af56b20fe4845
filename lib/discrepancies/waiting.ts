import type { Actor, Desks } from "../desk.ts";
import { type Waiting, waitingBulks } from "../fixes/second-person.ts";
import { countChanges } from "./facets.ts";

export interface WaitingBulk extends Waiting {
  /** The commonest first. */
  changes: { value: string; count: number }[];
}

/** The bulk actions that wait for a second person, or one of them, with what each would change. */
export async function waitingForSecond(
  desk: Desks,
  reader: Actor,
  only: { bulk?: number } = {},
): Promise<WaitingBulk[]> {
  const waiting = await waitingBulks(desk, reader, only);
  // A question per action: there are a handful of them at most.
  return Promise.all(
    waiting.map(async (one) => ({
      ...one,
      changes: (await countChanges(desk.sql, { state: "waiting", bulk: one.bulk.id }, desk.now())).map(
        ({ value, count }) => ({ value, count }),
      ),
    })),
  );
}
