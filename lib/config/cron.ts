import { Cron } from "croner";

// The five classic fields. What the scheduler also takes (seconds, L, #) is refused: hardly anybody reads it right.
const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const weekdays = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

interface CronField {
  name: string;
  min: number;
  max: number;
  /** The first of these names stands for `min`. */
  names?: readonly string[];
}

const cronFields: readonly CronField[] = [
  { name: "minute", min: 0, max: 59 },
  { name: "hour", min: 0, max: 23 },
  { name: "day of the month", min: 1, max: 31 },
  { name: "month", min: 1, max: 12, names: months },
  { name: "weekday", min: 0, max: 7, names: weekdays },
];

/** What is wrong with a cron expression, or null. */
export function cronMistake(cron: string): string | null {
  return fieldMistake(cron) ?? (comes(cron) ? null : "it never comes: no month has such a day");
}

/** A day that is in no month, as the 31st of February. */
const comes = (cron: string) =>
  new Cron(cron, { timezone: "UTC", paused: true, sloppyRanges: true }).nextRun() !== null;

function fieldMistake(cron: string): string | null {
  const parts = cron.trim().split(/\s+/);
  if (parts.length !== cronFields.length)
    return 'write five fields: minute, hour, day, month, weekday, as in "0 3 * * *"';
  for (const [i, field] of cronFields.entries())
    for (const item of (parts[i] ?? "").split(","))
      if (!fits(item, field))
        return `"${item}" is no ${field.name}: write ${field.min} to ${field.max}, *, a range (1-5) or steps (*/10)`;
  return null;
}

function fits(item: string, field: CronField): boolean {
  const [, range = "", step] = /^([^/]+)(?:\/(\d+))?$/.exec(item) ?? [];
  if (step !== undefined && (Number(step) < 1 || Number(step) > field.max)) return false;
  if (range === "*") return true;
  const ends = range.split("-").map((end) => numberOf(end, field));
  const [from, to = from] = ends;
  return (
    ends.length <= 2 &&
    from !== undefined &&
    to !== undefined &&
    from >= field.min &&
    to <= field.max &&
    from <= to
  );
}

function numberOf(text: string, field: CronField): number {
  const named = field.names?.indexOf(text.toLowerCase()) ?? -1;
  if (named >= 0) return field.min + named;
  return /^\d+$/.test(text) ? Number(text) : Number.NaN;
}
