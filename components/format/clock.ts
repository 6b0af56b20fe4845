const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** "now", "4 min ago", "3 h ago", "2 d ago", "12 Nov", "12 Nov 2025"; and "in 3 h" for what is to come. */
export function relativeTime(at: Date, now: Date): string {
  const past = now.getTime() - at.getTime();
  const span = Math.abs(past);
  const say = (text: string) => (past >= 0 ? `${text} ago` : `in ${text}`);
  // The page's clock goes in steps of 15 s, and the reader's and the server's are never quite the same.
  if (span < minute) return past >= -25_000 ? "just now" : "in a moment";
  if (span < hour) return say(`${Math.floor(span / minute)} min`);
  if (span < day) return say(`${Math.floor(span / hour)} h`);
  if (span < 14 * day) return say(`${Math.floor(span / day)} d`);
  return dayText(at, now);
}

/** How old something is: "4 min", "3 h", "12 d". For columns that are called "age". */
export function ageText(at: Date, now: Date): string {
  const span = Math.max(0, now.getTime() - at.getTime());
  if (span < minute) return "now";
  if (span < hour) return `${Math.floor(span / minute)} min`;
  if (span < day) return `${Math.floor(span / hour)} h`;
  return `${Math.floor(span / day)} d`;
}

/** "850 ms", "1.2 s", "3 min 4 s", "1 h 2 min", "7 d". */
export function durationText(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  const both = (large: string, small: number, unit: string) =>
    small === 0 ? large : `${large} ${small} ${unit}`;
  if (seconds < 3600) return both(`${Math.floor(seconds / 60)} min`, seconds % 60, "s");
  if (seconds < 48 * 3600)
    return both(`${Math.floor(seconds / 3600)} h`, Math.floor((seconds % 3600) / 60), "min");
  return both(`${Math.floor(seconds / 86_400)} d`, Math.floor((seconds % 86_400) / 3600), "h");
}

function dayText(at: Date, now: Date): string {
  const sameYear = at.getUTCFullYear() === now.getUTCFullYear();
  return new Intl.DateTimeFormat("en-GB", {
    day: "numeric",
    month: "short",
    ...(sameYear ? {} : { year: "numeric" }),
    timeZone: "UTC",
  }).format(at);
}

/** "Tue 24 Nov 2026, 14:00:12 GMT+1", in the given zone or the reader's own. */
export function exactTime(at: Date, timeZone?: string): string {
  return new Intl.DateTimeFormat("en-GB", {
    weekday: "short",
    day: "numeric",
    month: "short",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    timeZoneName: "short",
    ...(timeZone ? { timeZone } : {}),
  }).format(at);
}
