// Amounts as exports and spreadsheets write them, in the currency's major unit. What can be read in two ways is not read: a
// separator that is taken for the other makes an amount a thousand times as large.
import { decimalsOf } from "../money.ts";
import { again, quoted, type Read, scientific } from "./words.ts";

const unlike = (cell: string): Read => ({ problem: `${quoted(cell)} is no amount like 1,000.00.` });
const twoWays = (cell: string): Read => ({
  problem: `${quoted(cell)} can be read in two ways: nobody can tell whether it separates thousands or decimals. ${again}`,
});

/** Minor units of the currency that the same line names. */
export function readAmount(cell: string, currency: string | null): Read {
  if (currency === null) return { problem: "Its line names no currency." };
  const decimals = decimalsOf(currency);
  if (decimals === null) return { problem: `${quoted(currency)} is no currency that is known here.` };
  if (/^ugx$/i.test(currency))
    return {
      problem: `Stripe's own words on how it counts UGX contradict each other. Export it again without amounts, or ask Stripe.`,
    };
  if (scientific.test(cell))
    return { problem: `A spreadsheet shortened the amount to ${quoted(cell)}. ${again}` };
  if (/^[-(]?\s*\p{Sc}|\p{Sc}\s*\)?$/u.test(cell))
    return { problem: `A spreadsheet wrote the amount as ${quoted(cell)}, with a sign of its own. ${again}` };
  // Accountants write what is owed in parentheses.
  const inParentheses = /^\((.*)\)$/.exec(cell);
  const unsigned = inParentheses?.[1] ?? cell.replace(/^[-\u2212]/, "");
  const negative = inParentheses !== null || unsigned !== cell;
  const parts =
    /^(?:([1-9]\d{0,2}(?:([.,' \u00A0\u202F\u2019])\d{3})(?:\2\d{3})*)|(\d+))(?:([.,])(\d+))?$/.exec(
      unsigned,
    );
  if (!parts) return unlike(cell);
  let [, grouped, separator, plain = "", point, fraction = ""] = parts;
  if (point !== undefined && point === separator) return unlike(cell);
  // One comma or point and three digits behind it: thousands to some, decimals to others.
  if (grouped && separator && /^[.,]$/.test(separator) && point === undefined && grouped.length < 8) {
    if (separator === "." && decimals === 3) [plain = "", fraction = ""] = grouped.split(".");
    // The Dashboard always writes the decimals that there are.
    else if (separator === "," && decimals === 0) plain = grouped.replace(",", "");
    else return twoWays(cell);
    grouped = undefined;
  }
  const whole = grouped?.replace(/\D/g, "") ?? plain;
  if (/[1-9]/.test(fraction.slice(decimals)))
    return {
      problem: `${quoted(cell)} has more decimals than ${currency.toUpperCase()} has (${decimals}).`,
    };
  const minor = Number(`${whole}${fraction.slice(0, decimals).padEnd(decimals, "0")}`);
  if (!Number.isSafeInteger(minor)) return { problem: `The amount ${quoted(cell)} is too large.` };
  return { value: negative && minor !== 0 ? -minor : minor };
}
