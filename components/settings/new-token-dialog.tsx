"use client";

import { Check, Copy } from "lucide-react";
import { useId, useState, useTransition } from "react";
import { type Scope, scopes } from "@/lib/auth/permissions.ts";
import { Button } from "../ui/button.tsx";
import { Checkbox } from "../ui/checkbox.tsx";
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
import { Select } from "../ui/select.tsx";
import { toast } from "../ui/toast.tsx";
import { Field } from "./field.tsx";
import type { TokenActions } from "./tokens.tsx";

const scopeWords: Record<Scope, string> = {
  "runs:read": "Read runs and their progress",
  "runs:start": "Start runs",
  "audit:export": "Export the history",
  "status:read": "Look up customers' live status",
  "metrics:read": "Read the metrics",
};
const lifetimes = { "30": "In 30 days", "90": "In 90 days", "365": "In a year", "": "Never" };

/** From its name to the token itself, which is shown once. */
export function NewTokenDialog({ create, onClose }: { create: TokenActions["create"]; onClose: () => void }) {
  const [token, setToken] = useState<string | null>(null);
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()}>
      <DialogContent
        // A click beside it must not lose what nobody can show again.
        onPointerDownOutside={(event) => token !== null && event.preventDefault()}
      >
        {token === null ? <TokenForm create={create} onMade={setToken} /> : <Made token={token} />}
      </DialogContent>
    </Dialog>
  );
}

function TokenForm({ create, onMade }: { create: TokenActions["create"]; onMade: (token: string) => void }) {
  const [busy, start] = useTransition();
  const [problem, setProblem] = useState("");
  const id = useId();
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        const form = new FormData(event.currentTarget);
        const days = Number(form.get("days"));
        const expiresAt = days > 0 ? new Date(Date.now() + days * 86_400_000).toISOString() : undefined;
        start(async () => {
          const answer = await create({
            name: String(form.get("name") ?? ""),
            scopes: form.getAll("scope").map(String),
            ...(expiresAt !== undefined && { expiresAt }),
          });
          if (answer.ok) onMade(answer.token);
          else setProblem(answer.message);
        });
      }}
    >
      <DialogHeader>
        <DialogTitle>Make an API token</DialogTitle>
        <DialogDescription>
          For a program that has to read or start something here. What it does stands in the history under its
          name.
        </DialogDescription>
      </DialogHeader>
      <DialogBody className="flex flex-col gap-4 pt-1">
        {problem && (
          <p role="alert" className="rounded-md bg-locked-soft px-3 py-2 text-13 text-locked">
            {problem}
          </p>
        )}
        <Field
          id={`${id}-name`}
          name="Name"
          hint="What uses it, so that the next admin knows: nightly-export"
        >
          <Input id={`${id}-name`} name="name" required maxLength={60} autoComplete="off" />
        </Field>
        <fieldset className="flex flex-col gap-2.5">
          <legend className="mb-1.5 text-13 font-medium">May</legend>
          {scopes.map((scope) => (
            <div key={scope} className="flex items-center gap-2.5">
              <Checkbox id={`${id}-${scope}`} name="scope" value={scope} />
              <Label htmlFor={`${id}-${scope}`} className="font-normal">
                {scopeWords[scope]} <span className="font-mono text-12 text-ink-3">{scope}</span>
              </Label>
            </div>
          ))}
        </fieldset>
        <Field id={`${id}-days`} name="Ends">
          <Select id={`${id}-days`} name="days" defaultValue="90">
            {Object.entries(lifetimes).map(([days, words]) => (
              <option key={days} value={days}>
                {words}
              </option>
            ))}
          </Select>
        </Field>
      </DialogBody>
      <DialogFooter>
        <DialogClose asChild>
          <Button>Cancel</Button>
        </DialogClose>
        <Button type="submit" variant="primary" disabled={busy}>
          {busy ? "Making…" : "Make it"}
        </Button>
      </DialogFooter>
    </form>
  );
}

function Made({ token }: { token: string }) {
  const [copied, setCopied] = useState(false);
  return (
    <>
      <DialogHeader>
        <DialogTitle>Copy it now</DialogTitle>
        <DialogDescription>
          It is shown this once: Driftdesk keeps only what it can be recognised by. Put it where secrets are
          kept.
        </DialogDescription>
      </DialogHeader>
      <DialogBody className="flex flex-col gap-3 pt-1">
        <div className="flex items-center gap-2">
          <Input
            aria-label="The token"
            readOnly
            value={token}
            autoFocus
            onFocus={(event) => event.currentTarget.select()}
            className="font-mono text-12"
          />
          <Button
            onClick={() => {
              // Browsers offer the clipboard on HTTPS and localhost only.
              const copying = navigator.clipboard?.writeText(token) ?? Promise.reject();
              copying.then(
                () => setCopied(true),
                () => toast.error("This browser does not let it be copied. Select and copy it by hand."),
              );
            }}
          >
            {copied ? <Check aria-hidden /> : <Copy aria-hidden />}
            {copied ? "Copied" : "Copy"}
          </Button>
        </div>
        <p className="text-13 text-ink-2">
          It goes into the header <code className="font-mono text-12">Authorization: Bearer dd_…</code>
        </p>
      </DialogBody>
      <DialogFooter>
        <DialogClose asChild>
          <Button variant="primary">I have it</Button>
        </DialogClose>
      </DialogFooter>
    </>
  );
}
