"use client";

import { useId, useMemo, useState, useTransition } from "react";
import { cronMistake } from "@/lib/config/cron.ts";
import { timeZoneMistake } from "@/lib/config/time-zone.ts";
import { cronWords } from "@/lib/jobs/cron-words.ts";
import { nextTimes } from "@/lib/jobs/next-times.ts";
import type { ScheduleView } from "@/lib/jobs/schedules.ts";
import { Field } from "../settings/field.tsx";
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
import { Select } from "../ui/select.tsx";
import { toast } from "../ui/toast.tsx";
import { DueTime } from "./due-time.tsx";

export interface Timing {
  cron: string;
  mode: string;
  timeZone: string;
}
type Answer = { ok: true } | { ok: false; message: string };

const common = ["0 * * * *", "*/15 * * * *", "0 */6 * * *", "0 3 * * *", "0 6 * * 1-5", "0 3 * * 0"];

/** Adds or changes a schedule, and shows when it would run before it is saved. */
export function ScheduleDialog({
  schedule,
  accounts,
  save,
  onClose,
}: {
  /** Null for a new one. */
  schedule: ScheduleView | null;
  accounts: readonly string[];
  save: (given: Timing, account: string | null) => Promise<Answer>;
  onClose: () => void;
}) {
  const id = useId();
  const [cron, setCron] = useState(schedule?.cron ?? "0 3 * * *");
  const [mode, setMode] = useState<string>(schedule?.mode ?? "full");
  const [timeZone, setTimeZone] = useState(schedule?.timeZone ?? "UTC");
  const [account, setAccount] = useState(accounts[0] ?? null);
  const [problem, setProblem] = useState("");
  const [busy, start] = useTransition();
  const zones = useMemo(() => ["UTC", ...Intl.supportedValuesOf("timeZone")], []);
  const wrong = { cron: cronMistake(cron), timeZone: timeZoneMistake(timeZone) };
  const isRight = wrong.cron === null && wrong.timeZone === null;
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()}>
      <DialogContent>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            if (!isRight) return;
            start(async () => {
              const answer = await save({ cron, mode, timeZone }, account);
              if (!answer.ok) return setProblem(answer.message);
              toast.success(`Saved: ${cronWords(cron)}.`);
              onClose();
            });
          }}
        >
          <DialogHeader>
            <DialogTitle>{schedule ? "Change the schedule" : "Add a schedule"}</DialogTitle>
            <DialogDescription>
              It counts from now on. A full run reads everything; an incremental one what has changed.
            </DialogDescription>
          </DialogHeader>
          <DialogBody className="flex flex-col gap-4 pt-1">
            {problem && (
              <p role="alert" className="rounded-md bg-locked-soft px-3 py-2 text-13 text-locked">
                {problem}
              </p>
            )}
            {!schedule && accounts.length > 0 && (
              <Field id={`${id}-account`} name="Account">
                <Select
                  id={`${id}-account`}
                  value={account ?? ""}
                  onChange={(event) => setAccount(event.target.value)}
                >
                  {accounts.map((name) => (
                    <option key={name}>{name}</option>
                  ))}
                </Select>
              </Field>
            )}
            <Field id={`${id}-mode`} name="Kind of run">
              <Select id={`${id}-mode`} value={mode} onChange={(event) => setMode(event.target.value)}>
                <option value="full">Full</option>
                <option value="incremental">Incremental</option>
              </Select>
            </Field>
            <Field id={`${id}-common`} name="When">
              <Select
                id={`${id}-common`}
                value={common.includes(cron) ? cron : ""}
                onChange={(event) => event.target.value && setCron(event.target.value)}
              >
                {common.map((one) => (
                  <option key={one} value={one}>
                    {cronWords(one)}
                  </option>
                ))}
                <option value="">as written below</option>
              </Select>
            </Field>
            <Field id={`${id}-cron`} name="As a cron expression">
              <Input
                id={`${id}-cron`}
                value={cron}
                onChange={(event) => setCron(event.target.value)}
                autoComplete="off"
                spellCheck={false}
                aria-invalid={wrong.cron !== null}
                aria-describedby={`${id}-cron-says`}
                className="font-mono"
              />
              <Says id={`${id}-cron-says`} wrong={wrong.cron}>
                {() => cronWords(cron)}
              </Says>
            </Field>
            <Field id={`${id}-zone`} name="Time zone">
              <Input
                id={`${id}-zone`}
                value={timeZone}
                onChange={(event) => setTimeZone(event.target.value)}
                list={`${id}-zones`}
                autoComplete="off"
                spellCheck={false}
                aria-invalid={wrong.timeZone !== null}
                aria-describedby={`${id}-zone-says`}
              />
              <datalist id={`${id}-zones`}>
                {zones.map((zone) => (
                  <option key={zone} value={zone} />
                ))}
              </datalist>
              <Says id={`${id}-zone-says`} wrong={wrong.timeZone}>
                {() => "Its clocks count, also when they change in spring and autumn."}
              </Says>
            </Field>
            <div className="text-13" aria-live="polite">
              <p className="mb-1 font-medium">Would run</p>
              {isRight ? (
                <ol className="flex flex-col gap-1">
                  {nextTimes({ cron, timeZone }, new Date(), 3).map((at) => (
                    <li key={at.getTime()}>
                      <DueTime at={at} timeZone={timeZone} />
                    </li>
                  ))}
                </ol>
              ) : (
                <p className="text-ink-2">Correct what is marked to see when.</p>
              )}
            </div>
          </DialogBody>
          <DialogFooter>
            <DialogClose asChild>
              <Button>Cancel</Button>
            </DialogClose>
            <Button type="submit" variant="primary" disabled={busy || !isRight}>
              {busy ? "Saving…" : "Save"}
            </Button>
          </DialogFooter>
        </form>
      </DialogContent>
    </Dialog>
  );
}

/** What an input means, or what is wrong with it. */
function Says({ id, wrong, children }: { id: string; wrong: string | null; children: () => string }) {
  return (
    <p id={id} aria-live="polite" className={wrong === null ? "text-12 text-ink-3" : "text-12 text-locked"}>
      {wrong ?? children()}
    </p>
  );
}
