"use client";

import { MoreHorizontal, Play, Plus } from "lucide-react";
import Link from "next/link";
import { useRouter } from "next/navigation";
import { useState, useTransition } from "react";
import { cronWords, timingWords } from "@/lib/jobs/cron-words.ts";
import type { ScheduleView } from "@/lib/jobs/schedules.ts";
import { Time } from "../format/time.tsx";
import { Badge } from "../ui/badge.tsx";
import { Button } from "../ui/button.tsx";
import {
  DropdownMenu,
  DropdownMenuContent,
  DropdownMenuItem,
  DropdownMenuTrigger,
} from "../ui/dropdown-menu.tsx";
import { toast } from "../ui/toast.tsx";
import { DueTime } from "./due-time.tsx";
import { ScheduleDialog, type Timing } from "./schedule-dialog.tsx";

type Answer<T = object> = ({ ok: true } & T) | { ok: false; message: string };
export interface ScheduleActions {
  add(given: Timing & { account: string | null }): Promise<Answer>;
  change(id: number, given: Timing): Promise<Answer>;
  reset(id: number): Promise<Answer>;
  pause(id: number): Promise<Answer>;
  resume(id: number): Promise<Answer>;
  remove(id: number): Promise<Answer>;
}
type Run = (id: number) => Promise<Answer<{ runId: number; alreadyRunning: boolean }>>;

/** What runs when. Without `actions` it is there to be read; `run` is for those who may start a run. */
export function ScheduleList({
  schedules,
  accounts,
  actions,
  run,
}: {
  schedules: readonly ScheduleView[];
  /** Names, where there are several. */
  accounts: readonly string[];
  actions: ScheduleActions | null;
  run: Run | null;
}) {
  const [open, setOpen] = useState<ScheduleView | "new" | null>(null);
  return (
    <div className="flex flex-col items-start gap-3">
      {schedules.length > 0 ? (
        <ul aria-label="Schedules" className="w-full divide-y divide-line rounded-lg border border-line">
          {schedules.map((schedule) => (
            <li key={schedule.id} className="flex items-start gap-3 px-4 py-3 text-13">
              <div className="grid min-w-0 flex-1 gap-x-6 gap-y-2 sm:grid-cols-2">
                <What schedule={schedule} />
                <When schedule={schedule} />
              </div>
              {run && <RunNow schedule={schedule} run={run} />}
              {actions && <Menu schedule={schedule} actions={actions} edit={() => setOpen(schedule)} />}
            </li>
          ))}
        </ul>
      ) : (
        <p className="text-13 text-ink-2">Nothing runs by itself. Runs are started by hand or by request.</p>
      )}
      {actions && (
        <Button onClick={() => setOpen("new")}>
          <Plus aria-hidden />
          Add a schedule
        </Button>
      )}
      {actions && open && (
        <ScheduleDialog
          schedule={open === "new" ? null : open}
          accounts={accounts}
          save={(given, account) =>
            open === "new" ? actions.add({ ...given, account }) : actions.change(open.id, given)
          }
          onClose={() => setOpen(null)}
        />
      )}
    </div>
  );
}

export const runWords = { full: "Full run", incremental: "Incremental run" };

function What({ schedule }: { schedule: ScheduleView }) {
  const { cron, mode, timeZone, accountName, configCron, configMode, configTimeZone } = schedule;
  return (
    <div className="min-w-0">
      <p className="flex flex-wrap items-center gap-x-2 font-medium">
        <span>
          {runWords[mode]} {cronWords(cron)}
        </span>
        {accountName !== null && <Badge tone="outline">{accountName}</Badge>}
      </p>
      <p className="text-12 text-ink-3">
        <code className="mr-1 font-mono">{cron}</code> · {timeZone}
      </p>
      {schedule.differs && configCron && configMode && configTimeZone && (
        <p className="mt-1 text-12 text-ink-2">
          Changed by {schedule.changedBy}. The configuration says: {configMode}{" "}
          {timingWords({ cron: configCron, timeZone: configTimeZone })}.
        </p>
      )}
      {configCron === null && (
        <p className="mt-1 text-12 text-ink-2">
          {schedule.configKey === null
            ? `Added by ${schedule.changedBy}.`
            : "Not in the configuration any more."}
        </p>
      )}
    </div>
  );
}

