// What a spreadsheet does to an export that is opened in it and saved again.
import type { ExportOptions } from "../exports.ts";

type Damage = NonNullable<ExportOptions["damage"]>;

/** Long ids that its column was too narrow for, copied as they were shown. */
export const shortenedIds: Damage = (cell, { header }) =>
  /^(id|.* ID)$/.test(header) && cell !== "" ? `${cell.slice(0, 12)}…` : cell;

/** Numbers as a spreadsheet shows them when they are long. */
export const scientificAmounts: Damage = (cell, { header }) =>
  /Amount|Fee|Total|Volume/.test(header) && /\d/.test(cell)
    ? Number(cell).toExponential(2).toUpperCase()
    : cell;

/** Dates as they are written where the spreadsheet was bought. */
export const reformattedDates =
  (order: "d/m/y" | "m/d/y" | "d.m.y"): Damage =>
  (cell, { header }) => {
    const parts = /\(UTC\)$/.test(header) && /^(\d{4})-(\d{2})-(\d{2}) (.*)$/.exec(cell);
    if (!parts) return cell;
    const [, y = "", m = "", d = "", time = ""] = parts;
    const between = order === "d.m.y" ? "." : "/";
    return `${[...order]
      .filter((part) => /\w/.test(part))
      .map((part) => ({ d, m, y })[part])
      .join(between)} ${time}`;
  };

/** Columns too narrow for what is in them. */
export const hashes: Damage = (cell, { header }) => (/\(UTC\)$/.test(header) && cell ? "########" : cell);
