"use client";

import { useId, useState } from "react";
import { Button } from "../ui/button.tsx";
import {
  DialogBody,
  DialogClose,
  DialogDescription,
  DialogFooter,
  DialogHeader,
  DialogTitle,
} from "../ui/dialog.tsx";
import { Label } from "../ui/label.tsx";
import { Notice } from "../ui/notice.tsx";
import { Textarea } from "../ui/textarea.tsx";
import { type FormProps, subjectOf } from "./decision.ts";

/** Leave the record as it is, and say why. */
export function RejectForm({ decision, busy, problem, onDecide }: FormProps) {
  const [reason, setReason] = useState("");
  const [missing, setMissing] = useState(false);
  const id = useId();
  return (
    <form
      className="flex min-h-0 flex-col"
      onSubmit={(event) => {
        event.preventDefault();
        if (reason.trim()) onDecide({ reason: reason.trim() });
        else {
          setMissing(true);
          document.getElementById(id)?.focus();
        }
      }}
    >
      <DialogHeader>
        <DialogTitle className="wrap-anywhere">Reject {subjectOf(decision)}</DialogTitle>
        <DialogDescription>
          The local record stays as it is. It is not shown as open again until its values change.
        </DialogDescription>
      </DialogHeader>
      <DialogBody className="flex flex-col gap-1.5">
        <Label htmlFor={id}>Reason</Label>
        <Textarea
          id={id}
          value={reason}
          maxLength={2000}
          required
          aria-invalid={missing || undefined}
          aria-describedby={missing ? `${id}-missing` : undefined}
          placeholder="Paid by bank transfer until March, agreed with finance"
          onChange={(event) => {
            setReason(event.target.value);
            setMissing(false);
          }}
        />
        {missing && (
          <p id={`${id}-missing`} className="text-12 text-locked">
            Say why: the next person will ask.
          </p>
        )}
        {problem && (
          <Notice level="problem" title="Nothing was rejected." className="mt-2">
            {problem}
          </Notice>
        )}
      </DialogBody>
      <DialogFooter>
        <DialogClose asChild>
          <Button>Cancel</Button>
        </DialogClose>
        <Button variant="primary" type="submit" disabled={busy} formNoValidate>
          {busy ? "Rejecting…" : `Reject ${decision.row ? "it" : subjectOf(decision)}`}
        </Button>
      </DialogFooter>
    </form>
  );
}
