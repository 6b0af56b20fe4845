// From bytes to text, and what separates its cells.
import { DriftdeskError } from "../errors.ts";

export interface Decoded {
  text: AsyncIterable<string>;
  delimiter: string;
  /** Lines at the beginning that are no line of the table. */
  skipped: number;
}

const delimiters = [",", ";", "\t"] as const;
/** A first line is never longer. */
const longestHeader = 64 * 1_024;

/**
 * Decodes UTF-8, or UTF-16 that says so by its byte-order mark, and finds out what separates cells by the first line.
 * Throws `export_unreadable` for bytes that are no text, also while the text is read.
 */
export async function decode(source: AsyncIterable<Uint8Array>): Promise<Decoded> {
  const chunks = textOf(source)[Symbol.asyncIterator]();
  let head = "";
  while (!/[\r\n]/.test(head) && head.length < longestHeader) {
    const next = await chunks.next();
    if (next.done) break;
    head += next.value;
  }
  // Spreadsheets write this for each other.
  const told = /^sep=(.)\r?\n/i.exec(head);
  if (told) head = head.slice(told[0].length);
  return {
    text: continued(head, chunks),
    delimiter: told?.[1] ?? likeliest(head.split(/[\r\n]/, 1)[0] ?? ""),
    skipped: told ? 1 : 0,
  };
}

async function* continued(head: string, rest: AsyncIterator<string>): AsyncGenerator<string> {
  if (head !== "") yield head;
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
}

function likeliest(line: string): string {
  const outside = line.replace(/"[^"]*"/g, "");
  const counted = delimiters.map((delimiter) => ({ delimiter, count: outside.split(delimiter).length }));
  return counted.reduce((best, one) => (one.count > best.count ? one : best)).delimiter;
}

async function* textOf(source: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let decoder: TextDecoder | null = null;
  let lines = 1;
  let begun = Buffer.alloc(0);
  const decoded = (bytes: Uint8Array | undefined): string => {
    try {
      decoder ??= new TextDecoder(encodingOf(begun), { fatal: true });
      const text = decoder.decode(bytes, { stream: bytes !== undefined });
      if (text.includes("\0")) throw new TypeError("not text");
      lines += text.split("\n").length - 1;
      return text;
    } catch (error) {
      throw new DriftdeskError(
        "export_unreadable",
        `At about line ${lines} the file is not written in UTF-8. Save it as “CSV UTF-8”, or export it again; a workbook (.xlsx) has to be exported as CSV.`,
        { cause: error, status: 400 },
      );
    }
  };
  for await (const chunk of source) {
    if (decoder === null) {
      begun = Buffer.concat([begun, chunk]);
      // A mark has three bytes at most.
      if (begun.length < 3) continue;
      yield decoded(begun);
    } else yield decoded(chunk);
  }
  if (decoder === null && begun.length > 0) yield decoded(begun);
  if (decoder !== null) yield decoded(undefined);
}

function encodingOf(begun: Buffer): string {
  if (begun[0] === 0xff && begun[1] === 0xfe) return "utf-16le";
  if (begun[0] === 0xfe && begun[1] === 0xff) return "utf-16be";
  return "utf-8";
}
