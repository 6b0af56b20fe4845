"use client";

import { useId, useState, useTransition } from "react";
import { exactTime } from "../format/clock.ts";
import { Button } from "../ui/button.tsx";
import { Input } from "../ui/input.tsx";
import { Label } from "../ui/label.tsx";
import type { Answer } from "./compare-buttons.tsx";

/** When the file was made, to be put right while nothing has been compared with it. */
export function ExportTime({
  id,
  at,
  correct,
}: {
  id: number;
  at: Date | null;
  correct: (id: number, at: string) => Promise<Answer>;
}) {
  const field = useId();
  const [open, setOpen] = useState(false);
  const [busy, start] = useTransition();
  const [problem, setProblem] = useState<string | null>(null);
  if (!open)
    return (
      <Button variant="link" onClick={() => setOpen(true)}>
        {at ? "Not right?" : "Say when"}
      </Button>
    );
  return (
    <form
      className="flex flex-wrap items-end gap-2"
      action={(form) => {
        const given = new Date(String(form.get("at")));
        if (Number.isNaN(given.getTime())) return;
        start(async () => {
          const answer = await correct(id, given.toISOString());
          if (answer.ok) setOpen(false);
          setProblem(answer.ok ? null : answer.message);
        });
      }}
    >
      <div className="flex flex-col gap-1">
        <Label htmlFor={field}>Exported at, your time ({zone()})</Label>
        <Input id={field} name="at" type="datetime-local" required defaultValue={at ? localText(at) : ""} />
      </div>
      <Button type="submit" disabled={busy}>
        Save
      </Button>
      <Button variant="quiet" onClick={() => setOpen(false)}>
        Cancel
      </Button>
      {problem && (
        <p role="alert" className="basis-full text-13 text-locked">
          {problem}
        </p>
      )}
    </form>
  );
}

const zone = () => Intl.DateTimeFormat().resolvedOptions().timeZone || exactTime(new Date());

/** As a field for a date and a time wants it. */
function localText(at: Date): string {
  const local = new Date(at.getTime() - at.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 16);
}
