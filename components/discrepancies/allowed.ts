import type { DiscrepancyState } from "@/lib/db/schema.ts";
import { decidable } from "@/lib/fixes/plan.ts";
import type { DecisionKind, Rights } from "./contract.ts";

/** For each decision on one difference: null, or the sentence that says why not. */
export type Obstacles = Record<DecisionKind, string | null>;

export function obstaclesOf(
  row: { state: DiscrepancyState; obstacle: string | null; changesMoney: boolean },
  rights: Rights,
): Obstacles {
  const general = rights.decide
    ? null
    : "Your role may look, not decide. Support, finance and admin may decide.";
  const money =
    row.changesMoney && !rights.decideMoney
      ? "This changes an amount of money. Finance and admin may decide that."
      : null;
  const closed = (kind: DecisionKind) => (isDecidable(kind, row.state) ? null : closedWords[row.state]);
  return {
    apply: general ?? closed("apply") ?? row.obstacle ?? money,
    reject: general ?? closed("reject"),
    snooze: general ?? closed("snooze"),
  };
}

/** Whether rows of a state can be decided on in this way. */
export const isDecidable = (kind: DecisionKind, state: DiscrepancyState): boolean =>
  (decidable[kind] as readonly DiscrepancyState[]).includes(state);

const closedWords: Record<DiscrepancyState, string> = {
  open: "It is open.",
  waiting: "It waits for a second person.",
  snoozed: "It is snoozed.",
  applying: "It is being corrected right now.",
  fixed: "It is fixed. There is nothing left to decide.",
  rejected: "It is rejected already.",
  resolved: "Both sides agree again. There is nothing left to decide.",
};
