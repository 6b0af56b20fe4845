import type { Sql } from "postgres";
import { type DiscrepancyState, discrepancyStates } from "../../lib/db/schema.ts";
import { openRecords } from "../../lib/desk.ts";
import { type DiscrepancyLine, streamDiscrepancies } from "../../lib/discrepancies/stream.ts";
import { DriftdeskError } from "../../lib/errors.ts";
import { count, note, print } from "./print.ts";

/** Lists what differs, one line each. */
export async function discrepancies(options: {
  state: string;
  account?: string;
  json?: boolean;
}): Promise<number> {
  const state = discrepancyStates.find((name) => name === options.state);
  if (!state)
    throw new DriftdeskError(
      "state_unknown",
      `There is no state "${options.state}". Take one of ${discrepancyStates.join(", ")}.`,
    );
  const records = await openRecords();
  try {
    const account =
      options.account === undefined ? undefined : await accountNamed(records.sql, options.account);
    let listed = 0;
    for await (const line of streamDiscrepancies(records.sql, { state, account }, records.now())) {
      await print(options.json ? JSON.stringify(line) : inWords(line));
      listed++;
    }
    if (!options.json) note(ending(listed, state));
    return 0;
  } finally {
    await records.close();
  }
}

/** The id of the account that was compared under this name. */
async function accountNamed(sql: Sql, name: string): Promise<string> {
  const [account] = await sql<{ id: string }[]>`
    SELECT id FROM driftdesk.accounts WHERE config_name = ${name}`;
  if (account) return account.id;
  throw new DriftdeskError("account_unknown", `No account named "${name}" has been compared yet.`);
}

function ending(listed: number, state: DiscrepancyState): string {
  return listed === 0 ? `Nothing is ${state}.` : `${count(listed, "discrepancy", "discrepancies")} ${state}.`;
}

function inWords(line: DiscrepancyLine): string {
  const fields = line.fields
    .map(({ name, local, stripe }) => `${name}: ${local ?? "NULL"} → ${stripe ?? "NULL"}`)
    .join(", ");
  const who = [line.localKey && `local ${line.localKey}`, line.stripeId].filter(Boolean).join(", ");
  const resource = line.account === undefined ? line.resource : `${line.account} ${line.resource}`;
  return `${line.id}\t${resource}\t${line.kind}\t${who}\t${fields}\t${line.impact}\t${line.cause}`;
}
