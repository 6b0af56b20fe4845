"use client";

import { useRouter } from "next/navigation";
import { useCallback } from "react";
import { timeLeftWords } from "@/lib/reconcile/rate.ts";
import type { RunResourceView, RunView } from "@/lib/reconcile/runs.ts";
import { durationText } from "../format/clock.ts";
import { count, plural, resourceTitle, resourceWords, stepWords } from "../format/words.ts";
import { AccountLabel } from "../frame/accounts.tsx";
import { cn } from "../ui/cn.ts";
import { durationMs, figuresOf, foundIn } from "./figures.ts";
import { useLiveRun } from "./live-run.ts";
import { RunState } from "./run-state.tsx";

/** A run under way: what it reads, how far and how fast, what it has found; a line per resource. */
export function RunProgress({ run: initial, action }: { run: RunView; action?: React.ReactNode }) {
  const router = useRouter();
  const refresh = useCallback(() => router.refresh(), [router]);
  const run = useLiveRun(initial, refresh);
  const figures = figuresOf(run);
  // By the server's clock alone; the last sign of life is half a second old at most.
  const duration = run.heartbeatAt && durationMs(run, run.heartbeatAt);
  const { requestsPerSecond = null, secondsLeft = null } = run.rate ?? {};
  return (
    <section aria-label={`Run ${run.id}`} className="overflow-hidden rounded-lg border border-line">
      <header className="flex flex-wrap items-center gap-x-4 gap-y-2 border-b border-line bg-sunken px-4 py-2.5 text-13">
        <span role="status">
          <RunState state={run.state} className="font-medium" />
        </span>
        <AccountLabel id={run.accountId} name={run.accountName} always />
        <p className="text-ink-2">
          {run.state === "queued" ? (
            "It begins as soon as a worker is free."
          ) : (
            <>
              {plural(figures.objects, "object")}
              {figures.pages > 0 && ` on ${plural(figures.pages, "page")}`} read from Stripe in{" "}
              {plural(run.requests, "request")}
              {requestsPerSecond !== null && `, ${rateText(requestsPerSecond)}`}
            </>
          )}
          {duration !== null && duration > 1000 && (
            <span className="text-ink-3"> · {durationText(duration)}</span>
          )}
          {secondsLeft !== null && <span className="font-medium"> · {timeLeftWords(secondsLeft)}</span>}
        </p>
        <div className="ml-auto">{action}</div>
      </header>
      {run.resources.length > 0 && (
        <ul className="divide-y divide-line text-13">
          {run.resources.map((resource) => (
            <ResourceLine key={resource.resource} resource={resource} />
          ))}
        </ul>
      )}
    </section>
  );
}

const rateText = (perSecond: number) =>
  `${perSecond < 9.5 ? Number(perSecond.toFixed(1)) : Math.round(perSecond)} a second`;

/** From 0 to 1; undefined where nobody can tell. */
function shareOf({ state, objects, objectsExpected }: RunResourceView): number | undefined {
  if (state === "waiting") return 0;
  if (state !== "fetching") return 1;
  return objectsExpected ? objects / objectsExpected : undefined;
}

function ResourceLine({ resource }: { resource: RunResourceView }) {
  const expected = resource.state === "fetching" && resource.objectsExpected;
  const found = foundIn(resource);
  const done = resource.state === "done";
  return (
    <li className="grid min-h-9 grid-cols-[minmax(6rem,1fr)_minmax(6rem,2fr)_auto] items-center gap-4 px-4 sm:grid-cols-[10rem_minmax(6rem,1fr)_8rem_8rem]">
      <span className="truncate font-medium">{resourceTitle(resource.resource)}</span>
      <progress
        max={1}
        value={shareOf(resource)}
        aria-label={`${resourceWords(resource.resource)}: ${stepWords[resource.state]}`}
        className={cn(
          "h-1 w-full appearance-none overflow-hidden rounded-full bg-selected [&::-moz-progress-bar]:bg-ink-2 [&::-webkit-progress-bar]:bg-selected [&::-webkit-progress-value]:bg-ink-2",
          done && "[&::-moz-progress-bar]:bg-fixed [&::-webkit-progress-value]:bg-fixed",
        )}
      />
      <span className="truncate text-right text-ink-3 max-sm:hidden">
        {expected ? `${count(resource.objects)} of ${count(expected)}` : plural(resource.objects, "object")}
      </span>
      <span className={cn("text-right", done ? "text-ink" : "text-ink-2")}>
        {done ? (found === 0 ? "nothing differs" : `${count(found)} found`) : stepWords[resource.state]}
      </span>
      {resource.message && (
        <p className="col-span-full -mt-2 pb-2 text-12 text-pretty text-ink-2">{resource.message}</p>
      )}
    </li>
  );
}
