import { expect, test } from "vitest";
import { fieldTime, snoozeTimes } from "./snooze-times.ts";

const named = (now: Date) =>
  Object.fromEntries(snoozeTimes(now).map(({ name, at }) => [name, fieldTime(at)]));

test("mornings at nine, in the reader's own zone", () => {
  expect(named(new Date(2026, 10, 25, 23, 30))).toEqual({
    Tomorrow: "2026-11-26T09:00",
    "In 3 days": "2026-11-28T09:00",
    "Next week": "2026-11-30T09:00",
  });
});

test.each([
  ["a Sunday", new Date(2026, 10, 29, 12), "2026-11-30T09:00"],
  ["a Monday", new Date(2026, 10, 30, 7), "2026-12-07T09:00"],
  ["the year's last Tuesday", new Date(2026, 11, 29, 12), "2027-01-04T09:00"],
])("next week is Monday, from %s on", (_, now, expected) => {
  expect(named(now)["Next week"]).toBe(expected);
});

test("all of them are still to come, at any hour", () => {
  for (let hour = 0; hour < 24 * 8; hour++) {
    const now = new Date(2026, 10, 23, hour, 59);
    for (const { at } of snoozeTimes(now)) expect(at.getTime()).toBeGreaterThan(now.getTime());
  }
});
