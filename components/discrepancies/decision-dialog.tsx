"use client";

import { useRouter } from "next/navigation";
import { useState } from "react";
import type { BulkKind } from "@/lib/db/schema.ts";
import type { DiscrepancyRow } from "@/lib/discrepancies/list.ts";
import type { Count } from "@/lib/discrepancies/totals.ts";
import type { Selection } from "@/lib/fixes/selection.ts";
import { count, plural } from "../format/words.ts";
import { Dialog, DialogContent } from "../ui/dialog.tsx";
import { toast } from "../ui/toast.tsx";
import { ApplyForm } from "./apply-form.tsx";
import { BulkProgress } from "./bulk-progress.tsx";
import type { BulkReport, DecisionKind, DriftActions, Rights } from "./contract.ts";
import { titleOf } from "./difference.tsx";
import { RejectForm } from "./reject-form.tsx";
import { SnoozeForm } from "./snooze-form.tsx";

/** What somebody is about to decide. */
export interface Decision {
  kind: DecisionKind;
  selection: Selection;
  total: Count;
  /** When it is about one row. */
  row?: DiscrepancyRow;
}

interface DecisionDialogProps {
  decision: Decision | null;
  actions: DriftActions;
  rights: Rights;
  /** It is decided: what was selected is not any more. */
  onDone: () => void;
  onClose: () => void;
}

/** From the preview of a decision to what came of it. */
export function DecisionDialog({ decision, onClose, ...rest }: DecisionDialogProps) {
  return (
    <Dialog open={decision !== null} onOpenChange={(open) => !open && onClose()}>
      {decision && <Content decision={decision} onClose={onClose} {...rest} />}
    </Dialog>
  );
}

/** What each form is given. */
export interface FormProps {
  decision: Decision;
  busy: boolean;
  problem: string;
  onDecide: (details: { reason?: string | undefined; until?: Date | undefined }) => void;
}

function Content({
  decision,
  actions,
  rights,
  onDone,
  onClose,
}: Omit<DecisionDialogProps, "decision"> & { decision: Decision }) {
  const router = useRouter();
  // One key for as long as the dialog is open: however often the button is clicked, it is decided once.
  const [requestKey] = useState(randomKey);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  const [report, setReport] = useState<BulkReport | null>(null);

  const onDecide: FormProps["onDecide"] = async (details) => {
    if (busy) return;
    setBusy(true);
    setProblem("");
    const { kind, selection } = decision;
    const answer = await actions.decide({ kind, selection, requestKey, ...details }).catch(() => ({
      ok: false as const,
      message: "The server did not answer. Click again: it is done once.",
    }));
    setBusy(false);
    if (!answer.ok) {
      setProblem(answer.message);
      return;
    }
    onDone();
    const { bulk } = answer.value;
    if (
      bulk.state === "done" &&
      bulk.applied === bulk.total &&
      bulk.total > 0 &&
      (kind !== "apply" || decision.row)
    ) {
      toast.success(doneText(decision, bulk.applied), {
        // Two clicks are answered with the same action: it is told once.
        id: `bulk ${bulk.id}`,
        description: whereText[kind],
        action: { label: "Show", onClick: () => router.push(whereTo(kind, bulk.id)) },
      });
      onClose();
    } else setReport(answer.value);
  };
  const form = { decision, busy, problem, onDecide };
  return (
    <DialogContent
      className={decision.kind === "apply" ? "sm:max-w-2xl" : undefined}
      onPointerDownOutside={(event) => busy && event.preventDefault()}
    >
      {report ? (
        <BulkProgress report={report} actions={actions} onClose={onClose} />
      ) : decision.kind === "apply" ? (
        <ApplyForm {...form} preview={actions.preview} rights={rights} />
      ) : decision.kind === "reject" ? (
        <RejectForm {...form} />
      ) : (
        <SnoozeForm {...form} />
      )}
    </DialogContent>
  );
}

/** Not `randomUUID`: browsers offer it on HTTPS and localhost only, and a desk may stand in a plain network. */
export function randomKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
}

/** What is decided on, in a heading: a name, or how many. */
export const subjectOf = ({ row, total }: Decision): string =>
  row
    ? titleOf(row)
    : `${count(total.count)}${total.more ? "+" : ""} ${total.count === 1 ? "difference" : "differences"}`;

function doneText({ kind, row }: Decision, rows: number): string {
  const what = row ? titleOf(row) : plural(rows, "difference");
  switch (kind) {
    case "apply":
      return `${what} is corrected.`;
    case "reject":
      return row ? `${what} stays as it is.` : `${what} rejected.`;
    case "snooze":
      return `${what} ${row ? "is " : ""}put off.`;
  }
}

const whereText: Record<DecisionKind, string> = {
  apply: "It is under Fixed now.",
  reject: "It is under Rejected now, and opens again when its values change.",
  snooze: "It is under Snoozed now, and comes back by itself.",
};

/** Where the rows that an action has gone through are now. */
export function whereTo(kind: BulkKind, bulkId: number): string {
  const state = { apply: "fixed", reject: "rejected", snooze: "snoozed", revert: "open" }[kind];
  return `/discrepancies?${new URLSearchParams({ state, bulk: String(bulkId) })}`;
}
