// What goes out together, and what waits.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { minute, openAlerts, type TestAlerts } from "../../sandbox/testing-alerts.ts";
import type { QuietHours } from "../config/resource.ts";
import { isQuiet, localTime, quietUntil } from "./clock.ts";
import { listAlerts } from "./list.ts";

let company: TestAlerts;
beforeAll(async () => {
  company = await openAlerts();
});
beforeEach(() => company.settle());
afterAll(() => company.close());

const broken = (endpoint: string) =>
  company.happen("pipeline.broken", { endpoint, url: `https://${endpoint}`, since: "2026-11-24T01:00:00Z" });
const overdue = (schedule: string) =>
  company.happen("schedule.overdue", { schedule, mode: "full", due: "2026-11-24T03:00:00Z" });

describe("many of a kind", () => {
  test("at once are one message that names each", async () => {
    const { tell, texts, desk } = company;
    for (let i = 0; i < 50; i++) await broken(`api-${i}.acme.com`);
    await tell();
    expect(texts()).toEqual([
      expect.stringMatching(
        /^Webhooks do not arrive at 50 endpoints\n• Webhooks do not arrive: Stripe cannot .*api-0/,
      ),
    ]);
    expect(texts()[0]?.split("\n").slice(19)).toEqual([
      expect.stringContaining("api-18.acme.com"),
      expect.stringContaining("api-19.acme.com"),
      "… and 30 more.",
    ]);
    expect(await listAlerts(desk, { limit: 1 })).toMatchObject([
      { deliveries: [{ state: "sent", others: 49 }] },
    ]);
  });

  test("soon after one another are two: the first at once, the others ten minutes later", async () => {
    const { lockOut, pass, run, tell, texts } = company;
    for (const count of [1, 2, 3]) {
      await lockOut(count);
      await run();
      await tell();
      pass(3 * minute);
    }
    expect(texts()).toEqual([expect.stringContaining("1 new difference between")]);
    await overdue("0 1 * * *");
    await tell();
    expect(texts()[1]).toContain("A full run is overdue");
    pass(minute);
    await tell();
    expect(texts().slice(2)).toEqual([
      expect.stringMatching(/^5 new differences between .*\n• 5 paid, locked out: .*Found by 2 runs\.$/s),
    ]);
  });
});

describe("in quiet hours", () => {
  const quietHours: QuietHours = {
    from: "22:00",
    to: "07:00",
    timeZone: "Europe/Berlin",
    pass: ["pipeline_broken", "held_back", "run_trouble"],
  };

  test("only what may pass is sent; what waited is one message afterwards", async () => {
    const { desk, lockOut, run, setClock, slack, texts, withRules } = company;
    const quiet = withRules({ quietHours });
    const tell = () => company.tell(quiet);
    setClock("2026-11-25T21:00:00Z");
    await lockOut(2);
    await run();
    await tell();
    await overdue("0 2 * * *");
    await tell();
    expect(texts()).toEqual([]);
    // What waits on purpose is not late.
    const due =
      await desk.sql`SELECT DISTINCT due_at FROM driftdesk.alert_deliveries WHERE state = 'waiting'`;
    expect(due).toEqual([{ due_at: new Date("2026-11-26T06:00:00Z") }]);
    await broken("night.acme.com");
    await tell();
    expect(texts()).toEqual([expect.stringContaining("Webhooks do not arrive")]);
    setClock("2026-11-26T05:59:00Z");
    await tell();
    expect(texts()).toHaveLength(1);
    setClock("2026-11-26T06:00:00Z");
    await tell();
    await tell();
    expect(texts().slice(1)).toEqual([
      expect.stringMatching(
        /^In the quiet hours: 2 things to know\n2 new differences between .*\nA full run is overdue\n/s,
      ),
    ]);
    expect(JSON.stringify(slack.messages[1]?.blocks)).toContain("*A full run is overdue*");
  });

  test("what could not be sent before waits too", async () => {
    const { setClock, slack, texts, withRules } = company;
    const quiet = withRules({ quietHours });
    slack.answers.push({ status: 503, body: "" });
    setClock("2026-11-26T20:59:50Z");
    await overdue("0 4 * * *");
    await company.tell(quiet);
    expect(texts()).toHaveLength(1);
    setClock("2026-11-26T23:00:00Z");
    await company.tell(quiet);
    expect(texts()).toHaveLength(1);
    setClock("2026-11-27T06:00:00Z");
    await company.tell(quiet);
    expect(texts()).toHaveLength(2);
  });

  test.each([
    // Through midnight, by the clock on the wall.
    ["2026-11-25T20:59:00Z", false],
    ["2026-11-25T21:00:00Z", true],
    ["2026-11-26T05:59:00Z", true],
    ["2026-11-26T06:00:00Z", false],
    // Summer: an hour earlier.
    ["2026-07-01T20:00:00Z", true],
    ["2026-07-02T05:00:00Z", false],
    // The night that is an hour shorter, and the one that is longer.
    ["2027-03-28T04:59:00Z", true],
    ["2027-03-28T05:00:00Z", false],
    ["2027-10-31T05:59:00Z", true],
    ["2027-10-31T06:00:00Z", false],
  ])("%s: %s", (at, quiet) => {
    expect(isQuiet(new Date(at), quietHours)).toBe(quiet);
  });

  test.each([
    ["2026-11-25T21:00:00Z", "2026-11-26T06:00:00Z"],
    ["2027-03-27T21:30:30Z", "2027-03-28T05:00:00Z"],
    ["2027-10-30T21:00:00Z", "2027-10-31T06:00:00Z"],
  ])("from %s they last until %s", (at, end) => {
    expect(quietUntil(new Date(at), quietHours)).toEqual(new Date(end));
  });

  test("within a day are those between, and without any it is never quiet", () => {
    const noon = { ...quietHours, from: "12:00", to: "13:30", timeZone: "UTC" };
    const at = (time: string) => isQuiet(new Date(`2026-11-25T${time}:00Z`), noon);
    expect([at("11:59"), at("12:00"), at("13:29"), at("13:30")]).toEqual([false, true, true, false]);
    expect(isQuiet(new Date("2026-11-25T23:00:00Z"), undefined)).toBe(false);
  });
});

test("a time of day is the clock's on the wall, on the days on which it is changed too", () => {
  const berlin = (at: string) => localTime(new Date(at), "Europe/Berlin");
  expect(berlin("2026-03-29T00:59:00Z")).toEqual({ day: "2026-03-29", time: "01:59" });
  expect(berlin("2026-03-29T01:00:00Z")).toEqual({ day: "2026-03-29", time: "03:00" });
  expect(berlin("2026-10-25T01:30:00Z")).toEqual({ day: "2026-10-25", time: "02:30" });
  expect(localTime(new Date("2026-11-25T00:00:00Z"), "UTC")).toEqual({ day: "2026-11-25", time: "00:00" });
});

test("without a channel alerts are there to be read", async () => {
  const { opened, slack, tell } = company;
  await broken("quiet.acme.com");
  await tell(opened.desk);
  expect(slack.messages).toHaveLength(0);
  expect(await listAlerts(opened.desk, { limit: 1 })).toMatchObject([
    { title: "Webhooks do not arrive", deliveries: [] },
  ]);
});
