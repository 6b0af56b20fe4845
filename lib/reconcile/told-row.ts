// What a local row should hold by the word of a file: the same projection as of a whole object, without the columns that the file
// does not tell.

import type { LocalTable } from "../local/catalog.ts";
import { isExpanded, type Line, partialOf, stakeOfLine, type Telling } from "../quick-fix/partial.ts";
import { insertValues } from "./insert.ts";
import { columnOf, type Projected, projectField, rankOf } from "./project.ts";
import type { Stage } from "./staging.ts";
import { readTold } from "./told.ts";

export interface ToldRow extends Projected {
  /** Whether the file tells everything that says which of a customer's several objects counts. */
  ranked: boolean;
  /** Whether it tells when the object was made. */
  dated: boolean;
}

type Mapped = Pick<Stage, "resource" | "table">;

/** A column that the file does not tell is in `failed`, and no error. `name` stands for an object without an id. */
export function toldRow(stage: Mapped, line: Line, vague: Telling["vague"], name = ""): ToldRow {
  const { resource, table } = stage;
  const failed: string[] = [];
  const errors: string[] = [];
  const values = resource.fields.map((field) => {
    try {
      const read = toldAtBothEnds(stage, line, vague, (object) =>
        projectField(field, columnOf(table, field.column), object),
      );
      if (read.told) return read.value;
    } catch (error) {
      errors.push(`${field.column}: ${error instanceof Error ? error.message : String(error)}`);
    }
    failed.push(field.column);
    return null;
  });
  const rank = rankTold(stage, line, vague);
  const created = line.values.created ?? line.values["created date"];
  return {
    stripeId: line.id ?? name,
    match: matchTold(stage, line),
    customerId: resource.stripe === "customer" ? line.id : line.customer,
    label: textOf(line, "email") ?? textOf(line, "name"),
    created: typeof created === "number" ? created : 0,
    rank: rank ?? 0,
    ranked: rank !== null,
    dated: typeof created === "number",
    ...stakeOfLine(resource.stripe, line),
    finalSince: null,
    values,
    failed: failed.length > 0 ? failed : null,
    error: errors.length > 0 ? errors.join("; ") : null,
  };
}

/** The row that `missingLocal.insert` makes; null when the file does not tell everything that it needs. */
export function toldInsert(
  stage: Mapped,
  line: Line,
  vague: Telling["vague"],
  insert: (object: never) => Record<string, unknown>,
): ReturnType<typeof insertValues> | null {
  const made = toldAtBothEnds(stage, line, vague, (object) =>
    JSON.stringify(insertValues(stage.table, insert, object)),
  );
  return made.told ? JSON.parse(made.value) : null;
}

/** Reads once for the earliest and once for the latest that vague times can mean: what differs between them is not told. */
function toldAtBothEnds<T extends string | number | null>(
  { resource: { stripe, expand } }: Mapped,
  line: Line,
  vague: Telling["vague"],
  read: (object: never) => T,
): { told: true; value: T } | { told: false } {
  const early = readTold(partialOf(stripe, line, { vague, late: false, expand }), read);
  if (early.untold) return { told: false };
  if (![...vague.values()].some((seconds) => seconds > 0)) return { told: true, value: early.value };
  const late = readTold(partialOf(stripe, line, { vague, late: true, expand }), read);
  return !late.untold && Object.is(late.value, early.value)
    ? { told: true, value: early.value }
    : { told: false };
}

/** Null when it is not told which rank an object has. */
function rankTold(stage: Mapped, line: Line, vague: Telling["vague"]): number | null {
  if (stage.resource.match.by === "id") return 0;
  try {
    const rank = toldAtBothEnds(stage, line, vague, (object) => rankOf(stage.resource, object));
    return rank.told ? rank.value : null;
  } catch {
    return null;
  }
}

function matchTold({ resource }: Mapped, line: Line): string | null {
  switch (resource.match.by) {
    case "id":
      return line.id;
    case "customer":
      return resource.stripe === "customer" ? line.id : line.customer;
    case "customerEmail":
      return addressTold(resource, line)?.trim().toLowerCase() || null;
  }
}

/** A run goes by the customer's own address where Stripe tells it with the object, so only that of a file is the same. */
function addressTold({ stripe, expand }: Mapped["resource"], line: Line): string | null {
  if (stripe === "customer") return textOf(line, "email");
  return isExpanded({ expand }) ? textOf(line, "email") : null;
}

const textOf = ({ values }: Line, name: "email" | "name"): string | null => {
  const value = values[`customer ${name}`] ?? values[name];
  return typeof value === "string" ? value : null;
};

const probe = "somebody@probe.invalid";

/** Local columns that hold a customer's address: the mapping says so by putting one there. */
export function addressColumns(stage: Mapped & { table: LocalTable }): string[] {
  const { resource } = stage;
  const line: Line = {
    id: "probe",
    customer: "cus_probe",
    values: { email: probe, "customer email": probe },
  };
  const row = toldRow(stage, line, new Map());
  const written = resource.fields.filter((_, i) => row.values[i] === probe).map((field) => field.column);
  return [...new Set([...(resource.label === undefined ? [] : [resource.label]), ...written])];
}
