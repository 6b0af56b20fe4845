// The words for what a bulk action does, how it stands, and what came of its rows.
import type { BulkAction, BulkKind, BulkState } from "@/lib/db/schema.ts";
import type { ResultOutcome } from "@/lib/fixes/bulk-results.ts";
import { plural } from "../format/words.ts";

export const bulkStateWords: Record<BulkState, string> = {
  waiting: "Waits for a second person",
  running: "Under way",
  done: "Done",
  failed: "Failed",
  cancelled: "Stopped",
};

/** What happened to a row that went as decided. */
export const doneWords: Record<BulkKind, string> = {
  apply: "applied",
  reject: "rejected",
  snooze: "put off",
  revert: "undone",
};

export const outcomeWords: Record<Exclude<ResultOutcome, "applied">, string> = {
  stale: "changed meanwhile",
  failed: "failed",
  skipped: "left out",
  left: "not yet",
};

/** The rows of an action, as what they are about: fixes, corrections that are undone, differences. */
export const rowWords = (kind: BulkKind, rows: number): string =>
  kind === "apply"
    ? plural(rows, "fix", "fixes")
    : kind === "revert"
      ? plural(rows, "correction")
      : plural(rows, "difference");

const verbs: Record<BulkKind, string> = {
  apply: "Apply",
  reject: "Reject",
  snooze: "Put off",
  revert: "Undo",
};

/** What it does, as a heading: "Apply 3,204 fixes", "Undo the correction of ada@example.com". */
export function whatWords({
  kind,
  total,
  subject,
}: Pick<BulkAction, "kind" | "total"> & { subject: string | null }): string {
  if (subject === null) return `${verbs[kind]} ${rowWords(kind, total)}`;
  if (kind === "apply") return `Correct ${subject}`;
  return kind === "revert" ? `Undo the correction of ${subject}` : `${verbs[kind]} ${subject}`;
}

/** Those that were decided on; what was left out from the beginning is not among them. */
export const meantRows = (bulk: Pick<BulkAction, "total" | "skipped">) => bulk.total - bulk.skipped;

/** "3,200 applied, 3 changed meanwhile, 1 left out". */
export function resultWords(bulk: BulkAction): string {
  const parts = (["stale", "failed", "skipped"] as const).flatMap((outcome) =>
    bulk[outcome] > 0 ? `${bulk[outcome].toLocaleString("en-US")} ${outcomeWords[outcome]}` : [],
  );
  if (bulk.applied > 0 || parts.length === 0)
    parts.unshift(`${bulk.applied.toLocaleString("en-US")} ${doneWords[bulk.kind]}`);
  return parts.join(", ");
}
