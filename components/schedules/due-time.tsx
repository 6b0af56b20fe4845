"use client";

import { useSyncExternalStore } from "react";
import { relativeTime } from "../format/clock.ts";
import { useNow } from "../format/time.tsx";

const never = () => () => {};
/** False on the server, which does not know the reader's zone, and until the page has come alive. */
const useReaders = () =>
  useSyncExternalStore(
    never,
    () => true,
    () => false,
  );

/** When something is due: how soon, at what time by the reader's clock, and by the schedule's own where that is another. */
export function DueTime({ at, timeZone }: { at: Date; timeZone: string }) {
  const now = useNow();
  const own = clockTime(at, timeZone);
  const readers = useReaders() ? clockTime(at) : own;
  return (
    <time dateTime={at.toISOString()} className="tabular-nums">
      <span suppressHydrationWarning>{at <= now ? "due now" : relativeTime(at, now)}</span>
      <span className="text-ink-2"> · {readers}</span>
      {own !== readers && (
        <span className="block text-12 text-ink-3">
          {own.endsWith(timeZone) ? own : `${own}, ${timeZone}`}
        </span>
      )}
    </time>
  );
}

/** "Wed 25 Nov, 15:00 CET", in the given zone or the reader's own. */
export function clockTime(at: Date, timeZone?: string): string {
  return new Intl.DateTimeFormat("en-GB", {
    weekday: "short",
    day: "numeric",
    month: "short",
    hour: "2-digit",
    minute: "2-digit",
    timeZoneName: "short",
    ...(timeZone ? { timeZone } : {}),
  }).format(at);
}
