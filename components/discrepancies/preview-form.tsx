"use client";

import { LoaderCircle } from "lucide-react";
import { type ReactNode, useEffect, useId, useState } from "react";
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
import type { Answer } from "./contract.ts";

interface PreviewFormProps<P extends { changesMoney: boolean }> {
  title: string;
  description: string;
  /** Null until it is there. */
  answer: Answer<P> | null;
  facts: (preview: P) => ReactNode;
  /** What the button says; null when there is nothing to do. */
  button: (preview: P) => string | null;
  decideMoney: boolean;
  forbidden: string;
  busy: boolean;
  problem: string;
  problemTitle: string;
  onSubmit: (reason: string | undefined) => void;
}

/** What would be written, before anybody decides; then a reason and one button. */
export function PreviewForm<P extends { changesMoney: boolean }>(props: PreviewFormProps<P>) {
  const { answer, busy, problem, onSubmit } = props;
  const [reason, setReason] = useState("");
  const reasonId = useId();
  const preview = answer?.ok ? answer.value : null;
  const forbidden = preview?.changesMoney && !props.decideMoney;
  const button = preview && !forbidden ? props.button(preview) : null;
  return (
    <form
      className="flex min-h-0 flex-col"
      onSubmit={(event) => {
        event.preventDefault();
        if (button !== null) onSubmit(reason.trim() || undefined);
      }}
    >
      <DialogHeader>
        <DialogTitle className="wrap-anywhere">{props.title}</DialogTitle>
        <DialogDescription>{props.description}</DialogDescription>
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
        {preview && props.facts(preview)}
        {forbidden && (
          <Notice level="warning" title={props.forbidden}>
            It changes amounts of money. Finance and admin may decide that.
          </Notice>
        )}
        {problem && (
          <Notice level="problem" title={props.problemTitle}>
            {problem}
          </Notice>
        )}
      </DialogBody>
      {button !== null && (
        <div className="flex flex-wrap items-center gap-x-3 gap-y-1.5 border-t border-line px-5 py-3">
          <Label htmlFor={reasonId}>
            Reason <span className="font-normal text-ink-3">optional</span>
          </Label>
          <Input
            // Enter submits from here.
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
        {button !== null && (
          <Button variant="primary" type="submit" disabled={busy}>
            {busy && <LoaderCircle aria-hidden className="animate-spin" />}
            {button}
          </Button>
        )}
      </DialogFooter>
    </form>
  );
}

/** Asks what would happen, anew when the question changes; null until the answer is there. */
export function usePreview<Q, P>(question: Q, ask: (question: Q) => Promise<Answer<P>>): Answer<P> | null {
  const [answer, setAnswer] = useState<Answer<P> | null>(null);
  useEffect(() => {
    let gone = false;
    const failed = {
      ok: false,
      code: "internal",
      message: "The preview did not come. Close this and try again.",
    } as const;
    ask(question)
      .catch(() => failed)
      .then((next) => {
        if (!gone) setAnswer(next);
      });
    return () => {
      gone = true;
    };
  }, [ask, question]);
  return answer;
}
