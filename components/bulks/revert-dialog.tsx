"use client";

import { useState } from "react";
import type { UndoneSelection } from "@/lib/fixes/revert.ts";
import { BulkProgress } from "../discrepancies/bulk-progress.tsx";
import type { BulkReport, DriftActions, Rights } from "../discrepancies/contract.ts";
import { randomKey } from "../discrepancies/decision.ts";
import { PreviewForm, usePreview } from "../discrepancies/preview-form.tsx";
import { plural } from "../format/words.ts";
import { Dialog, DialogContent } from "../ui/dialog.tsx";
import { toast } from "../ui/toast.tsx";
import { RevertFacts } from "./revert-facts.tsx";

interface RevertDialogProps {
  /** What is to be undone; null while nobody wants to. */
  undo: UndoneSelection | null;
  /** What people call the record, where it is one. */
  subject: string | null;
  actions: DriftActions;
  rights: Rights;
  onClose: () => void;
}

/** From what undoing would do to what came of it. */
export function RevertDialog({ undo, onClose, ...rest }: RevertDialogProps) {
  return (
    <Dialog open={undo !== null} onOpenChange={(open) => !open && onClose()}>
      {undo && <Content undo={undo} onClose={onClose} {...rest} />}
    </Dialog>
  );
}

function Content({
  undo,
  subject,
  actions,
  rights,
  onClose,
}: Omit<RevertDialogProps, "undo"> & { undo: UndoneSelection }) {
  // One key for as long as the dialog is open: however often the button is clicked, it is undone once.
  const [requestKey] = useState(randomKey);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  const [report, setReport] = useState<BulkReport | null>(null);
  const revert = async (reason: string | undefined) => {
    if (busy) return;
    setBusy(true);
    setProblem("");
    const answer = await actions.revert({ undo, reason, requestKey }).catch(() => ({
      ok: false as const,
      message: "The server did not answer. Click again: it is done once.",
    }));
    setBusy(false);
    if (!answer.ok) return setProblem(answer.message);
    const { bulk } = answer.value;
    if (subject === null || bulk.state !== "done" || bulk.applied !== bulk.total)
      return setReport(answer.value);
    toast.success(`${subject} says again what it said before.`, {
      id: `bulk ${bulk.id}`,
      description: "The difference is open again.",
    });
    onClose();
  };
  return (
    <DialogContent className="sm:max-w-2xl" onPointerDownOutside={(event) => busy && event.preventDefault()}>
      {report ? (
        <BulkProgress report={report} actions={actions} onClose={onClose} />
      ) : (
        <Form {...{ undo, subject, actions, rights, busy, problem }} onRevert={revert} />
      )}
    </DialogContent>
  );
}

interface FormProps extends Pick<RevertDialogProps, "subject" | "actions" | "rights"> {
  undo: UndoneSelection;
  busy: boolean;
  problem: string;
  onRevert: (reason: string | undefined) => void;
}

function Form({ undo, subject, actions, rights, busy, problem, onRevert }: FormProps) {
  // What is to be undone does not change while the dialog is open.
  const [asked] = useState(undo);
  return (
    <PreviewForm
      title={`Undo ${subject === null ? "what was applied" : `the correction of ${subject}`}`}
      description={`${subject === null ? "Each local record" : "The local record"} says again what it said before, if it still says what the correction wrote. What somebody changed since is left alone. Nothing changes in Stripe.`}
      answer={usePreview(asked, actions.previewRevert)}
      facts={(preview) => <RevertFacts preview={preview} />}
      button={({ undoable, needsSecondPerson }) => {
        if (undoable === 0) return null;
        if (needsSecondPerson) return `Ask to undo ${plural(undoable, "correction")}`;
        return subject === null ? `Undo ${plural(undoable, "correction")}` : "Undo it";
      }}
      decideMoney={rights.decideMoney}
      forbidden="You may not undo this."
      {...{ busy, problem }}
      problemTitle="Nothing was undone."
      onSubmit={onRevert}
    />
  );
}
