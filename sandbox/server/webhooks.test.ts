import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import Stripe from "stripe";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { changeEmail, createCustomer } from "../world/changes/customer.ts";
import { renew } from "../world/changes/subscription.ts";
import { type Asked, openSandbox, now as start } from "./testing.ts";

const secret = "whsec_ofTheCompany";
let now = start;
let asked: Asked;
let company: Company;
beforeEach(async () => {
  now = start;
  asked = await openSandbox({ now: () => now, generate: { customers: 40 } });
  company = await openCompany();
  asked.sandbox.webhooks.add(company.url, { secret });
});
afterEach(async () => {
  await asked.close();
  await company.close();
});

const pass = (minutes: number) => {
  now = new Date(now.getTime() + minutes * 60_000);
};

interface Company {
  url: string;
  /** Events whose signature held, in the order in which they came. */
  received: Stripe.Event[];
  raw: { body: string; signature: string }[];
  /** What it answers. */
  status: number;
  close(): Promise<void>;
}

/** A company's own endpoint, which believes only what is signed with its secret. */
async function openCompany(): Promise<Company> {
  const stripe = new Stripe("sk_test_not_used_to_ask_anything");
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks).toString();
      const signature = String(request.headers["stripe-signature"]);
      opened.raw.push({ body, signature });
      // Under the clock of the test, as an endpoint would under its own.
      const event = held(() =>
        stripe.webhooks.constructEvent(body, signature, secret, 300, undefined, now.getTime()),
      );
      if (opened.status === 200 && event) opened.received.push(event);
      response.writeHead(opened.status === 200 && !event ? 400 : opened.status).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const opened: Company = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks`,
    received: [],
    raw: [],
    status: 200,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return opened;
}

function held(check: () => Stripe.Event): Stripe.Event | null {
  try {
    return check();
  } catch {
    return null;
  }
}

const someSubscription = () =>
  asked.sandbox.world.subscriptions
    .newestFirst()
    .find(({ status }) => status === "active") as Stripe.Subscription;
const pendingOf = async (id: string) => (await asked.stripe.events.retrieve(id)).pending_webhooks;

test("a change arrives as signed events that say what the API says", async () => {
  const { world, webhooks } = asked.sandbox;
  const renewed = renew(world, now, { subscription: someSubscription().id });
  expect(company.raw).toEqual([]);
  await webhooks.deliver();
  expect(company.received.map((event) => event.type)).toEqual([
    "invoice.created",
    "invoice.finalized",
    "charge.succeeded",
    "payment_intent.succeeded",
    "invoice.paid",
    "customer.subscription.updated",
  ]);
  const last = company.received.at(-1) as Stripe.Event;
  expect(last.data).toMatchObject({ object: { id: renewed.id }, previous_attributes: { items: {} } });
  const { lastResponse: _, ...retrieved } = await asked.stripe.events.retrieve(last.id);
  expect(retrieved).toEqual({ ...last, pending_webhooks: 0 });
  expect(last.pending_webhooks).toBe(1);
  await webhooks.deliver();
  expect(company.raw).toHaveLength(6);
});

test("a signature holds for its own payload, secret and time only", async () => {
  createCustomer(asked.sandbox.world, now, {});
  await asked.sandbox.webhooks.deliver();
  const [{ body, signature }] = company.raw as [{ body: string; signature: string }];
  const check = (payload: string, key: string, at: Date) => () =>
    asked.stripe.webhooks.constructEvent(payload, signature, key, 300, undefined, at.getTime());
  expect(signature).toMatch(/^t=\d+,v1=[0-9a-f]{64}/);
  expect(check(body, secret, now)).not.toThrow();
  expect(check(body.replace("customer.created", "customer.deleted"), secret, now)).toThrow();
  expect(check(body, "whsec_ofSomebodyElse", now)).toThrow();
  expect(check(body, secret, new Date(now.getTime() + 301_000))).toThrow();
});

describe("an endpoint that does not answer 2xx", () => {
  test("is tried again with growing gaps until it does", async () => {
    const { webhooks, world } = asked.sandbox;
    company.status = 503;
    const { id } = createCustomer(world, now, {});
    const minutes: number[] = [];
    for (let minute = 0; minute <= 600; minute++) {
      const before = webhooks.attempts.length;
      await webhooks.deliver();
      if (webhooks.attempts.length > before) minutes.push(minute);
      pass(1);
    }
    const gaps = minutes.slice(1).map((at, i) => at - (minutes[i] ?? 0));
    expect(minutes[0]).toBe(0);
    expect(gaps.length).toBeGreaterThan(2);
    expect(gaps).toEqual([...gaps].sort((a, b) => a - b));
    const event = webhooks.attempts[0]?.event as string;
    expect(webhooks.attempts.map(({ status }) => status)).toEqual(minutes.map(() => 503));
    expect(await pendingOf(event)).toBe(1);
    expect((await asked.stripe.events.list({ delivery_success: false })).data.map((each) => each.id)).toEqual(
      [event],
    );

    company.status = 200;
    pass(24 * 60);
    await webhooks.deliver();
    expect(company.received).toMatchObject([{ id: event, data: { object: { id } } }]);
    expect(await pendingOf(event)).toBe(0);
    expect((await asked.stripe.events.list({ delivery_success: false })).data).toEqual([]);
  });

  test("is given up after three days, and the event stays undelivered until somebody sends it again", async () => {
    const { webhooks, world } = asked.sandbox;
    await company.close();
    createCustomer(world, now, {});
    for (let hour = 0; hour < 100; hour++) {
      await webhooks.deliver();
      pass(60);
    }
    const { event } = webhooks.attempts[0] as { event: string };
    expect(webhooks.attempts.every(({ status }) => status === null)).toBe(true);
    const attempts = webhooks.attempts.length;
    pass(60 * 24 * 7);
    await webhooks.deliver();
    expect(webhooks.attempts).toHaveLength(attempts);
    expect(await pendingOf(event)).toBe(1);

    company = await openCompany();
    asked.sandbox.webhooks.add(company.url, { secret, events: ["customer.created"] });
    await webhooks.resend(event);
    expect(company.received).toMatchObject([{ id: event }]);
  });
});

test("an event that is sent again is the same event, and counts once", async () => {
  const { webhooks, world } = asked.sandbox;
  const other = await openCompany();
  other.status = 500;
  webhooks.add(other.url, { secret });
  createCustomer(world, now, {});
  await webhooks.deliver();
  const [event] = company.received as [Stripe.Event];
  expect(await pendingOf(event.id)).toBe(1);
  await webhooks.resend(event.id);
  expect(company.received.map(({ id }) => id)).toEqual([event.id, event.id]);
  expect(await pendingOf(event.id)).toBe(1);
  await other.close();
});

test("an endpoint gets the types of event that it wants, and shows its secret once", async () => {
  const { webhooks, world } = asked.sandbox;
  const choosy = await openCompany();
  const made = webhooks.add(choosy.url, { events: ["customer.updated"] });
  expect(made.secret).toMatch(/^whsec_/);
  expect(await asked.stripe.webhookEndpoints.retrieve(made.id)).not.toHaveProperty("secret");
  choosy.status = 202;
  const { id } = createCustomer(world, now, {});
  changeEmail(world, now, { customer: id, email: "new@example.com" });
  await webhooks.deliver();
  expect(choosy.raw.map(({ body }) => JSON.parse(body).type)).toEqual(["customer.updated"]);
  expect(company.received.map(({ type }) => type)).toEqual(["customer.created", "customer.updated"]);
  await choosy.close();
});

test("endpoints are listed newest first, and by nothing but pages", async () => {
  const { webhooks, world } = asked.sandbox;
  pass(1);
  const made = webhooks.add("https://api.acme.example/webhooks/stripe", { events: ["invoice.paid"] });
  const { stripe } = asked;
  const { data } = await stripe.webhookEndpoints.list();
  expect(data).toEqual([...world.webhookEndpoints.newestFirst()]);
  expect(data[0]).toMatchObject({
    id: made.id,
    object: "webhook_endpoint",
    url: "https://api.acme.example/webhooks/stripe",
    enabled_events: ["invoice.paid"],
    status: "enabled",
    livemode: false,
    api_version: "2026-10-28.endive",
  });
  const next = await stripe.webhookEndpoints.list({ limit: 1, starting_after: made.id });
  expect(next.data.map(({ url }) => url)).toEqual([company.url]);
  await expect(stripe.webhookEndpoints.list({ created: 1 } as never)).rejects.toMatchObject({
    code: "parameter_unknown",
  });
});

describe("can be made to go wrong", () => {
  test("lost: Stripe takes it for delivered, and nothing ever came", async () => {
    const { webhooks, world } = asked.sandbox;
    webhooks.outcomes.set("customer.created", "lose");
    createCustomer(world, now, {});
    await webhooks.deliver();
    pass(60 * 24 * 4);
    await webhooks.deliver();
    expect(company.raw).toEqual([]);
    expect(await pendingOf(webhooks.attempts[0]?.event as string)).toBe(0);
  });

  test("refused: for one object only, until it is allowed again", async () => {
    const { webhooks, world } = asked.sandbox;
    const [unlucky, lucky] = [createCustomer(world, now, {}), createCustomer(world, now, {})];
    webhooks.outcomes.set(unlucky.id, "refuse");
    await webhooks.deliver();
    const arrived = () => company.received.map((event) => (event.data.object as { id: string }).id);
    expect(arrived()).toEqual([lucky.id]);
    webhooks.outcomes.delete(unlucky.id);
    pass(5);
    await webhooks.deliver();
    expect(arrived()).toEqual([lucky.id, unlucky.id]);
  });
});
