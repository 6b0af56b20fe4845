"use client";

import { LoaderCircle } from "lucide-react";
import { useEffect, useId, useState } from "react";
import type { Preview } from "@/lib/fixes/preview.ts";
import { count } from "../format/words.ts";
import { Button } from "../ui/button.tsx";
import {
  DialogBody,
  DialogClose,
  DialogDescription,
  DialogFooter,
  DialogHeader,
  DialogTitle,
} from "../ui/dialog.tsx";
import { Input } from "../ui/input.tsx";
import { Label } from "../ui/label.tsx";
import { Notice } from "../ui/notice.tsx";
import { Skeleton } from "../ui/skeleton.tsx";
import type { Answer, DriftActions, Rights } from "./contract.ts";
import { type FormProps, subjectOf } from "./decision-dialog.tsx";
import { PreviewFacts } from "./preview-facts.tsx";

/** What would be written, before anybody decides; then one button. */
export function ApplyForm({
  decision,
  busy,
  problem,
  onDecide,
  preview: ask,
  rights,
}: FormProps & { preview: DriftActions["preview"]; rights: Rights }) {
  const [reason, setReason] = useState("");
  const reasonId = useId();
  const [answer, setAnswer] = useState<Answer<Preview> | null>(null);
  const { selection } = decision;
  useEffect(() => {
    let gone = false;
    const failed = {
      ok: false,
      code: "internal",
      message: "The preview did not come. Close this and try again.",
    } as const;
    ask(selection)
      .catch(() => failed)
      .then((next) => {
        if (!gone) setAnswer(next);
      });
    return () => {
      gone = true;
    };
  }, [ask, selection]);
  const preview = answer?.ok ? answer.value : null;
  const fixes = preview?.applicable ?? 0;
  const forbidden = preview?.changesMoney && !rights.decideMoney;
  return (
    <form
      className="flex min-h-0 flex-col"
      onSubmit={(event) => {
        event.preventDefault();
        if (fixes > 0 && !forbidden) onDecide({ reason: reason.trim() || undefined });
      }}
    >
      <DialogHeader>
        <DialogTitle className="wrap-anywhere">Correct {subjectOf(decision)}</DialogTitle>
        <DialogDescription>
          Each local record is written only if it still says what is shown here. Nothing changes in Stripe.
          You can undo corrections afterwards; a record that is added stays.
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
        {preview && <PreviewFacts preview={preview} />}
        {forbidden && (
          <Notice level="warning" title="You may not decide this.">
            It changes amounts of money. Finance and admin may decide that.
          </Notice>
        )}
        {problem && (
          <Notice level="problem" title="Nothing was applied.">
            {problem}
          </Notice>
        )}
      </DialogBody>
      {fixes > 0 && !forbidden && (
        <div className="flex flex-wrap items-center gap-x-3 gap-y-1.5 border-t border-line px-5 py-3">
          <Label htmlFor={reasonId}>
            Reason <span className="font-normal text-ink-3">optional</span>
          </Label>
          <Input
            // Enter applies from here.
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
        {fixes > 0 && !forbidden && (
          <Button variant="primary" type="submit" disabled={busy}>
            {busy && <LoaderCircle aria-hidden className="animate-spin" />}
            {preview?.needsSecondPerson
              ? `Ask for ${count(fixes)} ${fixes === 1 ? "fix" : "fixes"}`
              : `Apply ${count(fixes)} ${fixes === 1 ? "fix" : "fixes"}`}
          </Button>
        )}
      </DialogFooter>
    </form>
  );
}
