// How text stands in a script that people read and psql reads: never more than one line, and nothing in it is anything else.

import { DriftdeskError } from "../errors.ts";
import { quoteName } from "../local/catalog.ts";

/**
 * Text as an SQL literal on one line, whatever `standard_conforming_strings` says. What is not to be seen, or turns around what
 * is, is spelled as an escape: an editor that changes line ends changes no value. Throws `value_does_not_fit` for what Postgres
 * has no text for.
 */
export function textLiteral(text: string): string {
  if (text.includes("\0") || !text.isWellFormed())
    throw new DriftdeskError(
      "value_does_not_fit",
      `Postgres has no text for ${JSON.stringify(text.slice(0, 80))}: it has a NUL character, or half of one.`,
    );
  const escaped = text.replaceAll("'", "''").replaceAll("\\", "\\\\").replace(unseen, escapeOf);
  return escaped.includes("\\") ? `E'${escaped}'` : `'${escaped}'`;
}

export const literalOrNull = (text: string | null): string => (text === null ? "NULL" : textLiteral(text));

/** Text as lines of a comment: nothing in it begins a new one. */
export const comment = (lines: readonly string[]): string =>
  lines.map((line) => `-- ${line.replace(unseen, " ").trimEnd()}`.trimEnd()).join("\n");

/** A name for a column of a script's own, which says what the user's column is called as far as there is room. */
export function columnName(prefix: string, name: string): string {
  let cut = `${prefix} ${name}`;
  // Postgres cuts names at 63 bytes.
  while (Buffer.byteLength(cut) > 63) cut = [...cut].slice(0, -1).join("");
  return quoteName(cut);
}

/** Control characters, line ends of every kind, and marks that change how the text around them looks. */
const unseen = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

function escapeOf(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return code > 0xffff
    ? `\\U${code.toString(16).padStart(8, "0")}`
    : `\\u${code.toString(16).padStart(4, "0")}`;
}
