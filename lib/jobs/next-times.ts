import { Cron } from "croner";

/** When a schedule is due: a cron expression, by the clocks of a time zone. */
export interface Timing {
  cron: string;
  timeZone: string;
}

/**
 * The next times after a moment, fewer when there are no more. A time that the clocks leave out in spring is due at the
 * moment they go forward, or as much later; one that they show twice in autumn is due the first time, but for what is due
 * every hour or more often.
 */
export function nextTimes(timing: Timing, after: Date, times: number): Date[] {
  return cronOf(timing).nextRuns(times, after);
}

export function nextTime(timing: Timing, after: Date): Date | null {
  return cronOf(timing).nextRun(after);
}

/** How many times are counted one by one. */
const countedAtMost = 1_000;

/** What was due from one due time to a moment, both included: how often, 1,000 for more, and the last time. */
export function timesUntil(timing: Timing, firstDue: Date, until: Date): { count: number; last: Date } {
  const cron = cronOf(timing);
  const later = cron.nextRuns(countedAtMost - 1, firstDue).filter((at) => at <= until);
  const [last = firstDue] = later.length === 0 ? [] : cron.previousRuns(1, new Date(until.getTime() + 1));
  return { count: 1 + later.length, last: last < firstDue ? firstDue : last };
}

const least = 15 * 60_000;

/** How late what was due at a time may be before people are told: 15 minutes, or a quarter of the time to the next. */
export function toleranceMs(timing: Timing, due: Date): number {
  const next = nextTime(timing, due);
  return Math.max(least, next === null ? 0 : (next.getTime() - due.getTime()) / 4);
}

// Nothing is started by the library itself: it only says when.
const cronOf = ({ cron, timeZone }: Timing) =>
  new Cron(cron, { timezone: timeZone, paused: true, sloppyRanges: true });
