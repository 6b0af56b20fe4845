// What becomes of a message on its way. What it says is in news.test.ts and message.test.ts.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { hour, minute, openAlerts, type TestAlerts } from "../../sandbox/testing-alerts.ts";
import { startMail, type TestMail } from "../../sandbox/testing-mail.ts";
import { type Received, type Receiver, startReceiver } from "../../sandbox/testing-receiver.ts";
import type { Channel } from "../db/schema.ts";
import type { Desk } from "../desk.ts";
import { deliverOn } from "./deliver.ts";
import { sendTest } from "./list.ts";
import { raiseAlerts } from "./raise.ts";
import { sendToSlack } from "./slack.ts";

const fin = { email: "fin@example.com", name: "Fin", role: "finance" as const };
const admin = { email: "ada@example.com", name: "Ada", role: "admin" as const };
const secret = "a secret that both sides know";

let company: TestAlerts;
let mail: TestMail;
let hook: Receiver;
const posted: Received[] = [];
/** With all three channels. */
let desk: Desk;

beforeAll(async () => {
  company = await openAlerts();
  mail = await startMail();
  hook = await startReceiver("/alerts?token=very-secret", { status: 204, body: "" }, (one) =>
    posted.push(one),
  );
  const { environment, config } = company.desk;
  desk = {
    ...company.desk,
    environment: {
      ...environment,
      alertWebhook: { url: hook.url, secret },
      smtp: { url: mail.url, from: "Driftdesk <alerts@example.com>" },
    },
    config: {
      ...config,
      alerts: { ...config.alerts, email: { to: ["ada@example.com", "fin@example.com"] } },
    },
  };
});
beforeEach(async () => {
  await company.settle();
  posted.length = 0;
  mail.mails.length = 0;
});
afterAll(async () => {
  await company.close();
  await mail.close();
  await hook.close();
});

const message = {
  id: "0c7f6f5c-6a0e-4a2b-9a53-0f6f3d1f4b11",
  at: new Date("2026-11-24T12:00:00Z"),
  title: "A run failed",
  parts: [{ title: null, lines: [], url: "https://desk.example.com/", link: "Look" }],
  small: null,
  alerts: [],
};
/** Nobody listens there. */
const nowhere = "127.0.0.1:9";
const tell = () => company.tell(desk);
const testOn = (channel: Channel) => sendTest(desk, admin, channel);
const only = async () => (await company.deliveries())[0];

test("every channel gets what happened", async () => {
  await company.happen("schedule.overdue", {
    schedule: "0 3 * * *",
    mode: "full",
    due: "2026-11-24T03:00:00Z",
  });
  await tell();
  expect(company.texts()).toEqual([expect.stringContaining("A full run is overdue")]);
  expect(mail.mails.map(({ to }) => to)).toEqual([["ada@example.com", "fin@example.com"]]);
  expect(JSON.parse(posted[0]?.body ?? "")).toMatchObject({
    id: expect.stringMatching(/^[\da-f-]{36}$/),
    created: company.now().toISOString(),
    title: "A full run is overdue",
    alerts: [{ kind: "run_overdue", account: null, data: { mode: "full", due: "2026-11-24T03:00:00Z" } }],
  });
  expect(await company.deliveries()).toEqual(
    ["slack", "webhook", "email"].map((channel) => ({ channel, state: "sent", problem: null })),
  );
});

test("a channel that is down holds up no other", async () => {
  company.slack.answers.push(null);
  mail.answers.push({ at: "mail", code: "dropped" });
  await company.happen("pipeline.broken", {
    endpoint: "we_1",
    since: "2026-11-24T01:00:00Z",
    undelivered: 1,
  });
  await raiseAlerts(desk);
  const stuck = deliverOn(desk, "slack");
  await Promise.all([deliverOn(desk, "webhook"), deliverOn(desk, "email")]);
  expect(posted).toHaveLength(1);
  expect(await company.deliveries()).toEqual([
    { channel: "slack", state: "waiting", problem: null },
    { channel: "webhook", state: "sent", problem: null },
    { channel: "email", state: "waiting", problem: "The mail server could not be reached." },
  ]);
  company.slack.drop();
  await stuck;
  company.pass(minute);
  await tell();
  expect(mail.mails).toHaveLength(1);
  expect(posted).toHaveLength(1);
  expect((await company.deliveries()).map(({ state }) => state)).toEqual(["sent", "sent", "sent"]);
});

