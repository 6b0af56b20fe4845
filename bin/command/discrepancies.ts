import { type DiscrepancyState, discrepancyStates } from "../../lib/db/schema.ts";
import { openRecords } from "../../lib/desk.ts";
import { type DiscrepancyLine, streamDiscrepancies } from "../../lib/discrepancies/stream.ts";
import { DriftdeskError } from "../../lib/errors.ts";
import { count, note, print } from "./print.ts";

/** Lists what differs, one line each. */
export async function discrepancies(options: { state: string; json?: boolean }): Promise<number> {
  const state = discrepancyStates.find((name) => name === options.state);
  if (!state)
    throw new DriftdeskError(
      "state_unknown",
      `There is no state "${options.state}". Take one of ${discrepancyStates.join(", ")}.`,
    );
  const records = await openRecords();
  try {
    let listed = 0;
    for await (const line of streamDiscrepancies(records.sql, { state }, records.now())) {
      await print(options.json ? JSON.stringify(line) : inWords(line));
      listed++;
    }
    if (!options.json) note(ending(listed, state));
    return 0;
  } finally {
    await records.close();
  }
}

function ending(listed: number, state: DiscrepancyState): string {
  return listed === 0 ? `Nothing is ${state}.` : `${count(listed, "discrepancy", "discrepancies")} ${state}.`;
}

function inWords(line: DiscrepancyLine): string {
  const fields = line.fields
    .map(({ name, local, stripe }) => `${name}: ${local ?? "NULL"} → ${stripe ?? "NULL"}`)
    .join(", ");
  const who = [line.localKey && `local ${line.localKey}`, line.stripeId].filter(Boolean).join(", ");
  return `${line.id}\t${line.resource}\t${line.kind}\t${who}\t${fields}\t${line.impact}\t${line.cause}`;
}
