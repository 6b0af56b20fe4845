// Times as exports write them. A spreadsheet writes them as its owner's country does, and then nobody can tell one day from
// another: such a time is named, and never guessed.
import { again, quoted, type Read, scientific } from "./words.ts";

/** Unix seconds. A `day` may come without its time: it is midnight anyway. */
export function readTime(cell: string, type: "time" | "day"): Read {
  const parts = /^(\d{4})-(\d{2})-(\d{2})(?:[ T](\d{2}):(\d{2})(?::(\d{2}))?)?(?: UTC|Z)?$/.exec(cell);
  if (!parts) return { problem: damageOf(cell) };
  if (parts[4] === undefined && type === "time")
    return {
      problem: `The time of day is gone from ${quoted(cell)}: a spreadsheet kept only the date. ${again}`,
    };
  const numbers = parts.slice(1).map((part) => Number(part ?? 0));
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = numbers;
  const ms = Date.UTC(year, month - 1, day, hour, minute, second);
  const date = new Date(ms);
  // 30 February would become a day of March, and the year 26 one of the last century.
  const same = date.getUTCMonth() === month - 1 && date.getUTCDate() === day && date.getUTCHours() === hour;
  if (!same || minute > 59 || second > 59 || year < 1_970 || year > 2_199)
    return { problem: `There is no time ${quoted(cell)} in Stripe.` };
  return { value: ms / 1_000 };
}

function damageOf(cell: string): string {
  if (/^\d{1,6}([.,]\d+)?$/.test(cell) || scientific.test(cell))
    return `A spreadsheet turned the time into the number ${quoted(cell)}. ${again}`;
  if (/^\d{1,2}:\d{2}([:.,]\d+)*( ?[AP]M)?$/i.test(cell))
    return `A spreadsheet kept only a part of the time, ${quoted(cell)}. ${again}`;
  if (/^\d{4}[./-]\d{1,2}[./-]\d{1,2}\b/.test(cell))
    return `A spreadsheet wrote the time as ${quoted(cell)}, and not like 2026-11-25 14:30. ${again}`;
  if (/^\d{1,4}[./-]\d{1,2}[./-]\d{1,4}/.test(cell))
    return `A spreadsheet wrote the time as ${quoted(cell)}, and nobody can tell the day from the month. ${again}`;
  return `${quoted(cell)} is no time like 2026-11-25 14:30.`;
}
