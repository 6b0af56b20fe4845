"use client";

import { useState } from "react";
import { toast } from "../ui/toast.tsx";
import type { DecisionKind } from "./contract.ts";
import type { Decision } from "./decision.ts";
import { titleOf } from "./difference.tsx";

interface Last {
  kind: DecisionKind;
  bulkId: number;
  /** What people call the record, where it is one. */
  subject: string | null;
}

/** What was decided last in this window, for the key that takes it back. */
export function useLastDecision() {
  const [last, setLast] = useState<Last | null>(null);
  const [open, setOpen] = useState(false);
  const undo = () => {
    if (last?.kind === "apply") setOpen(true);
    else toast(last ? staysWords[last.kind] : "You have corrected nothing since this page was opened.");
  };
  const remember = ({ kind, row }: Decision, bulkId: number) =>
    setLast({ kind, bulkId, subject: row ? titleOf(row) : null });
  const dialog = {
    undo: open && last ? { bulk: last.bulkId } : null,
    subject: last?.subject ?? null,
    onClose: () => setOpen(false),
  };
  return { undo, remember, dialog };
}

const staysWords: Record<Exclude<DecisionKind, "apply">, string> = {
  reject:
    "Rejecting has changed no record, so there is nothing to undo. You can still decide it under Rejected.",
  snooze:
    "Snoozing has changed no record, so there is nothing to undo. You can still decide it under Snoozed.",
};
