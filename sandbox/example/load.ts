import { once } from "node:events";
import { finished } from "node:stream/promises";
import type { Sql, TransactionSql } from "postgres";

/** A value of one column. Objects are JSON, lists are Postgres arrays of text, times are written in UTC. */
export type Cell =
  | string
  | number
  | boolean
  | null
  | Date
  | readonly string[]
  | { readonly [key: string]: unknown };
export type Row = Readonly<Record<string, Cell>>;

const linesPerChunk = 2_000;

/** Loads rows by COPY: a hundred thousand take about a second. Every row names the same columns. */
export async function loadRows(
  local: Sql | TransactionSql,
  table: string,
  rows: readonly Row[],
): Promise<void> {
  const first = rows[0];
  if (!first) return;
  const columns = Object.keys(first);
  const stream = await local.unsafe(`COPY ${table} (${columns.join(", ")}) FROM STDIN`).writable();
  const done = finished(stream);
  for (let i = 0; i < rows.length; i += linesPerChunk) {
    const chunk = rows.slice(i, i + linesPerChunk);
    const more = stream.write(
      `${chunk.map((row) => columns.map((name) => copyText(row[name] ?? null)).join("\t")).join("\n")}\n`,
    );
    if (!more) await Promise.race([once(stream, "drain"), done]);
  }
  stream.end();
  await done;
}

/** Identity and serial columns go on where the loaded keys ended. */
export async function continueSequence(local: Sql | TransactionSql, table: string): Promise<void> {
  await local.unsafe(
    `SELECT setval(pg_get_serial_sequence('${table}', 'id'), coalesce((SELECT max(id) FROM ${table}), 0) + 1, false)`,
  );
}

function copyText(cell: Cell): string {
  if (cell === null) return "\\N";
  if (cell instanceof Date) return cell.toISOString();
  if (Array.isArray(cell))
    return escapeCopy(`{${cell.map((item: string) => JSON.stringify(item)).join(",")}}`);
  if (typeof cell === "object") return escapeCopy(JSON.stringify(cell));
  return escapeCopy(String(cell));
}

const special: Record<string, string> = { "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r" };
const escapeCopy = (text: string) =>
  text.replace(/[\\\t\n\r]/g, (character) => special[character] ?? character);
