"use client";

import { LoaderCircle } from "lucide-react";
import { useEffect, useId, useState } from "react";
import type { UndoneSelection } from "@/lib/fixes/revert.ts";
import type { RevertPreview } from "@/lib/fixes/revert-preview.ts";
import { BulkProgress } from "../discrepancies/bulk-progress.tsx";
import type { Answer, BulkReport, DriftActions, Rights } from "../discrepancies/contract.ts";
import { randomKey } from "../discrepancies/decision-dialog.tsx";
import { count, plural } from "../format/words.ts";
import { Button } from "../ui/button.tsx";
import {
  Dialog,
  DialogBody,
  DialogClose,
  DialogContent,
  DialogDescription,
  DialogFooter,
  DialogHeader,
  DialogTitle,
} from "../ui/dialog.tsx";
import { Input } from "../ui/input.tsx";
import { Label } from "../ui/label.tsx";
import { Notice } from "../ui/notice.tsx";
import { Skeleton } from "../ui/skeleton.tsx";
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
  const [reason, setReason] = useState("");
  const reasonId = useId();
  const answer = usePreview(undo, actions);
  const preview = answer?.ok ? answer.value : null;
  const fixes = preview?.undoable ?? 0;
  const forbidden = preview?.changesMoney && !rights.decideMoney;
  const ready = fixes > 0 && !forbidden;
  return (
    <form
      className="flex min-h-0 flex-col"
      onSubmit={(event) => {
        event.preventDefault();
        if (ready) onRevert(reason.trim() || undefined);
      }}
    >
      <DialogHeader>
        <DialogTitle className="wrap-anywhere">
          Undo {subject === null ? "what was applied" : `the correction of ${subject}`}
        </DialogTitle>
        <DialogDescription>
          {subject === null ? "Each local record" : "The local record"} says again what it said before, if it
          still says what the correction wrote. What somebody changed since is left alone. Nothing changes in
          Stripe.
        </DialogDescription>
      </DialogHeader>
      <DialogBody className="flex flex-col gap-4">
        {!answer && (
          <div role="status" aria-label="Working out what would change" className="flex flex-col gap-3 py-2">
            <Skeleton className="h-4 w-3/5" />
            <Skeleton className="h-24 w-full" />
          </div>
        )}
        {answer && !answer.ok && (
          <Notice level="problem" title="There is no preview.">
            {answer.message}
          </Notice>
        )}
        {preview && <RevertFacts preview={preview} />}
        {forbidden && (
          <Notice level="warning" title="You may not undo this.">
            It changes amounts of money. Finance and admin may decide that.
          </Notice>
        )}
        {problem && (
          <Notice level="problem" title="Nothing was undone.">
            {problem}
          </Notice>
        )}
      </DialogBody>
      {ready && (
        <div className="flex flex-wrap items-center gap-x-3 gap-y-1.5 border-t border-line px-5 py-3">
          <Label htmlFor={reasonId}>
            Reason <span className="font-normal text-ink-3">optional</span>
          </Label>
          <Input
            // Enter undoes from here.
            autoFocus
            id={reasonId}
            value={reason}
            maxLength={2000}
            autoComplete="off"
            placeholder="Kept in the history"
            onChange={(event) => setReason(event.target.value)}
            className="min-w-48 flex-1"
          />
        </div>
      )}
      <DialogFooter>
        <DialogClose asChild>
          <Button>Cancel</Button>
        </DialogClose>
        {ready && (
          <Button variant="primary" type="submit" disabled={busy}>
            {busy && <LoaderCircle aria-hidden className="animate-spin" />}
            {preview?.needsSecondPerson
              ? `Ask to undo ${plural(fixes, "correction")}`
              : subject === null
                ? `Undo ${count(fixes)} ${fixes === 1 ? "correction" : "corrections"}`
                : "Undo it"}
          </Button>
        )}
      </DialogFooter>
    </form>
  );
}

/** Asks once what undoing would do; null until the answer is there. */
function usePreview(undo: UndoneSelection, { previewRevert }: DriftActions): Answer<RevertPreview> | null {
  const [answer, setAnswer] = useState<Answer<RevertPreview> | null>(null);
  // What is to be undone does not change while the dialog is open.
  const [asked] = useState(undo);
  useEffect(() => {
    let gone = false;
    const failed = {
      ok: false,
      code: "internal",
      message: "The preview did not come. Close this and try again.",
    } as const;
    previewRevert(asked)
      .catch(() => failed)
      .then((next) => {
        if (!gone) setAnswer(next);
      });
    return () => {
      gone = true;
    };
  }, [asked, previewRevert]);
  return answer;
}
