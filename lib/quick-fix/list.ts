// A pasted list of ids and e-mail addresses, as people copy them out of a ticket or a sheet.
import { DriftdeskError } from "../errors.ts";
import { typeOfId } from "../stripe/ids.ts";
import type { ExportRow } from "./read.ts";
import { quoted } from "./words.ts";

/** `line` is the place in the list: an entry can share its line with others. */
export type ListLine = { line: number } & ({ row: ExportRow } | { problem: string });

const mostEntries = 10_000;
const address = /^[^\s@<>"']+@[^\s@<>"']+\.[^\s@<>"']+$/;

/** Entries are divided by line breaks, blanks, commas and semicolons. Throws `list_empty` and `list_too_long`. */
export async function* readList(source: AsyncIterable<Uint8Array>): AsyncGenerator<ListLine> {
  const pieces: Uint8Array[] = [];
  for await (const piece of source) pieces.push(piece);
  const entries = new TextDecoder()
    .decode(Buffer.concat(pieces))
    .split(/[\s,;]+/)
    .map((entry) => entry.replace(/^["'<(]+|["'>)]+$/g, ""))
    .filter((entry) => entry !== "");
  if (entries.length === 0)
    throw new DriftdeskError(
      "list_empty",
      "The list is empty. Paste ids (cus_…, sub_…) or e-mail addresses.",
      {
        status: 400,
      },
    );
  if (entries.length > mostEntries)
    throw new DriftdeskError(
      "list_too_long",
      `The list has ${entries.length.toLocaleString("en-US")} entries; ${mostEntries.toLocaleString("en-US")} are read at once. Paste it in parts, or bring an exported file.`,
      { status: 400 },
    );
  const seen = new Set<string>();
  for (const [i, entry] of entries.entries()) {
    if (seen.has(entry)) continue;
    seen.add(entry);
    yield { line: i + 1, ...readEntry(entry) };
  }
}

function readEntry(entry: string): { row: ExportRow } | { problem: string } {
  const type = typeOfId(entry);
  if (type !== null && /^[a-z]+_[A-Za-z0-9_]+$/.test(entry))
    return {
      row: {
        id: type === "customer" ? null : entry,
        customer: type === "customer" ? entry : null,
        email: null,
        values: {},
      },
    };
  if (address.test(entry) && entry.length <= 254)
    return { row: { id: null, customer: null, email: entry, values: {} } };
  return {
    problem: `${quoted(entry)} is neither an id that can be compared (cus_…, sub_…, in_…, ch_…, pi_…, po_…) nor an e-mail address.`,
  };
}
