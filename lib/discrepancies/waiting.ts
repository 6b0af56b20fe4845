import { listUsers } from "../auth/users.ts";
import type { BulkAction } from "../db/schema.ts";
import type { Desks } from "../desk.ts";
import { waitingBulks } from "../fixes/bulk.ts";
import { countChanges } from "./facets.ts";

export interface WaitingBulk {
  bulk: BulkAction;
  /** The name of whoever asked. */
  askedBy: string;
  /** The commonest first. */
  changes: { value: string; count: number }[];
}

/** The bulk actions that wait for a second person, with what each of them would change. */
export async function waitingForSecond(desk: Desks): Promise<WaitingBulk[]> {
  const [bulks, people] = await Promise.all([waitingBulks(desk.sql), listUsers(desk)]);
  // A question per action: there are a handful of them at most.
  return Promise.all(
    bulks.map(async (bulk) => ({
      bulk,
      askedBy: people.find((person) => person.email === bulk.requestedBy)?.name ?? bulk.requestedBy,
      changes: (await countChanges(desk.sql, { state: "waiting", bulk: bulk.id }, desk.now())).map(
        ({ value, count }) => ({ value, count }),
      ),
    })),
  );
}
