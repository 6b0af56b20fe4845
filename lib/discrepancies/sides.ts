import type { FieldDifference } from "../db/schema.ts";
import type { DiscrepancyRow } from "./list.ts";

type Sides = Pick<DiscrepancyRow, "kind" | "observed" | "expected" | "fields" | "change" | "rowError"> & {
  /** Present where a file says what Stripe says. */
  word?: DiscrepancyRow["word"] | undefined;
};

export interface Comparison {
  differing: FieldDifference[];
  /** What both sides agree on; for a side that has nothing, what the other holds besides. */
  equal: { name: string; value: string | null }[];
}

/** Both sides field by field, differences first. */
export function compareSides(row: Sides): Comparison {
  const observed = Object.entries(row.observed ?? {});
  const expected = Object.entries(row.expected ?? {});
  if (row.kind === "missing_local")
    return { differing: expected.map(([name, stripe]) => ({ name, local: null, stripe })), equal: [] };
  const differing = new Set(row.fields.map((field) => field.name));
  return {
    differing: row.fields,
    equal: observed.filter(([name]) => !differing.has(name)).map(([name, value]) => ({ name, value })),
  };
}

/** The field that says most: the one that the discrepancy is grouped by, or the first. */
export function tellingField(row: Sides): FieldDifference | undefined {
  return (
    row.fields.find((field) => `${field.local ?? "nothing"} → ${field.stripe ?? "nothing"}` === row.change) ??
    row.fields[0]
  );
}

/** What is wrong, in a sentence for somebody with the customer on the phone. */
export function sentenceOf(row: Sides): string {
  if (row.rowError) return `This record cannot be compared completely. ${asSentence(row.rowError)}`;
  const stripe = row.word ? "The file" : "Stripe";
  switch (row.kind) {
    case "missing_local":
      return `${stripe} has it. There is no local record of it.`;
    case "missing_in_stripe":
      return "There is a local record. Stripe has nothing that belongs to it.";
    case "duplicate":
      return "Several local records claim the same object in Stripe. Only one of them can be right.";
    case "mismatch": {
      const field = tellingField(row);
      if (!field) return "Both sides differ.";
      const more = row.fields.length - 1;
      const others =
        more === 0 ? "" : more === 1 ? " One more field differs." : ` ${more} more fields differ.`;
      const isState = columnWords(field.name) === "status";
      const what = isState ? "" : `${columnWords(field.name)} is `;
      return `${stripe} says ${what}${inWords(field.stripe)}. The local record ${isState ? "still " : ""}says ${inWords(field.local)}.${others}`;
    }
  }
}

const timePattern =
  /^(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d:\d\d)(?::\d\d(?:\.\d+)?)?)?(?:([+-]\d\d)(?::?\d\d)?|Z)?$/;
const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** A value as Postgres writes it, as people read it: "12 Dec 2026, 09:14" for a time, "nothing" for none. */
export function inWords(value: string | null): string {
  if (value === null) return "nothing";
  if (value === "") return "an empty text";
  const time = timePattern.exec(value);
  const month = time ? months[Number(time[2]) - 1] : undefined;
  if (!time || !month) return value;
  const day = `${Number(time[3])} ${month} ${time[1]}`;
  return time[4] ? `${day}, ${time[4]}` : day;
}

/** `current_period_end` as people say it: "current period end"; a status is a status, whatever stands before it. */
export const columnWords = (column: string): string =>
  /(^|_)(status|state)$/i.test(column) ? "status" : column.replaceAll("_", " ").trim();

const asSentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`);
