// What a cron expression means, in words. Used in the browser too.
import type { Timing } from "./next-times.ts";

/** "every hour", "every day at 03:00 (Europe/Berlin)": with the zone where it makes a difference. */
export function timingWords({ cron, timeZone }: Timing): string {
  const [, ...others] = cron.trim().split(/\s+/);
  const words = cronWords(cron);
  return others.every((field) => field === "*") ? words : `${words} (${timeZone})`;
}

/**
 * "every hour", "every day at 03:00", "every 15 minutes, Monday to Friday": for what `cronMistake` has nothing against. What
 * nobody would say in a few words is named by its expression.
 */
export function cronWords(cron: string): string {
  const [minute = "", hour = "", day = "", month = "", weekday = ""] = cron.trim().toLowerCase().split(/\s+/);
  const days = dayWords(day, weekday);
  const months = month === "*" ? "" : spanWords(month, monthNames, 1);
  const times = clockTimes(minute, hour);
  const often = times ?? oftenWords(minute, hour);
  if (often === null || days === null || months === null) return `by the pattern ${cron}`;
  const within = [days, months && `in ${months}`].filter(Boolean).join(" ");
  if (times) return `${within && days ? within : `every day${within && ` ${within}`}`} at ${times}`;
  return within ? `${often}, ${within}` : often;
}

const monthNames =
  "January February March April May June July August September October November December".split(" ");
const weekdayNames = "Sunday Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split(" ");

/** The numbers that a field of minutes or hours stands for. */
function numbersOf(field: string, max: number): number[] {
  const numbers = new Set<number>();
  for (const item of field.split(",")) {
    const [range = "", step] = item.split("/");
    const [from = 0, to = step ? max : from] = range === "*" ? [0, max] : range.split("-").map(Number);
    for (let n = from; n <= to; n += Number(step ?? 1)) numbers.add(n);
  }
  return [...numbers].sort((a, b) => a - b);
}

const two = (number: number) => String(number).padStart(2, "0");

/** Where it is a few times a day: these. */
function clockTimes(minute: string, hour: string): string | null {
  const minutes = numbersOf(minute, 59);
  const times = numbersOf(hour, 23).flatMap((h) => minutes.map((m) => `${two(h)}:${two(m)}`));
  return times.length > 6 ? null : joined(times);
}

function oftenWords(minute: string, hour: string): string | null {
  const minutes = numbersOf(minute, 59);
  const hours = numbersOf(hour, 23);
  const [first = 0] = minutes;
  const each = evenly(minutes, 60);
  if (hours.length === 24) {
    if (each && first === 0) return each === 1 ? "every minute" : `every ${each} minutes`;
    if (minutes.length === 1) return first === 0 ? "every hour" : `every hour at minute ${first}`;
    return minutes.length > 4 ? null : `every hour at minutes ${joined(minutes.map(String))}`;
  }
  const [firstHour = 0] = hours;
  const lastHour = hours.at(-1) ?? 0;
  if (lastHour - firstHour === hours.length - 1) {
    const span = `from ${two(firstHour)}:${two(first)} to ${two(lastHour)}:${two(minutes.at(-1) ?? 0)}`;
    if (minutes.length === 1) return `every hour ${span}`;
    return each ? `every ${each === 1 ? "minute" : `${each} minutes`} ${span}` : null;
  }
  const eachHour = evenly(hours, 24);
  if (minutes.length > 1 || !eachHour) return null;
  return `every ${eachHour} hours from ${two(firstHour)}:${two(first)} on`;
}

/** The distance of numbers that are evenly spread over a whole round. */
function evenly(numbers: readonly number[], round: number): number | null {
  const each = round / numbers.length;
  const [first = 0] = numbers;
  return numbers.length > 1 && numbers.every((number, n) => number === first + n * each) ? each : null;
}

/** Empty for every day, null for what has no words. Where both are named, cron takes either. */
function dayWords(day: string, weekday: string): string | null {
  const weekdays = weekday === "*" ? "" : weekdayWords(weekday);
  if (day === "*" || weekdays === null) return weekdays;
  const days = spanWords(day, null, 1);
  if (days === null) return null;
  return `on the ${days}${weekdays && ` and ${weekdays}`}`;
}

function weekdayWords(weekday: string): string | null {
  const words = spanWords(weekday, weekdayNames, 0);
  // A span is named as it is; single ones are said of each week.
  return words === null || weekday.includes("-") ? words : `on ${words.replace(/day\b/g, "days")}`;
}

/** "1-5,9" as "1st to 5th and 9th", or in names; null where there are steps. */
function spanWords(field: string, names: readonly string[] | null, first: number): string | null {
  if (field.includes("/") || field.includes("*")) return null;
  const one = (text: string) =>
    names?.find((name) => name.slice(0, 3).toLowerCase() === text) ??
    names?.[Number(text) - first] ??
    ordinal(Number(text));
  return joined(field.split(",").map((item) => item.split("-").map(one).join(" to ")));
}

function ordinal(number: number): string {
  const last = number % 100 > 10 && number % 100 < 14 ? 0 : number % 10;
  return `${number}${["th", "st", "nd", "rd"][last] ?? "th"}`;
}

const joined = (parts: readonly string[]) =>
  parts.length < 2 ? parts.join("") : `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`;
