import { expect, test } from "vitest";
import { cronWords } from "./cron-words.ts";
import { nextTimes, timesUntil, toleranceMs } from "./next-times.ts";

const after = (cron: string, timeZone: string, from: string, times: number) =>
  nextTimes({ cron, timeZone }, new Date(from), times).map((at) => at.toISOString().slice(5, 16));

test.each([
  // Berlin goes from 02:00 to 03:00 on the 29th of March, at 01:00 UTC.
  ["30 2 * * *", "Europe/Berlin", "2026-03-28T12:00Z", ["03-29T01:00", "03-30T00:30"]],
  ["0 3 * * *", "Europe/Berlin", "2026-03-28T12:00Z", ["03-29T01:00", "03-30T01:00"]],
  // Sydney from 02:00 to 03:00 on the 4th of October, at 16:00 UTC of the day before.
  ["30 2 * * *", "Australia/Sydney", "2026-10-03T00:00Z", ["10-03T16:00", "10-04T15:30"]],
  // Santiago from midnight to 01:00 on the 6th of September: the day has no midnight.
  ["0 0 * * *", "America/Santiago", "2026-09-05T12:00Z", ["09-06T04:00", "09-07T03:00"]],
  // Lord Howe by half an hour.
  ["15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00Z", ["10-03T15:30", "10-04T15:15"]],
])("a time that the clocks leave out in spring is not left out: %s in %s", (cron, zone, from, due) => {
  expect(after(cron, zone, from, due.length)).toEqual(due);
});

test.each([
  // Berlin has 02:00 to 03:00 twice on the 25th of October, the second time from 01:00 UTC on.
  ["30 2 * * *", "Europe/Berlin", "2026-10-24T12:00Z", ["10-25T00:30", "10-26T01:30"]],
  ["30 2 * * *", "Europe/Berlin", "2026-10-25T00:30Z", ["10-26T01:30"]],
  ["30 2 * * *", "Australia/Sydney", "2026-04-04T00:00Z", ["04-04T15:30", "04-05T16:30"]],
  ["30 1 * * *", "America/New_York", "2026-10-31T12:00Z", ["11-01T05:30", "11-02T06:30"]],
])("a time that comes twice in autumn is due once: %s in %s after %s", (cron, zone, from, due) => {
  expect(after(cron, zone, from, due.length)).toEqual(due);
});

test.each([
  ["0 * * * *", "Europe/Berlin", "2026-03-29T00:00Z", 60],
  ["0 * * * *", "Europe/Berlin", "2026-10-24T23:00Z", 60],
  ["*/30 * * * *", "America/New_York", "2026-11-01T04:00Z", 30],
  ["*/30 * * * *", "Australia/Sydney", "2026-04-04T14:00Z", 30],
  ["17 * * * *", "Australia/Sydney", "2026-10-03T14:17Z", 60],
])(
  "what is due all the time goes on in even steps when the clocks change: %s in %s",
  (cron, zone, from, minutes) => {
    const times = nextTimes({ cron, timeZone: zone }, new Date(from), 6).map((at) => at.getTime());
    const steps = times.slice(1).map((at, n) => (at - (times[n] as number)) / 60_000);
    expect(steps).toEqual(Array(5).fill(minutes));
  },
);

test("what was missed is counted, with the last time, up to a thousand", () => {
  const hourly = { cron: "0 * * * *", timeZone: "Europe/Berlin" };
  const first = new Date("2026-10-24T22:00Z");
  expect(timesUntil(hourly, first, first)).toEqual({ count: 1, last: first });
  const later = new Date("2026-10-25T02:00Z");
  expect(timesUntil(hourly, first, new Date("2026-10-25T02:59Z"))).toEqual({ count: 5, last: later });
  expect(timesUntil(hourly, first, later)).toEqual({ count: 5, last: later });
  const often = timesUntil({ ...hourly, cron: "* * * * *" }, first, new Date("2027-10-24T22:00:30Z"));
  expect(often).toEqual({ count: 1_000, last: new Date("2027-10-24T22:00Z") });
});

test("a run may be a quarter of the time to the next one late, and a quarter of an hour in any case", () => {
  const due = new Date("2026-11-24T03:00Z");
  const minutes = (cron: string) => toleranceMs({ cron, timeZone: "UTC" }, due) / 60_000;
  expect(["*/5 * * * *", "0 * * * *", "0 */3 * * *", "0 3 * * *"].map(minutes)).toEqual([15, 15, 45, 360]);
});

test.each([
  ["0 * * * *", "every hour"],
  ["17 * * * *", "every hour at minute 17"],
  ["*/15 * * * *", "every 15 minutes"],
  ["0 3 * * *", "every day at 03:00"],
  ["5 */6 * * *", "every day at 00:05, 06:05, 12:05 and 18:05"],
  ["0 */2 * * *", "every 2 hours from 00:00 on"],
  ["0 9-17 * * *", "every hour from 09:00 to 17:00"],
  ["*/15 9-17 * * MON-FRI", "every 15 minutes from 09:00 to 17:45, Monday to Friday"],
  ["0 9,17 * * mon", "on Mondays at 09:00 and 17:00"],
  ["0 3 * * 0,6", "on Sundays and Saturdays at 03:00"],
  ["0 0 1,15 * *", "on the 1st and 15th at 00:00"],
  ["30 4 * jan *", "every day in January at 04:30"],
  // Cron takes either where both are named.
  ["0 3 1 * 1", "on the 1st and on Mondays at 03:00"],
  // Seven does not divide an hour: nobody would guess the gaps.
  ["*/7 * * * *", "by the pattern */7 * * * *"],
  ["0 3 */2 * *", "by the pattern 0 3 */2 * *"],
])("%s is %s", (cron, words) => {
  expect(cronWords(cron)).toBe(words);
});
