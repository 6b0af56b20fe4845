// A CSV file that somebody exported from Stripe's Dashboard, line by line, in flat memory: what it is, what it says, and which
// lines could not be read.
import { Readable } from "node:stream";
import { CsvError, parse } from "csv-parse";
import { DriftdeskError } from "../errors.ts";
import { typeOfId } from "../stripe/ids.ts";
import { type CellValue, quoted, readCell } from "./cells.ts";
import { type Column, columnOf, type ExportKind, exportKinds, kindsByHeaders, typesOf } from "./columns.ts";
import { decode } from "./decode.ts";

/** What a file was taken for, before anything is made of it. */
export interface Understood {
  kind: ExportKind;
  delimiter: string;
  /** In the file's order. */
  columns: { header: string; name: string }[];
  /** Headers that say nothing that could be compared. */
  ignored: string[];
}

/** One line that was read: what it is about, and what each column says (times in Unix seconds, amounts in minor units). */
export interface ExportRow {
  id: string | null;
  customer: string | null;
  email: string | null;
  values: Readonly<Record<string, CellValue>>;
}

/** Numbered as an editor does, the header being line 1: where the line begins, if it has line breaks in quotes. */
export type ExportLine = { line: number } & ({ row: ExportRow } | { problem: string });

export interface Export {
  understood: Understood;
  lines: AsyncIterable<ExportLine>;
}

/** So many lines are looked at to tell the kind by their ids. */
const looked = 50;
/** A line of that many characters is no line of an export: a quote was opened and never closed. */
const longestLine = 100_000;

type Cells = { line: number; cells: string[] };

/**
 * Reads an export. Errors: `export_unreadable` when the file as a whole cannot be read (its message names the line), also while
 * the lines are read; `export_unknown` when it is no export that is known, or lacks what says whom its lines are about.
 */
export async function readExport(source: AsyncIterable<Uint8Array>): Promise<Export> {
  const { text, delimiter, skipped } = await decode(source);
  const records = recordsOf(text, delimiter, skipped);
  const first = await records.next();
  if (first.done) throw unknown("The file is empty.");
  const headers = first.value.cells;
  const ahead: Cells[] = [];
  while (ahead.length < looked) {
    const next = await records.next();
    if (next.done) break;
    ahead.push(next.value);
  }
  const kind = kindOf(headers, ahead);
  const columns = headers.map((header) => columnOf(kind, header));
  complainAbout(headers, columns, kind);
  const understood: Understood = {
    kind,
    delimiter,
    columns: headers.flatMap((header, i) => {
      const column = columns[i];
      return column && column.type !== "left" ? [{ header: header.trim(), name: column.name }] : [];
    }),
    ignored: headers.flatMap((header, i) =>
      columns[i]?.type === "left" || !columns[i] ? header.trim() : [],
    ),
  };
  return { understood, lines: linesOf({ kind, columns, headers }, ahead, records) };
}

