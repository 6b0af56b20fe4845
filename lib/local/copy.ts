import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { finished } from "node:stream/promises";
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
  // A session of its own: a full pool would pipeline somebody else's query behind the COPY, which refuses it.
  const session = await from.reserve();
  try {
    const source = await session.unsafe(`COPY (${query}) TO STDOUT`).readable();
    const target = await to.unsafe(`COPY ${table} (${columns}) FROM STDIN`).writable();
    await pass(source, target);
  } finally {
    session.release();
  }
}

const sentAtOnce = 64 * 1_024;

async function pass(source: Readable, target: Writable): Promise<void> {
  const written = finished(target);
  // A target that failed is told about at the end: the source has to be read to its last byte all the same, or its
  // connection, which goes back into the pool, would be stuck in the middle of the COPY for ever.
  written.catch(() => {});
  const send = async (pieces: readonly Buffer[]) => {
    if (target.destroyed || target.write(Buffer.concat(pieces))) return;
    await Promise.race([once(target, "drain"), written]).catch(() => {});
  };
  try {
    // A piece is a row: sent one by one, they would keep this process from everything else.
    let pieces: Buffer[] = [];
    let bytes = 0;
    for await (const piece of source.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      pieces.push(piece);
      bytes += piece.length;
      if (bytes < sentAtOnce) continue;
      await send(pieces);
      pieces = [];
      bytes = 0;
    }
    await send(pieces);
  } catch (error) {
    target.destroy(error as Error);
    throw error;
  }
  // postgres.js pauses the socket when a piece fills the stream, and resumes it when the stream asks for more. After
  // the last piece nobody asks: the connection's next query would wait without end.
  source._read(0);
  if (!target.destroyed) target.end();
  await written;
}
