import { randomUUID } from "node:crypto";
import { openDesk } from "../../lib/desk.ts";
import { DriftdeskError } from "../../lib/errors.ts";
import { requestRevert, type UndoneSelection } from "../../lib/fixes/revert.ts";
import { finish, inWords, numbersOf, personOf, summary } from "./apply.ts";
import { note, print } from "./print.ts";

export interface RevertOptions {
  bulk?: string;
  as: string;
  reason?: string;
  json?: boolean;
}

/** Undoes fixes, with one person's rights. 1 when not all of it could be undone, or waits for a second person. */
export async function revert(fixes: string[], options: RevertOptions): Promise<number> {
  if (fixes.length > 0 === (options.bulk !== undefined))
    throw new DriftdeskError("selection_missing", "Name the fixes to undo, or --bulk ID, and not both.");
  const undo: UndoneSelection =
    options.bulk === undefined
      ? { fixes: numbersOf(fixes, "fix") }
      : { bulk: numbersOf([options.bulk], "bulk action")[0] as number };
  const desk = await openDesk();
  try {
    const actor = await personOf(desk, options.as);
    const { reason } = options;
    const bulk = await finish(
      desk,
      await requestRevert(desk, { undo, reason, requestKey: randomUUID() }, actor),
    );
    note(inWords(bulk));
    if (options.json) await print(JSON.stringify(summary(bulk)));
    return bulk.state === "done" && bulk.applied === bulk.total ? 0 : 1;
  } finally {
    await desk.close();
  }
}
