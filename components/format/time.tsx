"use client";

import { useSyncExternalStore } from "react";
import { cn } from "../ui/cn.ts";
import { Tooltip } from "../ui/tooltip.tsx";
import { ageText, exactTime, relativeTime } from "./clock.ts";

const everyMs = 15_000;
const listeners = new Set<() => void>();
let current = 0;
let timer: ReturnType<typeof setInterval> | undefined;

/** One clock for all times on the page; none while nobody looks. */
function subscribe(listener: () => void) {
  listeners.add(listener);
  timer ??= setInterval(() => {
    current = Date.now();
    for (const each of listeners) each();
  }, everyMs);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}
function read() {
  const now = Date.now();
  if (now - current > everyMs) current = now;
  return current;
}

/** Now, in steps of 15 s; renders again by itself. */
export const useNow = () => new Date(useSyncExternalStore(subscribe, read, read));

/** When something was, relative to now; the exact time with its zone on hover and focus. */
export function Time({
  at,
  style = "relative",
  tabStop = true,
  className,
}: {
  at: Date | string;
  /** "relative": "3 h ago"; "age": "3 h"; "exact": in full, without a tooltip. */
  style?: "relative" | "age" | "exact";
  /** Set to false in long tables, where the row itself can have the focus and tells the time. */
  tabStop?: boolean;
  className?: string;
}) {
  const now = useNow();
  const date = typeof at === "string" ? new Date(at) : at;
  const text =
    style === "exact" ? exactTime(date) : style === "age" ? ageText(date, now) : relativeTime(date, now);
  const time = (
    <time
      dateTime={date.toISOString()}
      tabIndex={tabStop && style !== "exact" ? 0 : undefined}
      // The server's clock and zone are not the reader's.
      suppressHydrationWarning
      className={cn("whitespace-nowrap rounded-sm tabular-nums", className)}
    >
      {text}
    </time>
  );
  if (style === "exact") return time;
  return (
    <Tooltip
      content={
        <>
          {exactTime(date)}
          <span className="block opacity-75">{exactTime(date, "UTC")}</span>
        </>
      }
    >
      {time}
    </Tooltip>
  );
}
