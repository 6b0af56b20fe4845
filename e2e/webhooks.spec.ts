import { readFileSync } from "node:fs";
import { request as send } from "node:http";
import { join } from "node:path";
import { expect, test } from "@playwright/test";
import Stripe from "stripe";
import { signIn } from "./desk.ts";

const path = "/api/webhooks/stripe";

/** Made when the demonstration first started, and kept in its folder. */
function webhookSecret(): string {
  const file = join(process.env.DRIFTDESK_E2E_DIR ?? ".driftdesk", "demo.json");
  return JSON.parse(readFileSync(file, "utf8")).webhookSecret;
}

/** As Stripe writes them: what counts is each byte, blanks too. */
const event = (id: string) =>
  JSON.stringify(
    {
      id,
      object: "event",
      type: "customer.subscription.updated",
      created: Math.floor(Date.now() / 1000),
      livemode: false,
      api_version: "2026-10-28.endive",
      data: { object: { object: "subscription", id: "sub_ofTheSpec", customer: "cus_ofTheSpec" } },
    },
    null,
    2,
  );

const signed = (payload: string, secret = webhookSecret()) => ({
  data: payload,
  headers: {
    "content-type": "application/json; charset=utf-8",
    "stripe-signature": Stripe.webhooks.generateTestHeaderString({ payload, secret }),
  },
});

test("webhooks come in without a session, each gets its answer, and Settings tells what became of them", async ({
  page,
  request,
  baseURL,
}) => {
  const id = `evt_${Date.now()}`;
  const answers = [
    await request.post(path, signed(event(id))),
    await request.post(path, signed(event(id))),
    await request.post(path, signed(event(`${id}b`), "whsec_ofSomebodyElse")),
    await request.post(path, { data: event(`${id}c`) }),
  ];
  expect(answers.map((answer) => answer.status())).toEqual([200, 200, 400, 400]);
  expect(await answers[0]?.json()).toEqual({ outcome: "accepted" });
  expect(await answers[1]?.json()).toEqual({ outcome: "duplicate" });
  expect((await request.get(path)).status()).toBe(405);

  await test.step("a body without an end is not read to its end", async () => {
    const { status, sentBytes } = await sendForever(`${baseURL}${path}`);
    expect(status).toBe(413);
    // What is on its way counts too; a copy of ten megabytes is what Next would make of it before the route.
    expect(sentBytes).toBeLessThan(8 * 1_048_576);
  });

  await signIn(page, "viewer");
  await page.goto("/settings");
  const section = page.getByRole("region", { name: "Webhooks" });
  await expect(section).toContainText(`${baseURL}${path}`);
  await expect(section).toContainText("Set in STRIPE_WEBHOOK_SECRET");
  for (const [name, least] of [
    ["Received", 1],
    ["Sent again", 1],
    ["Signature missing or wrong", 2],
    ["Too large", 1],
  ] as const) {
    const told = section.getByRole("row").filter({ has: page.getByText(name, { exact: true }) });
    const count = await told.getByRole("cell").last().textContent();
    expect(Number(count), name).toBeGreaterThanOrEqual(least);
  }
});

/** Sends until there is an answer, or nobody who takes it any more. */
function sendForever(url: string): Promise<{ status: number | undefined; sentBytes: number }> {
  const { promise, resolve } = Promise.withResolvers<{ status: number | undefined; sentBytes: number }>();
  const headers = { "stripe-signature": `t=${Math.floor(Date.now() / 1000)},v1=00` };
  const sending = send(url, { method: "POST", headers });
  const chunk = Buffer.alloc(65_536, "x");
  let sentBytes = 0;
  let status: number | undefined;
  const end = () => {
    sending.destroy();
    resolve({ status, sentBytes });
  };
  const go = () => {
    if (sending.destroyed || sentBytes > 64 * 1_048_576) return end();
    sentBytes += chunk.length;
    if (sending.write(chunk)) setImmediate(go);
    else sending.once("drain", go);
  };
  sending.on("response", (answer) => {
    status = answer.statusCode;
    end();
  });
  sending.on("error", end);
  go();
  return promise;
}
