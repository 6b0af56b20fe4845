import { pipeline } from "node:stream/promises";
import type { Sql, TransactionSql } from "postgres";

/** One row in the text format of `COPY … FROM STDIN`. */
export function copyLine(values: readonly (string | number | null)[]): string {
  return `${values.map((value) => (value === null ? "\\N" : escapeCopy(String(value)))).join("\t")}\n`;
}

const special: Record<string, string> = { "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r" };
const escapeCopy = (text: string) =>
  text.replace(/[\\\t\n\r]/g, (character) => special[character] ?? character);

/** Writes rows (already as COPY text) into a table, in the caller's transaction. */
export async function copyInto(
  sql: TransactionSql,
  table: string,
  columns: string,
  text: string,
): Promise<void> {
  const writable = await sql.unsafe(`COPY ${table} (${columns}) FROM STDIN`).writable();
  await new Promise<void>((resolve, reject) => {
    writable.on("error", reject);
    writable.on("finish", resolve);
    writable.end(text);
  });
}

/**
 * Streams the rows of a query on one database into a table of another (or the same), bytes through: no row becomes
 * a JavaScript value, and back-pressure holds memory flat.
 */
export async function copyAcross(
  from: Sql,
  query: string,
  to: TransactionSql,
  table: string,
  columns: string,
): Promise<void> {
  const source = await from.unsafe(`COPY (${query}) TO STDOUT`).readable();
  const target = await to.unsafe(`COPY ${table} (${columns}) FROM STDIN`).writable();
  await pipeline(source, target);
}