test("only an admin sends a test, on one channel, and only where it goes somewhere", async () => {
  await expect(sendTest(desk, fin, "email")).rejects.toMatchObject({ code: "not_allowed" });
  await expect(sendTest(company.desk, admin, "email")).rejects.toMatchObject({ code: "alerts_nowhere" });
  await testOn("email");
  await tell();
  expect(mail.mails).toHaveLength(1);
  expect(company.slack.messages).toEqual([]);
  expect(posted).toEqual([]);
});

describe("Slack", () => {
  beforeEach(() => testOn("slack"));

  test("a pause that it asks for is kept, also by what comes meanwhile", async () => {
    const { slack, pass } = company;
    slack.answers.push({ status: 429, body: "rate_limited", headers: { "retry-after": "90" } });
    await tell();
    expect(await only()).toMatchObject({ state: "waiting", problem: "Slack asked for a pause." });
    pass(89_000);
    await tell();
    expect(slack.messages).toHaveLength(1);
    pass(1_000);
    await tell();
    expect(slack.messages).toHaveLength(2);
    expect(await only()).toMatchObject({ state: "sent", problem: null });
  });

  test("a problem of its own is tried again, less and less often, and given up after a day", async () => {
    const { slack, pass } = company;
    slack.answers.push(...Array<{ status: number; body: string }>(60).fill({ status: 503, body: "" }));
    const times: number[] = [];
    for (let i = 0; i < 26 * 60; i++) {
      const before = slack.messages.length;
      await deliverOn(desk, "slack");
      if (slack.messages.length > before) times.push(i);
      pass(minute);
    }
    slack.answers.length = 0;
    expect(times.slice(0, 7)).toEqual([0, 1, 2, 3, 5, 9, 17]);
    expect(times.length).toBeLessThan(40);
    expect(await only()).toMatchObject({
      state: "failed",
      problem: "Slack has a problem of its own (503).",
    });
  });

  test.each([
    [404, "no_service", "The webhook was removed. Make a new one in Slack and set SLACK_WEBHOOK_URL."],
    [403, "action_prohibited", "An admin of the Slack workspace does not allow it."],
    [302, "", "See SLACK_WEBHOOK_URL."],
  ])("a refusal (%i %s) is not tried again, and what to do is said", async (status, body, remedy) => {
    const { slack, pass } = company;
    slack.answers.push({ status, body, headers: { location: hook.url } });
    await tell();
    pass(hour);
    await tell();
    expect(slack.messages).toHaveLength(1);
    expect(posted).toEqual([]);
    expect(await only()).toMatchObject({
      state: "failed",
      problem: `Slack refused the message (${body || `status ${status}`}). ${remedy}`,
    });
  });

  test("no answer and no connection are no problem for others, and the address is never told", async () => {
    const { slack } = company;
    slack.answers.push(null, "dropped");
    const silent = await sendToSlack(slack.url, message, 50);
    expect(silent).toEqual({ outcome: "later", afterMs: null, problem: "Slack did not answer in time." });
    const lost = { outcome: "later", afterMs: null, problem: "Slack could not be reached." };
    expect(await sendToSlack(slack.url, message)).toEqual(lost);
    expect(await sendToSlack(`http://${nowhere}/very-secret`, message)).toEqual(lost);
  });

  test("a message whose sender was killed is sent by another, after a minute", async () => {
    const { slack, pass, texts } = company;
    slack.answers.push(null, { status: 503, body: "" });
    const killed = deliverOn(desk, "slack");
    await expect.poll(() => slack.messages.length).toBe(1);
    await tell();
    expect(slack.messages).toHaveLength(1);
    pass(minute);
    await tell();
    expect(slack.messages).toHaveLength(2);
    // Whoever was thought dead changes nothing any more.
    slack.drop();
    await killed;
    expect(await only()).toMatchObject({ problem: "Slack has a problem of its own (503)." });
    pass(minute);
    await tell();
    expect(texts()[2]).toContain("This is a test\nada@example.com sent it");
    expect(await only()).toMatchObject({ state: "sent", problem: null });
  });
});

test("a message that is sent again has the same id", async () => {
  hook.answers.push({ status: 500, body: "" });
  await testOn("webhook");
  await tell();
  company.pass(minute);
  await tell();
  const [first, second] = posted.map(({ body }) => JSON.parse(body));
  expect(second).toEqual(first);
  expect(await only()).toMatchObject({ state: "sent", problem: null });
});