function When({ schedule }: { schedule: ScheduleView }) {
  const { nextDue, lastDue, lastRunId, lastMissed, skippedDue, skippedRunId, waitsFor } = schedule;
  return (
    <div className="min-w-0">
      {nextDue === null ? (
        <p>
          <Badge tone="outline">paused</Badge>{" "}
          <span className="text-ink-2">
            by {schedule.pausedBy} {schedule.pausedAt && <Time at={schedule.pausedAt} />}
          </span>
        </p>
      ) : (
        <div>
          {schedule.late && <Badge tone="unpaid">late</Badge>} Next{" "}
          <DueTime at={nextDue} timeZone={schedule.timeZone} />
        </div>
      )}
      {waitsFor !== null && (
        <p className="text-12 text-ink-2">
          Waits for the end of <RunLink id={waitsFor} />.
        </p>
      )}
      {lastDue && lastRunId !== null && (
        <p className="text-12 text-ink-2">
          Last <Time at={lastDue} />: <RunLink id={lastRunId} />
          {lastMissed > 0 &&
            `, which also stands for ${lastMissed === 1 ? "one time" : `${lastMissed} times`} before that passed without a run`}
          .
        </p>
      )}
      {skippedDue && skippedRunId !== null && (
        <p className="text-12 text-ink-2">
          Left out <Time at={skippedDue} />: <RunLink id={skippedRunId} /> was under way.
        </p>
      )}
    </div>
  );
}

const RunLink = ({ id }: { id: number }) => (
  <Link href={`/runs/${id}`} className="rounded-sm underline underline-offset-2">
    run {id}
  </Link>
);

function RunNow({ schedule, run }: { schedule: ScheduleView; run: Run }) {
  const router = useRouter();
  const [busy, start] = useTransition();
  return (
    <Button
      variant="quiet"
      size="iconSm"
      disabled={busy}
      aria-label={`Run now: ${runWords[schedule.mode]} ${cronWords(schedule.cron)}`}
      title="Run now"
      onClick={() =>
        start(async () => {
          const answer = await run(schedule.id);
          if (!answer.ok) return void toast.error("The run did not start.", { description: answer.message });
          if (answer.alreadyRunning) toast.info("A run is under way already. This is it.");
          router.push(`/runs/${answer.runId}`);
        })
      }
    >
      <Play aria-hidden />
    </Button>
  );
}

function Menu({
  schedule,
  actions,
  edit,
}: {
  schedule: ScheduleView;
  actions: ScheduleActions;
  edit: () => void;
}) {
  const [, start] = useTransition();
  const { id, cron, mode } = schedule;
  const name = `${runWords[mode]} ${cronWords(cron)}`;
  const act = (what: (id: number) => Promise<Answer>, done: string) => () =>
    start(async () => {
      const answer = await what(id);
      if (answer.ok) toast.success(done);
      else toast.error(answer.message);
    });
  return (
    <DropdownMenu>
      <DropdownMenuTrigger asChild>
        <Button variant="quiet" size="iconSm" aria-label={`More about: ${name}`}>
          <MoreHorizontal aria-hidden />
        </Button>
      </DropdownMenuTrigger>
      <DropdownMenuContent align="end">
        <DropdownMenuItem onSelect={edit}>Change…</DropdownMenuItem>
        {schedule.pausedAt === null ? (
          <DropdownMenuItem onSelect={act(actions.pause, "It is paused. Nothing is caught up later.")}>
            Pause
          </DropdownMenuItem>
        ) : (
          <DropdownMenuItem onSelect={act(actions.resume, "It runs again.")}>Resume</DropdownMenuItem>
        )}
        {schedule.differs && (
          <DropdownMenuItem onSelect={act(actions.reset, "It is as the configuration says again.")}>
            Set back to the configuration
          </DropdownMenuItem>
        )}
        {schedule.configCron === null && (
          <DropdownMenuItem onSelect={act(actions.remove, `Removed: ${name}.`)}>Remove</DropdownMenuItem>
        )}
      </DropdownMenuContent>
    </DropdownMenu>
  );
}
