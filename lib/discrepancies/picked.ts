import type { Selection } from "../fixes/selection.ts";
import type { DiscrepancyFilter } from "./filter.ts";
import type { DiscrepancyRow } from "./list.ts";
import type { Count } from "./totals.ts";

type Versioned = Pick<DiscrepancyRow, "id" | "version">;

/** What somebody has ticked: rows in the version that they saw, or everything that matched when the list was loaded. */
export type Picked =
  | { kind: "rows"; versions: Readonly<Record<string, number>> }
  | { kind: "all"; filter: DiscrepancyFilter; seenUntil: Date; total: Count };

export const nothingPicked: Picked = { kind: "rows", versions: {} };

export const pickedCount = (picked: Picked): Count =>
  picked.kind === "all" ? picked.total : { count: Object.keys(picked.versions).length, more: false };

export const toSelection = (picked: Picked): Selection =>
  picked.kind === "all"
    ? { filter: picked.filter, seenUntil: picked.seenUntil }
    : { ids: Object.entries(picked.versions).map(([id, version]) => ({ id: Number(id), version })) };

export const selectionOf = (row: Versioned): Selection => ({ ids: [{ id: row.id, version: row.version }] });

/** As the table knows it: which of the rows on this page are ticked. */
export function tickedRows(picked: Picked, rows: readonly Versioned[]): Record<string, true> {
  if (picked.kind === "all") return Object.fromEntries(rows.map((row) => [row.id, true as const]));
  return Object.fromEntries(Object.keys(picked.versions).map((id) => [id, true as const]));
}

/** After a change of ticks on this page. Unticking one of "all" leaves the rest of this page, which is in sight. */
export function pick(
  picked: Picked,
  ticked: Readonly<Record<string, true>>,
  rows: readonly Versioned[],
): Picked {
  const seen = new Map(rows.map((row) => [String(row.id), row.version]));
  const before = picked.kind === "rows" ? picked.versions : {};
  const versions: Record<string, number> = {};
  for (const [id, on] of Object.entries(ticked)) {
    const version = before[id] ?? seen.get(id);
    if (on && version !== undefined) versions[id] = version;
  }
  return { kind: "rows", versions };
}

/** Rows whose values changed since they were ticked are let go: nobody has seen what they say now. */
export function letGoOfChanged(picked: Picked, rows: readonly Versioned[]): Picked {
  if (picked.kind === "all") return picked;
  const changed = rows.filter((row) => (picked.versions[row.id] ?? row.version) !== row.version);
  if (changed.length === 0) return picked;
  const versions = { ...picked.versions };
  for (const row of changed) delete versions[row.id];
  return { kind: "rows", versions };
}
