import { expect, test } from "vitest";
import { discrepancyFilterSchema } from "./filter.ts";
import {
  letGoOfChanged,
  nothingPicked,
  type Picked,
  pick,
  pickedCount,
  tickedRows,
  toSelection,
} from "./picked.ts";

const firstPage = [
  { id: 1, version: 1 },
  { id: 2, version: 4 },
];
const secondPage = [{ id: 3, version: 2 }];
const all: Picked = {
  kind: "all",
  filter: discrepancyFilterSchema.parse({ impact: ["money"] }),
  seenUntil: new Date("2026-11-24T12:00:00Z"),
  total: { count: 45, more: false },
};

test("ticks of one page are kept on the next, each in the version that was seen", () => {
  const first = pick(nothingPicked, { 2: true }, firstPage);
  const both = pick(first, { ...tickedRows(first, secondPage), 3: true }, secondPage);
  expect(toSelection(both)).toEqual({
    ids: [
      { id: 2, version: 4 },
      { id: 3, version: 2 },
    ],
  });
  expect(pickedCount(both)).toEqual({ count: 2, more: false });
});

test("a row that says something else by now is let go, the others stay", () => {
  const both = pick(nothingPicked, { 1: true, 2: true }, firstPage);
  const changed = [
    { id: 1, version: 1 },
    { id: 2, version: 5 },
  ];
  expect(toSelection(letGoOfChanged(both, changed))).toEqual({ ids: [{ id: 1, version: 1 }] });
  expect(letGoOfChanged(both, firstPage)).toBe(both);
});

test("all that match are selected by what was asked and when, and every row in sight is ticked", () => {
  expect(toSelection(all)).toEqual({ filter: all.filter, seenUntil: all.seenUntil });
  expect(tickedRows(all, firstPage)).toEqual({ 1: true, 2: true });
  expect(pickedCount(all).count).toBe(45);
});

test("unticking one of all leaves only rows that are in sight", () => {
  expect(toSelection(pick(all, { 2: true }, firstPage))).toEqual({ ids: [{ id: 2, version: 4 }] });
});
