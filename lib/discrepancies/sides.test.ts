import { describe, expect, test } from "vitest";
import { compareSides, inWords, sentenceOf } from "./sides.ts";

const row = {
  kind: "mismatch" as const,
  observed: { subscription_status: "past_due", plan: "pro", seats: "3" },
  expected: { subscription_status: "active", plan: "pro", seats: "5" },
  fields: [
    { name: "seats", local: "3", stripe: "5" },
    { name: "subscription_status", local: "past_due", stripe: "active" },
  ],
  change: "past_due → active",
  rowError: null,
};

describe("the sentence on top", () => {
  test("says what Stripe says first, by the field that the row is grouped by", () => {
    expect(sentenceOf(row)).toBe(
      "Stripe says active. The local record still says past_due. One more field differs.",
    );
  });
  test("names the field when the value alone would say nothing", () => {
    const fields = [{ name: "current_period_end", local: null, stripe: "2026-12-12 09:14:00+00" }];
    expect(sentenceOf({ ...row, fields, change: "current_period_end" })).toBe(
      "Stripe says current period end is 12 Dec 2026, 09:14. The local record says nothing.",
    );
  });
  test("of a row with an error is the error", () => {
    expect(sentenceOf({ ...row, rowError: "plan: no local value for price_9" })).toBe(
      "This record cannot be compared completely. plan: no local value for price_9.",
    );
  });
});

test("both sides are compared field by field, differences first", () => {
  expect(compareSides(row)).toEqual({ differing: row.fields, equal: [{ name: "plan", value: "pro" }] });
  expect(compareSides({ ...row, kind: "missing_local", observed: null, fields: [] }).differing).toEqual([
    { name: "subscription_status", local: null, stripe: "active" },
    { name: "plan", local: null, stripe: "pro" },
    { name: "seats", local: null, stripe: "5" },
  ]);
});

test.each([
  [null, "nothing"],
  ["", "an empty text"],
  ["pro", "pro"],
  ["2026-12-12", "12 Dec 2026"],
  ["2026-12-12 00:00:00+00", "12 Dec 2026, 00:00"],
  ["2026-99-12", "2026-99-12"],
])("the value %j reads %j", (value, words) => {
  expect(inWords(value)).toBe(words);
});
