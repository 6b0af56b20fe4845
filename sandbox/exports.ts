// The files that the Dashboard of a world would export, and what spreadsheets make of such files.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ExportKind } from "../lib/quick-fix/columns.ts";
import {
  type Cell,
  customerColumns,
  paymentColumns,
  payoutColumns,
  subscriptionColumns,
} from "./exports/columns.ts";
import type { World } from "./world/world.ts";

export interface ExportOptions {
  /** Headers, in the order that they are to have. Default all of the kind. */
  columns?: readonly string[];
  delimiter?: "," | ";" | "\t";
  lineEnd?: "\n" | "\r\n" | "\r";
  /** A byte-order mark. UTF-16 always has one. */
  mark?: boolean;
  encoding?: "utf-8" | "utf-16le";
  /** What separates thousands, and decimals. */
  thousands?: "" | "," | "." | " " | "'";
  point?: "." | ",";
  /** What happens to a cell on its way through a spreadsheet; see damage.ts. `line` is the file's, the header being 1. */
  damage?: (cell: string, at: { header: string; line: number }) => string;
}

/** An export, piece by piece: nothing of it is held but the line that is written. */
export function* exportOf(world: World, kind: ExportKind, options: ExportOptions = {}): Generator<Buffer> {
  const { delimiter = ",", lineEnd = "\n", encoding = "utf-8", mark = false } = options;
  const encoded = (text: string) => Buffer.from(text, encoding === "utf-8" ? "utf8" : "utf16le");
  const written = (cells: readonly string[]) =>
    encoded(`${cells.map((cell) => escaped(cell, delimiter)).join(delimiter)}${lineEnd}`);
  const { headers, rows } = tableOf(world, kind, options.columns);
  if (mark || encoding !== "utf-8") yield encoded("\uFEFF");
  yield written(headers);
  let line = 1;
  for (const row of rows) {
    line++;
    const cells = row.map((cell) => textOf(cell, options));
    yield written(cells.map((cell, i) => options.damage?.(cell, { header: headers[i] ?? "", line }) ?? cell));
  }
}

/** Writes an export of each kind into a folder; their paths. */
export async function writeExports(world: World, folder: string): Promise<Record<ExportKind, string>> {
  await mkdir(folder, { recursive: true });
  const write = async (kind: ExportKind) => {
    const path = join(folder, `${kind}.csv`);
    await writeFile(path, exportOf(world, kind));
    return path;
  };
  return {
    subscriptions: await write("subscriptions"),
    customers: await write("customers"),
    payments: await write("payments"),
    payouts: await write("payouts"),
  };
}

interface Table {
  headers: readonly string[];
  rows: Iterable<Cell[]>;
}

function tableOf(world: World, kind: ExportKind, wanted: readonly string[] | undefined): Table {
  switch (kind) {
    case "subscriptions":
      return table(world, world.subscriptions.newestFirst(), subscriptionColumns, wanted);
    case "customers":
      return table(
        world,
        world.customers.newestFirst().filter((customer) => !customer.deleted),
        customerColumns,
        wanted,
      );
    case "payments":
      return table(world, world.charges.newestFirst(), paymentColumns, wanted);
    case "payouts":
      return table(world, world.payouts.newestFirst(), payoutColumns, wanted);
  }
}

function table<T extends { metadata: Readonly<Record<string, string>> | null }>(
  world: World,
  objects: readonly T[],
  own: Readonly<Record<string, (object: T, world: World) => Cell>>,
  wanted: readonly string[] | undefined,
): Table {
  const keys = new Set(objects.flatMap(({ metadata }) => Object.keys(metadata ?? {})));
  const columns = new Map(Object.entries(own));
  for (const key of keys) columns.set(`${key} (metadata)`, ({ metadata }) => metadata?.[key] ?? null);
  const headers = wanted ?? [...columns.keys()];
  const chosen = headers.map((header) => {
    const column = columns.get(header);
    if (!column) throw new Error(`The Dashboard has no column ${header} here.`);
    return column;
  });
  function* rows() {
    for (const object of objects) yield chosen.map((column) => column(object, world));
  }
  return { headers, rows: { [Symbol.iterator]: rows } };
}

function textOf(cell: Cell, options: ExportOptions): string {
  if (cell === null) return "";
  if (typeof cell === "string") return cell;
  if (typeof cell === "boolean") return String(cell);
  if ("at" in cell)
    return new Date(cell.at * 1_000)
      .toISOString()
      .slice(0, cell.seconds ? 19 : 16)
      .replace("T", " ");
  return majorUnits(cell, options);
}

function majorUnits(
  { minor, currency }: { minor: number; currency: string },
  { thousands = "", point = "." }: ExportOptions,
): string {
  const format = new Intl.NumberFormat("en-US", { style: "currency", currency });
  const decimals = format.resolvedOptions().maximumFractionDigits ?? 2;
  const digits = String(Math.abs(minor)).padStart(decimals + 1, "0");
  const major = digits.slice(0, digits.length - decimals).replace(/\B(?=(\d{3})+$)/g, thousands);
  return `${minor < 0 ? "-" : ""}${major}${decimals > 0 ? `${point}${digits.slice(-decimals)}` : ""}`;
}

const escaped = (cell: string, delimiter: string): string =>
  cell.includes(delimiter) || /["\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
