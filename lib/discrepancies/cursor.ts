import { z } from "zod";
import { type Sort, sortKeys } from "./sort.ts";

/** A place between two rows of a sorted list, and the way to go from there. */
export interface Cursor {
  way: "next" | "previous";
  /** Sort values of the row beside it, as Postgres writes them, in the order of the sort's columns. */
  position: string[];
}

const wholeNumber = z.string().regex(/^-?\d{1,18}$/);
const time = z.string().regex(/^\d{4,6}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?\+00$/);
const positions = {
  impact: z.tuple([z.string().regex(/^[0-3]$/), wholeNumber, wholeNumber]),
  amount: z.tuple([wholeNumber, wholeNumber]),
  age: z.tuple([time, wholeNumber]),
  label: z.tuple([z.string().max(10_000), wholeNumber]),
} satisfies Record<(typeof sortKeys)[number], z.ZodType>;

const written = z.object({
  by: z.enum(sortKeys),
  direction: z.enum(["asc", "desc"]),
  way: z.enum(["next", "previous"]),
  position: z.array(z.string()),
});

export const writeCursor = (sort: Sort, cursor: Cursor): string =>
  Buffer.from(JSON.stringify({ by: sort.by, direction: sort.direction, ...cursor })).toString("base64url");

/** Null for anything that was not written for this very sort: the list then starts from its beginning. */
export function readCursor(sort: Sort, text: string): Cursor | null {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(text, "base64url").toString("utf8"));
  } catch {
    return null;
  }
  const parsed = written.safeParse(value);
  if (!parsed.success || parsed.data.by !== sort.by || parsed.data.direction !== sort.direction) return null;
  const position = positions[sort.by].safeParse(parsed.data.position);
  return position.success ? { way: parsed.data.way, position: position.data } : null;
}
