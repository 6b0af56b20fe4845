// Times as people's clocks show them, whatever their clocks do twice a year.
import type { QuietHours } from "../config/resource.ts";

/** The day as "2026-11-25" and the time of day as "08:00" in a time zone. */
export function localTime(at: Date, timeZone: string): { day: string; time: string } {
  const parts = new Intl.DateTimeFormat("en-CA", {
    timeZone,
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  }).formatToParts(at);
  const of = (type: Intl.DateTimeFormatPartTypes) => parts.find((part) => part.type === type)?.value ?? "";
  return { day: `${of("year")}-${of("month")}-${of("day")}`, time: `${of("hour")}:${of("minute")}` };
}

/** Whether nobody wants to be disturbed then. `from` belongs to the quiet hours, `to` does not. */
export function isQuiet(at: Date, quietHours: QuietHours | undefined): boolean {
  if (!quietHours) return false;
  const { from, to, timeZone } = quietHours;
  const { time } = localTime(at, timeZone);
  return from < to ? time >= from && time < to : time >= from || time < to;
}

/** When the quiet hours end that a time is in. */
export function quietUntil(at: Date, quietHours: QuietHours): Date {
  const minuteMs = 60_000;
  let end = Math.floor(at.getTime() / minuteMs) * minuteMs;
  // Minute by minute, since a clock that is put forward or back is right at each. A day has 25 hours at most.
  for (let minutes = 0; minutes < 25 * 60 && isQuiet(new Date(end), quietHours); minutes++) end += minuteMs;
  return new Date(end);
}

/** "25 Nov 2026, 08:00 UTC"; what is no time stays as it is. */
export function timeText(at: string, timeZone: string): string {
  const time = new Date(at);
  if (Number.isNaN(time.getTime())) return at;
  return new Intl.DateTimeFormat("en-GB", {
    timeZone,
    day: "numeric",
    month: "short",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    timeZoneName: "short",
  }).format(time);
}
