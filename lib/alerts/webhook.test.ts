import Stripe from "stripe";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type Received, type Receiver, startReceiver } from "../../sandbox/testing-receiver.ts";
import { sendToWebhook } from "./webhook.ts";

const message = {
  id: "0c7f6f5c-6a0e-4a2b-9a53-0f6f3d1f4b11",
  at: new Date("2026-11-24T12:00:00Z"),
  title: "A run failed",
  parts: [{ title: null, lines: [], url: "https://desk.example.com/", link: "Look" }],
  small: null,
  alerts: [],
};

const secret = "a secret that both sides know";

let hook: Receiver;
let elsewhere: Receiver;
let hooked: { url: string; secret: string };
const posted: Received[] = [];
const toElsewhere: Received[] = [];
beforeAll(async () => {
  const taken = { status: 204, body: "" };
  hook = await startReceiver("/alerts?token=very-secret", taken, (one) => posted.push(one));
  elsewhere = await startReceiver("/", taken, (one) => toElsewhere.push(one));
  hooked = { url: hook.url, secret };
});
beforeEach(() => {
  posted.length = 0;
});
afterAll(async () => {
  await hook.close();
  await elsewhere.close();
});

test("a message is signed as Stripe signs, over the body as it is sent, with the time of sending", async () => {
  const now = new Date();
  expect(await sendToWebhook(hooked, message, now)).toEqual({ outcome: "sent" });
  const { body = "", headers } = posted[0] ?? {};
  const verify = (text: string, key = secret) =>
    new Stripe("sk_test_x").webhooks.signature?.verifyHeader(
      text,
      String(headers?.["driftdesk-signature"]),
      key,
      300,
    );
  expect(verify(body)).toBe(true);
  expect(() => verify(`${body} `)).toThrow();
  expect(() => verify(body, "another secret")).toThrow();
  expect(body).not.toContain(secret);
});

test.each([
  [
    { status: 503, body: "", headers: { "retry-after": "120" } },
    "later",
    /problem of its own \(503\)/,
    120_000,
  ],
  [{ status: 429, body: "" }, "later", /asked for a pause/, null],
  [{ status: 401, body: "" }, "later", /did not take it \(401\).*ALERT_WEBHOOK_SECRET/, null],
  [{ status: 410, body: "" }, "refused", /is gone \(410\)/, undefined],
  ["dropped" as const, "later", /could not be reached/, null],
])("a webhook that answers %o is tried %s", async (answer, outcome, problem, afterMs) => {
  hook.answers.push(answer);
  const sending = await sendToWebhook(hooked, message, new Date());
  expect(sending).toMatchObject({ outcome, problem: expect.stringMatching(problem) });
  expect("afterMs" in sending ? sending.afterMs : undefined).toBe(afterMs);
});

test("a webhook that sends elsewhere is not followed, and one that is silent is not waited for", async () => {
  hook.answers.push({ status: 307, body: "", headers: { location: elsewhere.url } }, null);
  expect(await sendToWebhook(hooked, message, new Date())).toMatchObject({
    outcome: "later",
    problem: expect.stringContaining("sends elsewhere (307), which is not followed"),
  });
  expect(toElsewhere).toEqual([]);
  expect(await sendToWebhook(hooked, message, new Date(), 50)).toMatchObject({
    problem: "The webhook did not answer in time.",
  });
});
