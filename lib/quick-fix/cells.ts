// One cell of an export. What a spreadsheet has made of it is named as that: people believe what they see in one, and
// the original can be exported again.
import { typeOfId } from "../stripe/ids.ts";
import type { CellType } from "./columns.ts";

export type CellValue = string | number | boolean | null;
export type Read = { value: CellValue } | { problem: string };

const again = "Export it again, and do not save it in a spreadsheet.";
const scientific = /^[+-]?\d+([.,]\d+)?e[+-]?\d+$/i;

/**
 * Reads a cell. Times are Unix seconds, amounts minor units of `currency`; an empty cell is null. A problem says what is wrong
 * and what to do, without naming the column.
 */
export function readCell(type: CellType, text: string, currency: string | null): Read {
  const cell = text.trim();
  if (cell === "") return { value: null };
  const damage = damageOf(cell);
  if (damage !== null && type !== "left") return { problem: damage };
  switch (type) {
    case "left":
    case "text":
      return { value: cell };
    case "id":
      return readId(cell);
    case "email":
      return /^[^\s@]+@[^\s@]+$/.test(cell)
        ? { value: cell }
        : { problem: `${quoted(cell)} is no e-mail address.` };
    case "time":
      return readTime(cell);
    case "whole":
      return readWhole(cell);
    case "flag":
      return readFlag(cell);
    case "money":
      return readMoney(cell, currency);
  }
}

/** What only a spreadsheet writes into a cell. */
function damageOf(cell: string): string | null {
  if (/^#+$/.test(cell))
    return `A spreadsheet wrote ${quoted(cell)}, since its column was too narrow. ${again}`;
  if (/^#(REF|NAME|VALUE|N\/A|NUM|DIV\/0|NULL)[!?]?$/i.test(cell))
    return `A spreadsheet took it for a formula and wrote ${quoted(cell)}. ${again}`;
  return null;
}

/** Whether it is an id of Stripe's, whatever it is of. */
function readId(cell: string): Read {
  if (scientific.test(cell))
    return { problem: `A spreadsheet turned the id into the number ${quoted(cell)}. ${again}` };
  if (/(…|\.\.\.)/.test(cell)) return { problem: `The id ${quoted(cell)} is shortened. ${again}` };
  if (!/^[a-z]+_[A-Za-z0-9_]+$/.test(cell) || typeOfId(cell) === null)
    return { problem: `${quoted(cell)} is no id of Stripe's.` };
  // Stripe's own have fourteen characters or more behind their prefix.
  if (cell.slice(cell.indexOf("_") + 1).length < 8)
    return { problem: `The id ${quoted(cell)} is too short: something cut it off. ${again}` };
  return { value: cell };
}

function readTime(cell: string): Read {
  const parts = /^(\d{4})-(\d{2})-(\d{2})(?:[ T](\d{2}):(\d{2})(?::(\d{2}))?)?(?: UTC|Z)?$/.exec(cell);
  if (!parts) {
    if (/^\d{4,6}([.,]\d+)?$/.test(cell) || scientific.test(cell))
      return { problem: `A spreadsheet turned the time into the number ${quoted(cell)}. ${again}` };
    if (/^\d{1,4}[./-]\d{1,2}[./-]\d{1,4}/.test(cell))
      return {
        problem: `A spreadsheet wrote the time as ${quoted(cell)}, and nobody can tell the day from the month. ${again}`,
      };
    return { problem: `${quoted(cell)} is no time like 2026-11-25 14:30.` };
  }
  const [year, month, day, hour, minute, second] = parts.slice(1).map((part) => Number(part ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const ms = Date.UTC(year, month - 1, day, hour, minute, second);
  const date = new Date(ms);
  // 30 February would become a day of March.
  const same = date.getUTCMonth() === month - 1 && date.getUTCDate() === day && date.getUTCHours() === hour;
  if (!same || minute > 59 || second > 59) return { problem: `There is no time ${quoted(cell)}.` };
  return { value: ms / 1_000 };
}

function readWhole(cell: string): Read {
  if (/^\d{1,9}$/.test(cell)) return { value: Number(cell) };
  if (scientific.test(cell))
    return { problem: `A spreadsheet shortened the number to ${quoted(cell)}. ${again}` };
  return { problem: `${quoted(cell)} is no whole number.` };
}

function readFlag(cell: string): Read {
  if (/^(true|yes|1|wahr|vrai)$/i.test(cell)) return { value: true };
  if (/^(false|no|0|falsch|faux)$/i.test(cell)) return { value: false };
  return { problem: `${quoted(cell)} is neither true nor false.` };
}

/** The decimals of a currency; null for what is none. */
function decimalsOf(currency: string): number | null {
  if (!/^[a-z]{3}$/i.test(currency)) return null;
  const code = currency.toUpperCase();
  if (!Intl.supportedValuesOf("currency").includes(code)) return null;
  const format = new Intl.NumberFormat("en-US", { style: "currency", currency: code });
  return format.resolvedOptions().maximumFractionDigits ?? null;
}

function readMoney(cell: string, currency: string | null): Read {
  if (currency === null) return { problem: "Its line names no currency." };
  const decimals = decimalsOf(currency);
  if (decimals === null) return { problem: `${quoted(currency)} is no currency that is known here.` };
  if (scientific.test(cell))
    return { problem: `A spreadsheet shortened the amount to ${quoted(cell)}. ${again}` };
  const parts = /^(-?)(\d+|\d{1,3}(?:([.,' ])\d{3})(?:\3\d{3})*)(?:([.,])(\d+))?$/.exec(cell);
  if (!parts) return { problem: `${quoted(cell)} is no amount like 1,000.00.` };
  const [, sign = "", major = "", separator, point, fraction = ""] = parts;
  // "1,000" is a thousand, unless the currency has three decimals.
  const isThousand =
    point !== undefined && fraction.length === 3 && separator === undefined && decimals !== 3;
  if (point !== undefined && point === separator)
    return { problem: `${quoted(cell)} is no amount like 1,000.00.` };
  if (decimals === 3 && separator !== undefined && point === undefined && !/\d[.,' ]\d{3}[.,' ]/.test(cell))
    return {
      problem: `${quoted(cell)} can be read in two ways in a currency with three decimals. ${again}`,
    };
  const whole = `${major.replace(/\D/g, "")}${isThousand ? fraction : ""}`;
  const cents = isThousand ? "" : fraction;
  if (cents.length > decimals && /[1-9]/.test(cents.slice(decimals)))
    return {
      problem: `${quoted(cell)} has more decimals than ${currency.toUpperCase()} has (${decimals}).`,
    };
  const minor = Number(`${whole}${cents.slice(0, decimals).padEnd(decimals, "0")}`);
  if (!Number.isSafeInteger(minor)) return { problem: `The amount ${quoted(cell)} is too large.` };
  return { value: sign === "-" && minor !== 0 ? -minor : minor };
}

const longest = 40;
/** As a message repeats it: what is long is cut, and nothing in it can end the line. */
export const quoted = (text: string): string => {
  const shown = text.replace(/\s+/g, " ");
  return `“${shown.length > longest ? `${shown.slice(0, longest)}…` : shown}”`;
};
