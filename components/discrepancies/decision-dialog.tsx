"use client";

import { useRouter } from "next/navigation";
import { useState } from "react";
import { plural } from "../format/words.ts";
import { Dialog, DialogContent } from "../ui/dialog.tsx";
import { toast } from "../ui/toast.tsx";
import { ApplyForm } from "./apply-form.tsx";
import { BulkProgress } from "./bulk-progress.tsx";
import type { BulkReport, DecisionKind, DriftActions, Rights } from "./contract.ts";
import { type Decision, type FormProps, randomKey, whereTo } from "./decision.ts";
import { titleOf } from "./difference.tsx";
import { RejectForm } from "./reject-form.tsx";
import { SnoozeForm } from "./snooze-form.tsx";

interface DecisionDialogProps {
  decision: Decision | null;
  actions: DriftActions;
  rights: Rights;
  /** It is decided, by this action: what was selected is not any more. */
  onDone: (bulkId: number) => void;
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
    const { bulk } = answer.value;
    onDone(bulk.id);
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
