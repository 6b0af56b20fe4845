// A CSV file that somebody exported from Stripe's Dashboard, line by line, in flat memory: what it is, what it says, and which
// lines could not be read.
import { DriftdeskError } from "../errors.ts";
import { typeOfId } from "../stripe/ids.ts";
import { readCell } from "./cells.ts";
import {
  type Column,
  columnOf,
  type ExportKind,
  exportKinds,
  isOtherZone,
  kindsByHeaders,
  typesOf,
} from "./columns.ts";
import { decode } from "./decode.ts";
import { lengthProblem, usualLengths } from "./lengths.ts";
import { type Cells, recordsOf } from "./records.ts";
import { Seen } from "./seen.ts";
import { type CellValue, quoted } from "./words.ts";

/** What a file was taken for, before anything is made of it. */
export interface Understood {
  kind: ExportKind;
  delimiter: string;
  /** In the file's order. */
  columns: { header: string; name: string }[];
  /** Headers that say nothing that could be compared. */
  ignored: string[];
  /** What somebody should know of the columns before believing in what was read, in a sentence each. */
  notes: string[];
}

/**
 * One line that was read: what it is about, and what each column says (times in Unix seconds, amounts in minor units). Most
 * exports leave the seconds out: a whole minute stands for any second of it.
 */
export interface ExportRow {
  id: string | null;
  customer: string | null;
  email: string | null;
  values: Readonly<Record<string, CellValue>>;
}

/**
 * Numbered as an editor does, the header being line 1: where the line begins, if it has line breaks in quotes. `withdraws` is an
 * earlier line that was read and says something else of the same object: nobody can tell which of the two is right, so that
 * neither is to be used.
 */
export type ExportLine = { line: number } & ({ row: ExportRow } | { problem: string; withdraws?: number });

export interface Export {
  understood: Understood;
  lines: AsyncIterable<ExportLine>;
}

/** So many lines are looked at to tell the kind by their ids. */
const looked = 50;

/**
 * Reads an export. Errors: `export_unreadable` when the file as a whole cannot be read (its message names the line), also while
 * the lines are read; `export_unknown` when it is no export that is known, or lacks what says whom its lines are about.
 */
export async function readExport(source: AsyncIterable<Uint8Array>): Promise<Export> {
  const { text, delimiter, skipped } = await decode(source);
  const records = recordsOf(text, delimiter, skipped);
  const first = await records.next();
  if (first.done) throw unknown("The file is empty. Export it again.");
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
  if (ahead.length === 0)
    throw unknown(
      "The file holds the names of its columns and nothing else. Export it again, with a filter that leaves something.",
    );
  const understood: Understood = {
    kind,
    delimiter,
    columns: headers.flatMap((header, i) => {
      const column = columns[i];
      return column && column.type !== "left" ? [{ header: header.trim(), name: column.name }] : [];
    }),
    ignored: headers.flatMap((header, i) =>
      header.trim() !== "" && (columns[i]?.type === "left" || !columns[i]) ? header.trim() : [],
    ),
    notes: headers
      .filter((header) => isOtherZone(kind, header))
      .map(
        (header) =>
          `${quoted(header.trim())} is left out: its times are not said to be in UTC. Choose UTC when you export.`,
      ),
  };
  const usual = usualLengths(idsOf(columns, ahead));
  return { understood, lines: linesOf({ kind, columns, headers, usual }, ahead, records) };
}

