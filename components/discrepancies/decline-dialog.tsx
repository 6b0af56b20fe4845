"use client";

import { useId, useState } from "react";
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
import { Label } from "../ui/label.tsx";
import { Textarea } from "../ui/textarea.tsx";

/** Says no to what somebody else asked for, and why. */
export function DeclineDialog({
  open,
  what,
  busy,
  onClose,
  onDecline,
}: {
  open: boolean;
  /** What was asked for, as a sentence. */
  what: string;
  busy: boolean;
  onClose: () => void;
  onDecline: (reason: string) => void;
}) {
  const id = useId();
  const [missing, setMissing] = useState(false);
  return (
    <Dialog open={open} onOpenChange={(next) => !next && onClose()}>
      <DialogContent>
        <form
          noValidate
          onSubmit={(event) => {
            event.preventDefault();
            const reason = String(new FormData(event.currentTarget).get("reason") ?? "").trim();
            if (reason) return onDecline(reason);
            setMissing(true);
            document.getElementById(id)?.focus();
          }}
        >
          <DialogHeader>
            <DialogTitle>Decline</DialogTitle>
            <DialogDescription>{what} Nothing is written. Your reason is what they read.</DialogDescription>
          </DialogHeader>
          <DialogBody className="flex flex-col gap-1.5">
            <Label htmlFor={id}>Reason</Label>
            <Textarea
              id={id}
              name="reason"
              maxLength={2000}
              required
              aria-invalid={missing || undefined}
              aria-describedby={missing ? `${id}-missing` : undefined}
              placeholder="The bank statement says something else"
              onChange={() => setMissing(false)}
            />
            {missing && (
              <p id={`${id}-missing`} className="text-12 text-locked">
                Say why: whoever asked will want to know.
              </p>
            )}
          </DialogBody>
          <DialogFooter>
            <DialogClose asChild>
              <Button>Cancel</Button>
            </DialogClose>
            <Button variant="primary" type="submit" disabled={busy}>
              {busy ? "Declining…" : "Decline it"}
            </Button>
          </DialogFooter>
        </form>
      </DialogContent>
    </Dialog>
  );
}
