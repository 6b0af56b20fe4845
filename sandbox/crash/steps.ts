import { accountsTable } from "../accounts-table.ts";

// The names of steps: what a process says to a database, or asks Stripe, in a few words. Names of tables are the code's
// own, so that a step that is new gets a name by itself.

/** A step's name, or null for what only keeps a connection going. `written` is what the transaction changed so far. */
export function stepOf(sql: string, written: readonly string[]): string | null {
  const text = sql.replace(/\s+/g, " ").trim();
  if (/^(begin|set |savepoint|rollback|release|listen|unlisten|fetch|close)/i.test(text)) return null;
  // By the clock, not by what is done.
  if (/driftdesk\.(share_pace|pace_shares|leases|run_processes)\b|(UPDATE|FROM) driftdesk\.runs\b/.test(text))
    return null;
  if (/^commit/i.test(text)) return written.length === 0 ? null : `commit ${purposeOf(written)}`;
  if (/advisory_unlock/.test(text)) return "unlock";
  if (/advisory_lock/.test(text)) return "lock";
  const change = changeOf(text);
  if (change) return change;
  const table = new RegExp(`\\bFROM ${tables}`).exec(text)?.[1];
  return table === undefined ? null : `read ${wordOf(table)}`;
}

/** What a statement changes, in words; null when it only reads. */
export function changeOf(text: string): string | null {
  if (/append_audit/.test(text)) return "tell the history";
  const [, verb, table] =
    new RegExp(`(?<!FOR |KEY |DO )\\b(INSERT INTO|UPDATE|DELETE FROM) ${tables}`).exec(text) ?? [];
  return verb && table ? `${verb.split(" ")[0]?.toLowerCase()} ${wordOf(table)}` : null;
}

const tables = `(driftdesk\\.\\w+|${accountsTable.replace(".", "\\.")})`;
const wordOf = (table: string) => (table === accountsTable ? "rows" : table.slice("driftdesk.".length));

/** What a transaction was for, by what it changed. */
function purposeOf(written: readonly string[]): string {
  if (written.some((change) => change.endsWith(" rows"))) return "rows";
  if (written.includes("insert bulk_actions")) return "decision";
  if (written.includes("insert fixes")) return "intents";
  if (written.includes("update fixes")) return "outcomes";
  return written.includes("update bulk_actions") ? "the end" : "other things";
}
