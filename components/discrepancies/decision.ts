import type { BulkKind } from "@/lib/db/schema.ts";
import type { DiscrepancyRow } from "@/lib/discrepancies/list.ts";
import type { Count } from "@/lib/discrepancies/totals.ts";
import type { Selection } from "@/lib/fixes/selection.ts";
import { count } from "../format/words.ts";
import type { DecisionKind } from "./contract.ts";
import { titleOf } from "./difference.tsx";

/** What somebody is about to decide. */
export interface Decision {
  kind: DecisionKind;
  selection: Selection;
  total: Count;
  /** When it is about one row. */
  row?: DiscrepancyRow;
}

/** What each form is given. */
export interface FormProps {
  decision: Decision;
  busy: boolean;
  problem: string;
  onDecide: (details: { reason?: string | undefined; until?: Date | undefined }) => void;
}

/** What is decided on, in a heading: a name, or how many. */
export const subjectOf = ({ row, total }: Decision): string =>
  row
    ? titleOf(row)
    : `${count(total.count)}${total.more ? "+" : ""} ${total.count === 1 ? "difference" : "differences"}`;

/** Not `randomUUID`: browsers offer it on HTTPS and localhost only, and a desk may stand in a plain network. */
export function randomKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
}

/** Where the rows that an action has gone through are now. */
export function whereTo(kind: BulkKind, bulkId: number): string {
  const state = { apply: "fixed", reject: "rejected", snooze: "snoozed", revert: "open" }[kind];
  return `/discrepancies?${new URLSearchParams({ state, bulk: String(bulkId) })}`;
}