function* idsOf(columns: readonly (Column | null)[], ahead: readonly Cells[]): Generator<string> {
  for (const { cells } of ahead)
    for (const [i, column] of columns.entries()) {
      const id = column?.type === "id" ? (cells[i]?.trim() ?? "") : "";
      if (typeOfId(id) !== null) yield id;
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
  const read = columns.flatMap((column) => (column && column.type !== "left" ? column : []));
  const names = read.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined)
    throw unknown(
      `Two columns are called ${quoted(headers[columns.findLastIndex((column) => column?.name === twice)]?.trim() ?? twice)}. Remove one of them: nobody can tell which one is right.`,
    );
  if (!names.some((name) => whose.includes(name)))
    throw unknown(
      `No column says what its lines are about. An export of ${kind} has the column id; export it again with that, or with Customer ID or Customer Email.`,
    );
  if (read.some(({ type }) => type === "money") && !names.includes("currency"))
    throw unknown(
      "It has amounts and no column Currency: nobody can tell how much they are. Export it again with that, or without amounts.",
    );
  if (names.every((name) => whose.includes(name)) && kind !== "customers")
    throw unknown(
      `It says whom its lines are about and nothing else that is known here${headersOf(headers)}. Export it again with more columns, in English and without new names for them.`,
    );
}

const headersOf = (headers: readonly string[]): string =>
  headers.length === 1 ? "" : `: its first line says ${headers.slice(0, 8).map(quoted).join(", ")}`;

const whose = ["id", "customer id", "customer email", "email"];

interface Layout {
  kind: ExportKind;
  headers: readonly string[];
  columns: readonly (Column | null)[];
  usual: ReadonlyMap<string, number>;
}

async function* linesOf(
  layout: Layout,
  ahead: Cells[],
  rest: AsyncGenerator<Cells>,
): AsyncGenerator<ExportLine> {
  const seen = new Seen();
  const read = (cells: Cells) => lineOf(layout, cells, seen);
  for (let cells = ahead.shift(); cells; cells = ahead.shift()) yield read(cells);
  for await (const cells of rest) yield read(cells);
}

function lineOf(layout: Layout, { line, cells }: Cells, seen: Seen): ExportLine {
  const { kind, headers, columns, usual } = layout;
  if (cells.length !== headers.length)
    return {
      line,
      problem: `It has ${cells.length} cells, and the first line has ${headers.length}: a separator or a quotation mark is missing, or there is one too many.`,
    };
  if (cells.every((cell, i) => cell.trim() === headers[i]?.trim()))
    return {
      line,
      problem:
        "It repeats the names of the columns: two exports were put together. Remove this line, or bring each file by itself.",
    };
  const currencyAt = columns.findIndex((column) => column?.name === "currency");
  const currency = cells[currencyAt]?.trim() || null;
  const values: Record<string, CellValue> = {};
  const problems: string[] = [];
  for (const [i, column] of columns.entries()) {
    if (!column || column.type === "left") continue;
    const read = readCell(column.type, cells[i] ?? "", currency);
    const problem =
      "problem" in read
        ? read.problem
        : column.type === "id" && typeof read.value === "string"
          ? lengthProblem(read.value, usual)
          : null;
    if (problem !== null) problems.push(`${headers[i]?.trim()}: ${problem}`);
    else if ("value" in read) values[column.name] = read.value;
  }
  if (problems.length > 0) return { line, problem: problems.join(" ") };
  const row = rowOf(values);
  const problem = aboutWhom(kind, row);
  if (problem !== null) return { line, problem };
  return again({ line, row }, cells, seen) ?? { line, row };
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
function aboutWhom(kind: ExportKind, { id, customer, email }: ExportRow): string | null {
  if (id === null && customer === null && email === null)
    return "It does not say what it is about: it has neither an id nor a customer nor an address.";
  if (id === null) return null;
  const type = typeOfId(id);
  return type === null || !typesOf[kind].includes(type)
    ? `${quoted(id)} is of another kind than this file, which is an export of ${kind}.`
    : null;
}

/** A line about an object that another line was about. */
function again(
  { line, row }: { line: number; row: ExportRow },
  cells: readonly string[],
  seen: Seen,
): ExportLine | null {
  const before = row.id === null ? null : seen.before(row.id, line, cells.join("\0"));
  if (row.id === null || before === null) return null;
  const there = `${quoted(row.id)} stands in line ${before.line} already`;
  if (before.says === "the same") return { line, problem: `${there}, with the same words.` };
  const problem = `${there}, and not with the same words. None of its lines is used: export it again.`;
  return before.says === "contradicted" ? { line, problem } : { line, problem, withdraws: before.line };
}
