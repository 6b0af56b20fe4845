"use client";

import { useState, useTransition } from "react";
import { Button } from "../ui/button.tsx";
import {
  Dialog,
  DialogClose,
  DialogContent,
  DialogDescription,
  DialogFooter,
  DialogHeader,
  DialogTitle,
} from "../ui/dialog.tsx";
import { toast } from "../ui/toast.tsx";

type Answer = { ok: true } | { ok: false; message: string };

/** Whether a password lets anybody in. */
export function SingleSignOn({
  name,
  required,
  tried,
  require,
}: {
  /** What the provider is called; null where none is set up. */
  name: string | null;
  required: boolean;
  /** Whether an admin has come in that way. */
  tried: boolean;
  /** Null for those who may not decide it. */
  require: ((required: boolean) => Promise<Answer>) | null;
}) {
  const [asking, setAsking] = useState(false);
  const [busy, start] = useTransition();
  const set = (next: boolean) =>
    start(async () => {
      const answer = await require?.(next);
      if (!answer?.ok) return void toast.error(answer?.message ?? "Nothing was changed.");
      setAsking(false);
      toast.success(next ? "Passwords let nobody in any more." : "Passwords let people in again.");
    });
  if (name === null)
    return (
      <p className="text-13 text-ink-2">
        No provider is set up. With <code className="font-mono text-12">OIDC_ISSUER</code>,{" "}
        <code className="font-mono text-12">OIDC_CLIENT_ID</code> and{" "}
        <code className="font-mono text-12">OIDC_CLIENT_SECRET</code> in the environment people can use one.
      </p>
    );
  return (
    <div className="flex flex-col items-start gap-3 text-13">
      <p>
        {required
          ? `People come in by ${name} only. Passwords are refused.`
          : `People come in by ${name} or by password.`}
      </p>
      {require && !required && !tried && (
        <p className="text-ink-2">
          It can be made the only way once an admin has come in by it, so that nobody is locked out.
        </p>
      )}
      {require && (
        <Button
          disabled={busy || (!required && !tried)}
          onClick={() => (required ? set(false) : setAsking(true))}
        >
          {required ? "Let passwords in again" : "Make it the only way"}
        </Button>
      )}
      <Dialog open={asking} onOpenChange={setAsking}>
        <DialogContent>
          <DialogHeader>
            <DialogTitle>Let people in by {name} only?</DialogTitle>
            <DialogDescription>
              Passwords are refused from now on, and whoever came in by one is signed out, you too. If the
              provider is ever gone, the command{" "}
              <code className="font-mono text-12">driftdesk settings single-sign-on off</code> opens the door
              again.
            </DialogDescription>
          </DialogHeader>
          <DialogFooter>
            <DialogClose asChild>
              <Button>Cancel</Button>
            </DialogClose>
            <Button variant="primary" disabled={busy} onClick={() => set(true)}>
              {busy ? "Changing…" : "Make it the only way"}
            </Button>
          </DialogFooter>
        </DialogContent>
      </Dialog>
    </div>
  );
}