async function* recordsOf(
  text: AsyncIterable<string>,
  delimiter: string,
  skipped: number,
): AsyncGenerator<Cells> {
  // Lines that are whole, also those that nobody has asked for yet when a later one breaks.
  let whole = 1;
  const parser = parse({
    delimiter,
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
    case "CSV_QUOTE_NOT_CLOSED":
    case "CSV_MAX_RECORD_SIZE":
      return "a quotation mark is opened there and never closed. Export the file again.";
    case "CSV_INVALID_CLOSING_QUOTE":
    case "INVALID_OPENING_QUOTE":
      return "a quotation mark stands in the middle of a cell. Export the file again, or double that mark.";
    default:
      return `${error.message}. Export the file again.`;
  }
}

const unknown = (message: string) => new DriftdeskError("export_unknown", message, { status: 400 });

/** By the ids of its lines, which nobody renames; where they tell nothing, by its headers. */
function kindOf(headers: readonly string[], ahead: readonly Cells[]): ExportKind {
  const at = headers.findIndex((header) => header.trim().toLowerCase() === "id");
  const types = ahead.map(({ cells }) => typeOfId(cells[at]?.trim() ?? ""));
  const named = exportKinds.filter((kind) =>
    types.some((type) => type !== null && typesOf[kind].includes(type)),
  );
  const best = kindsByHeaders(headers);
  const [one] = named;
  if (one !== undefined && named.length === 1) return one;
  const among = named.length === 0 ? best : best.filter(({ kind }) => named.includes(kind));
  const [first, second] = among;
  if (first && first.known > 1 && first.known > (second?.known ?? 0)) return first.kind;
  throw unknown(
    `This is no export of subscriptions, customers, payments or payouts that is known here. Its first line says ${headers
      .slice(0, 8)
      .map(quoted)
      .join(
        ", ",
      )}${headers.length > 8 ? " …" : ""}. The first line has to hold the Dashboard's column names, among them id.`,
  );
}

function complainAbout(
  headers: readonly string[],
  columns: readonly (Column | null)[],
  kind: ExportKind,
): void {
  const names = columns.flatMap((column) => column?.name ?? []);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined)
    throw unknown(
      `Two columns are called ${quoted(headers[columns.findLastIndex((column) => column?.name === twice)]?.trim() ?? twice)}. Remove one of them: nobody can tell which one is right.`,
    );
  if (!names.some((name) => whose.includes(name)))
    throw unknown(
      `No column says what its lines are about. An export of ${kind} has the column id; export it again with that, or with Customer ID or Customer Email.`,
    );
}

const whose = ["id", "customer id", "customer email", "email"];

interface Layout {
  kind: ExportKind;
  headers: readonly string[];
  columns: readonly (Column | null)[];
}

async function* linesOf(
  layout: Layout,
  ahead: Cells[],
  rest: AsyncGenerator<Cells>,
): AsyncGenerator<ExportLine> {
  const seen = new Map<string, number>();
  const read = (cells: Cells) => lineOf(layout, cells, seen);
  for (let cells = ahead.shift(); cells; cells = ahead.shift()) yield read(cells);
  for await (const cells of rest) yield read(cells);
}

function lineOf(
  { kind, headers, columns }: Layout,
  { line, cells }: Cells,
  seen: Map<string, number>,
): ExportLine {
  if (cells.length !== headers.length)
    return {
      line,
      problem: `It has ${cells.length} cells, and the first line has ${headers.length}: a separator or a quotation mark is missing, or there is one too many.`,
    };
  const currencyAt = columns.findIndex((column) => column?.name === "currency");
  const currency = cells[currencyAt]?.trim() || null;
  const values: Record<string, CellValue> = {};
  const problems: string[] = [];
  for (const [i, column] of columns.entries()) {
    if (!column || column.type === "left") continue;
    const read = readCell(column.type, cells[i] ?? "", currency);
    if ("value" in read) values[column.name] = read.value;
    else problems.push(`${headers[i]?.trim()}: ${read.problem}`);
  }
  const row = rowOf(values);
  if (problems.length === 0) problems.push(...aboutWhom(kind, row, line, seen));
  return problems.length > 0 ? { line, problem: problems.join(" ") } : { line, row };
}

function rowOf(values: Record<string, CellValue>): ExportRow {
  const text = (name: string) => (typeof values[name] === "string" ? values[name] : null);
  return {
    id: text("id"),
    customer: text("customer id") ?? (text("id")?.startsWith("cus_") ? text("id") : null),
    email: text("customer email") ?? text("email"),
    values,
  };
}

/** What is wrong with whom a line is about. */
function aboutWhom(kind: ExportKind, row: ExportRow, line: number, seen: Map<string, number>): string[] {
  const { id, customer, email } = row;
  if (id === null && customer === null && email === null)
    return ["It does not say what it is about: it has neither an id nor a customer nor an address."];
  if (id === null) return [];
  const type = typeOfId(id);
  if (type === null || !typesOf[kind].includes(type))
    return [`${quoted(id)} is of another kind than this file, which is an export of ${kind}.`];
  const before = seen.get(id);
  if (before !== undefined) return [`${quoted(id)} stands in line ${before} already.`];
  seen.set(id, line);
  return [];
}
