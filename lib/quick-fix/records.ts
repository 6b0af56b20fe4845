// From text to lines of cells, each with the number that an editor gives it.
import { Readable } from "node:stream";
import { CsvError, parse } from "csv-parse";
import { DriftdeskError } from "../errors.ts";

/** A line of that many characters is no line of an export: a quote was opened and never closed. */
const longestLine = 100_000;

export type Cells = { line: number; cells: string[] };

/** Lines with anything in them. Throws `export_unreadable` where the text is no table. */
export async function* recordsOf(
  text: AsyncIterable<string>,
  delimiter: string,
  skipped: number,
): AsyncGenerator<Cells> {
  // Lines that are whole, also those that nobody has asked for yet when a later one breaks.
  let whole = 1;
  const parser = parse({
    delimiter,
    // All of them, whatever the first line ends in: files are put together by hand.
    record_delimiter: ["\r\n", "\n", "\r"],
    raw: true,
    relax_column_count: true,
    max_record_size: longestLine,
    on_record: (record, { lines }) => {
      whole = lines;
      return record;
    },
  });
  const input = Readable.from(text);
  input.on("error", (error) => parser.destroy(error));
  input.pipe(parser);
  try {
    let line = skipped + 1;
    for await (const { raw, record } of parser as AsyncIterable<{ raw: string; record: string[] }>) {
      if (record.some((cell) => cell !== "")) yield { line, cells: record };
      line += raw.match(/\r\n|\n|\r/g)?.length ?? 0;
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw new DriftdeskError(
      "export_unreadable",
      `The file cannot be read beyond line ${skipped + whole}: ${wordsOf(error)}`,
      { cause: error, status: 400 },
    );
  } finally {
    input.destroy();
  }
}

function wordsOf(error: CsvError): string {
  switch (error.code) {
    case "CSV_MAX_RECORD_SIZE":
      return `what follows has more than ${longestLine.toLocaleString("en-US")} characters without an end. A quotation mark that is opened there is never closed, or this is no export. Export the file again.`;
    case "CSV_QUOTE_NOT_CLOSED":
      return "a quotation mark is opened behind it and never closed. Export the file again.";
    case "CSV_INVALID_CLOSING_QUOTE":
    case "INVALID_OPENING_QUOTE":
      return "a quotation mark stands in the middle of a cell. Export the file again, or double that mark.";
    default:
      return `${error.message}. Export the file again.`;
  }
}
