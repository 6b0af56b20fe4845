// From bytes to text, and what separates its cells.
import { DriftdeskError } from "../errors.ts";
import { foreignOf } from "./foreign.ts";

export interface Decoded {
  text: AsyncIterable<string>;
  delimiter: string;
  /** Lines at the beginning that are no line of the table. */
  skipped: number;
}

const delimiters = [",", ";", "\t"] as const;
/** A first line is never longer. */
const longestHeader = 64 * 1_024;
/** What tells other kinds of files from text stands in their first bytes. */
const sniffed = 512;

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
  // A line break of two characters may be cut in two.
  if (head.endsWith("\r")) head += (await chunks.next()).value ?? "";
  // Spreadsheets write this for each other.
  const told = /^sep=(.)(\r\n|\n|\r)/i.exec(head);
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
  let begun = Buffer.alloc(0);
  let decoder: Decoder | null = null;
  for await (const chunk of source) {
    if (decoder !== null) {
      yield decoder.text(chunk);
      continue;
    }
    begun = Buffer.concat([begun, chunk]);
    if (begun.length < sniffed) continue;
    decoder = begin(begun);
    yield decoder.text(begun);
  }
  if (decoder === null && begun.length > 0) {
    decoder = begin(begun);
    yield decoder.text(begun);
  }
  if (decoder !== null) yield decoder.end();
}

function begin(begun: Buffer): Decoder {
  const foreign = foreignOf(begun);
  if (foreign !== null) throw unreadable(foreign);
  return new Decoder(encodingOf(begun));
}

const unreadable = (message: string, cause?: unknown) =>
  new DriftdeskError("export_unreadable", message, { cause, status: 400 });

function encodingOf(begun: Buffer): string {
  if (begun[0] === 0xff && begun[1] === 0xfe) return "utf-16le";
  if (begun[0] === 0xfe && begun[1] === 0xff) return "utf-16be";
  return "utf-8";
}

/** Knows in which line what it cannot decode stands. */
class Decoder {
  readonly #encoding: string;
  readonly #decoder: TextDecoder;
  #line = 1;
  #endedInReturn = false;

  constructor(encoding: string) {
    this.#encoding = encoding;
    this.#decoder = new TextDecoder(encoding, { fatal: true });
  }

  text(bytes: Uint8Array): string {
    let text: string;
    try {
      text = this.#decoder.decode(bytes, { stream: true });
    } catch (error) {
      this.#count(this.#encoding === "utf-8" ? readable(bytes) : "");
      throw this.#broken(error);
    }
    const zero = text.indexOf("\0");
    if (zero < 0) {
      this.#count(text);
      return text;
    }
    this.#count(text.slice(0, zero));
    throw unreadable(
      `In line ${this.#line} there are zero bytes, which no text has: the file was damaged, or it is no CSV. Export it again.`,
    );
  }

  end(): string {
    try {
      return this.#decoder.decode();
    } catch (error) {
      throw this.#broken(error);
    }
  }

  #broken(cause: unknown): DriftdeskError {
    const said = this.#encoding === "utf-8" ? "UTF-8" : "the UTF-16 that its first bytes promise";
    return unreadable(
      `In line ${this.#line} the file is not written in ${said}. Export it again, or save it as “CSV UTF-8”.`,
      cause,
    );
  }

  #count(text: string): void {
    if (text === "") return;
    if (this.#endedInReturn && !text.startsWith("\n")) this.#line++;
    for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) this.#line++;
    for (let at = text.indexOf("\r"); at >= 0; at = text.indexOf("\r", at + 1))
      if (at + 1 < text.length && text[at + 1] !== "\n") this.#line++;
    this.#endedInReturn = text.endsWith("\r");
  }
}

/** As much of broken UTF-8 as can be read, without a character that began before it. */
function readable(bytes: Uint8Array): string {
  let from = 0;
  while (from < 3 && ((bytes[from] ?? 0) & 0xc0) === 0x80) from++;
  let [good, bad] = [from, bytes.length];
  let text = "";
  while (good < bad) {
    const to = Math.ceil((good + bad) / 2);
    try {
      text = new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(from, to), { stream: true });
      good = to;
    } catch {
      bad = to - 1;
    }
  }
  return text;
}
