import { afterAll, beforeAll, expect, test } from "vitest";
import { hour, minute, openAlerts, type TestAlerts } from "../../sandbox/testing-alerts.ts";
import { checkCheckpoint, readCheckpoint } from "../audit/checkpoint.ts";
import { newSigningKey } from "../audit/signing-key.ts";

let company: TestAlerts;
beforeAll(async () => {
  company = await openAlerts();
});
afterAll(() => company.close());

test("the summary goes out once a day, when its time has come where the people are, with a checkpoint that can be checked", async () => {
  const { desk, lockOut, pass, run, setClock, settle, slack, tell, texts, withRules } = company;
  const { signingKey, publicKey } = newSigningKey();
  // In the middle of quiet hours, and at its time all the same.
  const quietHours = { from: "22:00", to: "09:00", timeZone: "Europe/Berlin", pass: [] };
  const daily = {
    ...withRules({ digest: "08:00", timeZone: "Europe/Berlin", quietHours }),
    environment: { ...desk.environment, auditSigningKey: signingKey },
  };
  await lockOut(2);
  await run();
  await settle();
  setClock("2026-12-01T06:59:00Z");
  await tell(daily);
  expect(texts()).toEqual([]);
  pass(minute);
  await tell(daily);
  await tell(daily);
  expect(texts()).toEqual([
    expect.stringMatching(/^Driftdesk on 2026-12-01\n2 differences open, .*\nIn the last 24 hours: /s),
  ]);
  const small = slack.messages[0]?.blocks.find(({ type }) => type === "context");
  const said = (small as unknown as { elements: { text: string }[] }).elements
    .map(({ text }) => text)
    .join("\n");
  expect(await checkCheckpoint(desk.sql, readCheckpoint(said), publicKey)).toEqual([]);
  pass(23 * hour);
  await tell(daily);
  expect(slack.messages).toHaveLength(1);
  pass(hour);
  await tell(daily);
  expect(slack.messages).toHaveLength(2);
});

test("where the clock is put forward over its time, it goes out when the clock shows more", async () => {
  const { setClock, slack, tell, texts, withRules } = company;
  const early = withRules({ digest: "02:30", timeZone: "Europe/Berlin" });
  setClock("2027-03-28T00:59:00Z");
  await tell(early);
  slack.messages.length = 0;
  // 01:59 is followed by 03:00.
  setClock("2027-03-28T01:00:00Z");
  await tell(early);
  expect(texts()).toEqual([expect.stringContaining("Driftdesk on 2027-03-28")]);
  // 02:30 comes twice in autumn.
  setClock("2027-10-31T00:30:00Z");
  await tell(early);
  setClock("2027-10-31T01:30:00Z");
  await tell(early);
  expect(texts().slice(1)).toEqual([expect.stringContaining("Driftdesk on 2027-10-31")]);
});
