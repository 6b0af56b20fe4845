"use client";

import { useId, useState } from "react";
import { fieldTime, snoozeTimes } from "@/lib/discrepancies/snooze-times.ts";
import { exactTime } from "../format/clock.ts";
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
import { type FormProps, subjectOf } from "./decision.ts";

/** Put it off until a time, in the zone of whoever reads. */
export function SnoozeForm({ decision, busy, problem, onDecide }: FormProps) {
  const [now] = useState(() => new Date());
  const presets = snoozeTimes(now);
  const [chosen, setChosen] = useState(presets[0]?.name ?? "");
  const [custom, setCustom] = useState(() => fieldTime(new Date(now.getTime() + 3_600_000)));
  const [reason, setReason] = useState("");
  const [past, setPast] = useState(false);
  const id = useId();
  const until = presets.find((preset) => preset.name === chosen)?.at ?? new Date(custom);
  return (
    <form
      className="flex min-h-0 flex-col"
      onSubmit={(event) => {
        event.preventDefault();
        // An empty field is no time, which is not later than anything.
        if (until > new Date()) onDecide({ until, reason: reason.trim() || undefined });
        else setPast(true);
      }}
    >
      <DialogHeader>
        <DialogTitle className="wrap-anywhere">Snooze {subjectOf(decision)}</DialogTitle>
        <DialogDescription>It leaves the open list and comes back at the time you choose.</DialogDescription>
      </DialogHeader>
      <DialogBody className="flex flex-col gap-4">
        <fieldset className="flex flex-col gap-px">
          <legend className="sr-only">Until when</legend>
          {[...presets, { name: "Another time", at: null }].map(({ name, at }) => (
            <label
              key={name}
              className="flex min-h-9 cursor-pointer items-center gap-2.5 rounded-md px-2 text-13 hover:bg-hover has-checked:bg-selected"
            >
              <input
                type="radio"
                name={id}
                value={name}
                checked={chosen === name}
                onChange={() => {
                  setChosen(name);
                  setPast(false);
                }}
                className="accent-action"
              />
              <span className="font-medium">{name}</span>
              {at && <span className="ml-auto text-ink-3">{exactTime(at).replace(/:00(?=\s)/, "")}</span>}
            </label>
          ))}
        </fieldset>
        {chosen === "Another time" && (
          <div className="flex flex-col gap-1.5">
            <Label htmlFor={`${id}-time`}>
              Time{" "}
              <span className="font-normal text-ink-3">
                in your zone, {Intl.DateTimeFormat().resolvedOptions().timeZone}
              </span>
            </Label>
            <Input
              id={`${id}-time`}
              type="datetime-local"
              value={custom}
              min={fieldTime(now)}
              aria-invalid={past || undefined}
              aria-describedby={past ? `${id}-past` : undefined}
              onChange={(event) => {
                setCustom(event.target.value);
                setPast(false);
              }}
              className="max-w-60"
            />
            {past && (
              <p id={`${id}-past`} className="text-12 text-locked">
                Choose a time that is still to come.
              </p>
            )}
          </div>
        )}
        <div className="flex flex-col gap-1.5">
          <Label htmlFor={`${id}-reason`}>
            Reason <span className="font-normal text-ink-3">optional, kept in the history</span>
          </Label>
          <Input
            id={`${id}-reason`}
            value={reason}
            maxLength={2000}
            autoComplete="off"
            onChange={(event) => setReason(event.target.value)}
          />
        </div>
        {problem && (
          <Notice level="problem" title="Nothing was put off.">
            {problem}
          </Notice>
        )}
      </DialogBody>
      <DialogFooter>
        <DialogClose asChild>
          <Button>Cancel</Button>
        </DialogClose>
        <Button variant="primary" type="submit" disabled={busy} formNoValidate>
          {busy ? "Putting off…" : `Snooze ${decision.row ? "it" : subjectOf(decision)}`}
        </Button>
      </DialogFooter>
    </form>
  );
}
