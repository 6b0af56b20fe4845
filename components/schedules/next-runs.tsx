"use client";

import Link from "next/link";
import { cronWords } from "@/lib/jobs/cron-words.ts";
import type { ScheduleView } from "@/lib/jobs/schedules.ts";
import { Badge } from "../ui/badge.tsx";
import { DueTime } from "./due-time.tsx";
import { runWords } from "./schedule-list.tsx";

/** What runs by itself next, above the list of runs. */
export function NextRuns({ schedules }: { schedules: readonly ScheduleView[] }) {
  const next = schedules.filter(({ nextDue }) => nextDue !== null).slice(0, 3);
  const paused = schedules.filter(({ nextDue }) => nextDue === null).length;
  return (
    <section aria-labelledby="schedule" className="border-t border-line px-4 py-4 text-13 md:px-6">
      <div className="mb-2 flex flex-wrap items-baseline gap-x-3">
        <h2 id="schedule" className="text-14 font-semibold">
          Schedule
        </h2>
        <Link href="/settings#schedules" className="rounded-sm text-ink-2 underline underline-offset-2">
          All schedules
        </Link>
        {paused > 0 && (
          <span className="text-ink-2">{paused === 1 ? "One is paused." : `${paused} are paused.`}</span>
        )}
      </div>
      {next.length === 0 ? (
        <p className="text-ink-2">Nothing runs by itself.</p>
      ) : (
        <ul className="flex flex-wrap gap-x-10 gap-y-2">
          {next.map(({ id, mode, cron, timeZone, nextDue, accountName, late }) => (
            <li key={id}>
              <p>
                {late && <Badge tone="unpaid">late</Badge>} {runWords[mode]} {cronWords(cron)}
                {accountName !== null && <span className="text-ink-3"> · {accountName}</span>}
              </p>
              {nextDue && <DueTime at={nextDue} timeZone={timeZone} />}
            </li>
          ))}
        </ul>
      )}
      {next.some(({ late }) => late) && (
        <p className="mt-2 text-ink-2">
          Late: no worker has begun it, or another run is still under way. What was missed is caught up once.
        </p>
      )}
    </section>
  );
}
