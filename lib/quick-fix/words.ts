// What the readers of cells share: what they answer, and how they say what is wrong.
export type CellValue = string | number | boolean | null;
export type Read = { value: CellValue } | { problem: string };

export const again = "Export it again, and do not save it in a spreadsheet.";
/** Long numbers as a spreadsheet shows them. */
export const scientific = /^[+-]?\d+([.,]\d+)?e[+-]?\d+$/i;

const longest = 40;
/** As a message repeats it: what is long is cut, and nothing in it can end the line or hide in it. */
export const quoted = (text: string): string => {
  const shown = text.replace(/[\s\p{C}]+/gu, " ");
  return `“${shown.length > longest ? `${shown.slice(0, longest)}…` : shown}”`;
};
