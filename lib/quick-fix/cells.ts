// One cell of an export. What a spreadsheet has made of it is named as that: people believe what they see in one, and
// the original can be exported again.
import { decimalsOf } from "../money.ts";
import { typeOfId } from "../stripe/ids.ts";
import { readAmount } from "./amounts.ts";
import type { CellType } from "./columns.ts";
import { readTime } from "./times.ts";
import { again, quoted, type Read, scientific } from "./words.ts";

/**
 * Reads a cell. Times are Unix seconds, amounts minor units of `currency`; an empty cell is null. A problem says what is wrong
 * and what to do, without naming the column.
 */
export function readCell(type: CellType, text: string, currency: string | null): Read {
  const cell = text.trim();
  if (cell === "" || type === "left") return { value: cell === "" ? null : cell };
  const damage = damageOf(cell) ?? (type === "text" ? damageOfText(cell) : markOf(cell));
  if (damage !== null) return { problem: damage };
  switch (type) {
    case "text":
      return { value: cell };
    case "id":
      return readId(cell);
    case "email":
      return readEmail(cell);
    case "currency":
      return readCurrency(cell);
    case "time":
    case "day":
      return readTime(cell, type);
    case "whole":
      return readWhole(cell);
    case "flag":
      return readFlag(cell);
    case "money":
      return readAmount(cell, currency);
  }
}

/** What only a spreadsheet writes into a cell. */
function damageOf(cell: string): string | null {
  if (/^#+$/.test(cell))
    return `A spreadsheet wrote ${quoted(cell)}, since its column was too narrow. ${again}`;
  if (/^#(REF|NAME|VALUE|N\/A|NUM|DIV\/0|NULL|SPILL|CALC|GETTING_DATA|ERROR)[!?]?$/i.test(cell))
    return `A spreadsheet took it for a formula and wrote ${quoted(cell)}. ${again}`;
  return null;
}

/** In a text that could be anything: only what a spreadsheet makes of a number with twelve digits and more. */
const damageOfText = (cell: string): string | null =>
  /^\d[.,]\d+E\+\d\d$/.test(cell) ? `A spreadsheet shortened the number to ${quoted(cell)}. ${again}` : null;

/** What a spreadsheet, or a careful exporter, puts in front of a value. */
function markOf(cell: string): string | null {
  if (/^['’]/.test(cell))
    return `An apostrophe stands in front of ${quoted(cell.slice(1))}, as spreadsheets mark a text. ${again}`;
  if (cell.startsWith("=")) return `${quoted(cell)} is a formula and no value. ${again}`;
  return null;
}

/** Whether it is an id of Stripe's, whatever it is of. */
function readId(cell: string): Read {
  if (scientific.test(cell))
    return { problem: `A spreadsheet turned the id into the number ${quoted(cell)}. ${again}` };
  if (/(…|\.\.)/.test(cell)) return { problem: `The id ${quoted(cell)} is shortened. ${again}` };
  if (/^(grand |sub)?total\b|^(sum|summe|gesamt|somme)\b/i.test(cell))
    return { problem: `${quoted(cell)} is a sum that somebody added below the export. Remove that line.` };
  // The Dashboard names guests, whom the API does not know: to it the payment has no customer.
  if (/^gcus_\w+$/.test(cell)) return { value: null };
  if (!/^[a-z]+_[A-Za-z0-9_]+$/.test(cell) || typeOfId(cell) === null)
    return { problem: `${quoted(cell)} is no id of Stripe's.` };
  // Stripe's own have fourteen characters or more behind their prefix.
  if (cell.slice(cell.indexOf("_") + 1).length < 14)
    return { problem: `The id ${quoted(cell)} is too short: something cut it off. ${again}` };
  return { value: cell };
}

const readEmail = (cell: string): Read =>
  /^[^\s@\p{C}]+@[^\s@\p{C}]+$/u.test(cell) && !/(…|\.\.\.)/.test(cell)
    ? { value: cell }
    : { problem: `${quoted(cell)} is no e-mail address.` };

/** In small letters, as Stripe's API writes it. */
const readCurrency = (cell: string): Read =>
  decimalsOf(cell) === null
    ? { problem: `${quoted(cell)} is no currency that is known here.` }
    : { value: cell.toLowerCase() };

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
