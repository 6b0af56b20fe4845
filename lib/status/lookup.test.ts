import type Stripe from "stripe";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { type Lookups, listens, openLookups } from "../../sandbox/testing-statuses.ts";
import { cancel, subscribe } from "../../sandbox/world/changes/subscription.ts";
import type { Desk } from "../desk.ts";
import { invalidateStatus } from "./invalidate.ts";
import { lookUpStatus } from "./lookup.ts";
import { statusesOf } from "./statuses.ts";

let t: Lookups;
beforeAll(async () => {
  t = await openLookups({ status: { deadline: "1s" } });
  await listens(statusesOf(t.desk));
});
afterAll(() => t.close());
beforeEach(() => {
  t.sandbox.faults.outage = false;
  t.sandbox.setLatency(0);
  t.requests();
});

const ask = async (key: string, desk: Desk = t.desk) => (await lookUpStatus(desk, key)).answer;
const accountId = () => t.world.account.id;
const changed = (customerId: string) => invalidateStatus(t.desk, { accountId: accountId(), customerId });
const end = (subscription: Stripe.Subscription, cancelled = true) =>
  cancelled && cancel(t.world, t.desk.now(), { subscription: subscription.id });

describe("what is answered", () => {
  test("a local key, a customer's id and an address have the same answer, from Stripe first and from the cache then", async () => {
    const { customer, subscription, key } = t.take();
    const item = subscription.items.data[0] as Stripe.SubscriptionItem;
    const expected = {
      account: null,
      found: true,
      customer: customer.id,
      stripeId: subscription.id,
      status: "active",
      plan: item.price.id,
      periodEnd: new Date(item.current_period_end * 1000).toISOString(),
      access: true,
      problem: null,
    };
    for (const asked of [key, customer.id, customer.email as string]) {
      expect(await ask(asked)).toEqual({ ...expected, key: asked, source: "stripe", ageMs: 0 });
      t.pass(1_000);
      expect(await ask(asked)).toEqual({ ...expected, key: asked, source: "cache", ageMs: 1_000 });
    }
    expect(t.requests()).toBe(3);
  });

  test("an address that the local records do not have is found by Stripe", async () => {
    const { customer } = t.take();
    const address = customer.email as string;
    await t.local`UPDATE users SET email = NULL WHERE stripe_customer_id = ${customer.id}`;
    expect(await ask(address)).toMatchObject({ found: true, customer: customer.id });
    expect((await lookUpStatus(t.desk, ` ${address} `)).answer).toMatchObject({ source: "cache" });
  });

  test("of several subscriptions the mapping's rule picks the one that counts", async () => {
    const { customer, subscription, key } = t.take();
    end(subscription);
    expect(await ask(key)).toMatchObject({ status: "gone", access: false });
    await changed(customer.id);
    const price = subscription.items.data[0]?.price.id as string;
    const next = subscribe(t.world, t.desk.now(), { customer: customer.id, price });
    expect(await ask(key)).toMatchObject({ status: "active", stripeId: next.id, access: true });
    const users = t.desk.config.resources[0] as Desk["config"]["resources"][0];
    const oldest = { ...users, choose: (one: Stripe.Subscription) => one.created } as typeof users;
    const desk = { ...t.desk, config: { ...t.desk.config, resources: [oldest], source: "another" } };
    expect(await ask(key, desk)).toMatchObject({ status: "gone", stripeId: subscription.id });
  });

  test("who has nothing at Stripe is what the mapping makes of them, for a short time", async () => {
    const { key } = t.take();
    await t.local`UPDATE users SET stripe_customer_id = 'cus_nobody' WHERE id = ${key}`;
    const nothing = { found: false, status: "none", plan: null, access: false, stripeId: null };
    expect(await ask(key)).toMatchObject({ ...nothing, customer: "cus_nobody", source: "stripe" });
    for (const asked of ["cus_nobody2", "nobody@example.com", "999999", "no number"])
      expect(await ask(asked)).toMatchObject({ ...nothing, source: "stripe" });
    t.pass(29_000);
    expect(await ask("cus_nobody2")).toMatchObject({ source: "cache" });
    t.pass(1_500);
    expect(await ask("cus_nobody2")).toMatchObject({ source: "stripe" });
  });

  test("what the mapping has no word for is a problem, and access is what the config says for that", async () => {
    const { customer, subscription } = t.take();
    (subscription as { status: string }).status = "new_word";
    const stored = t.world.subscriptions.get(subscription.id) as Stripe.Subscription;
    Object.assign(stored, { status: "new_word" });
    const answer = await ask(customer.id);
    expect(answer).toMatchObject({ found: true, status: null, access: false });
    expect(answer.problem).toContain('Stripe says "new_word"');
    const open = {
      ...t.desk,
      config: { ...t.desk.config, status: { ...t.desk.config.status, fail: "open" } },
    } as Desk;
    expect(await ask(customer.id, open)).toMatchObject({ status: null, access: true, source: "cache" });
  });

  test("what is no key is refused", async () => {
    for (const key of ["", " ", "a\u0000b", "x".repeat(256)])
      await expect(ask(key)).rejects.toMatchObject({ code: "key_invalid", status: 400 });
  });
});

describe("the time of an answer", () => {
  test("ends at the config's ttl at the latest, and up to a tenth earlier by chance", async () => {
    const early = t.another({ random: () => 1 }).desk;
    await listens(statusesOf(early));
    for (const [desk, ms] of [
      [t.desk, 300_000],
      [early, 270_000],
    ] as const) {
      const { customer } = t.take();
      await ask(customer.id, desk);
      t.pass(ms - 1);
      expect(await ask(customer.id, desk)).toMatchObject({ source: "cache" });
      t.pass(1);
      expect(await ask(customer.id, desk)).toMatchObject({ source: "stripe" });
    }
  });

  test("near it, what is asked for often is asked anew once, while nobody waits", async () => {
    const { customer } = t.take();
    for (let i = 0; i < 3; i++) await ask(customer.id);
    expect(t.requests()).toBe(1);
    t.pass(250_000);
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(customer.id)));
    expect(new Set(answers.map((one) => one.source))).toEqual(new Set(["cache"]));
    await vi.waitFor(async () => expect(await ask(customer.id)).toMatchObject({ ageMs: 0 }));
    expect(t.requests()).toBe(1);
    t.pass(60_000);
    expect(await ask(customer.id)).toMatchObject({ source: "cache", ageMs: 60_000 });
  });
});

test("a thousand who ask for the same at once are one request", async () => {
  const { key } = t.take();
  t.sandbox.setLatency(50);
  const answers = await Promise.all(Array.from({ length: 1_000 }, () => lookUpStatus(t.desk, key)));
  expect(t.requests()).toBe(1);
  expect(answers.filter((one) => one.collapsed)).toHaveLength(999);
  expect(new Set(answers.map((one) => one.answer.status))).toEqual(new Set(["active"]));
});

describe("a change", () => {
  test("is known within a second in this process and in the others, which hear of it from Postgres", async () => {
    const { customer, subscription, key } = t.take();
    const other = t.another();
    await listens(other.statuses);
    for (const desk of [t.desk, other.desk]) {
      await ask(key, desk);
      expect(await ask(key, desk)).toMatchObject({ source: "cache", access: true });
    }
    end(subscription);
    await changed(customer.id);
    expect(await ask(key)).toMatchObject({ source: "stripe", access: false });
    await vi.waitFor(async () => expect(await ask(key, other.desk)).toMatchObject({ access: false }), {
      timeout: 1_000,
    });
  });

  test("is about one customer", async () => {
    const [one, two] = [t.take(), t.take()];
    await ask(one.key);
    await ask(two.key);
    await changed(two.customer.id);
    expect(await ask(one.key)).toMatchObject({ source: "cache" });
  });

  test("that comes while an answer is on its way makes the answer one that nobody is given as fresh", async () => {
    const { customer, subscription, key } = t.take();
    const reached = Promise.withResolvers<void>();
    const opened = Promise.withResolvers<void>();
    let lists = 0;
    const stripe: Desk["stripe"] = {
      ...t.desk.stripe,
      counts: t.desk.stripe.counts,
      async list(...args) {
        const answer = await t.desk.stripe.list(...args);
        if (++lists === 1) {
          reached.resolve();
          await opened.promise;
        }
        return answer;
      },
    };
    const { desk } = t.another({ stripe });
    const asking = ask(key, desk);
    await reached.promise;
    end(subscription);
    await invalidateStatus(desk, { accountId: accountId(), customerId: customer.id });
    opened.resolve();
    expect(await asking).toMatchObject({ source: "stripe", access: false });
    expect(await ask(key, desk)).toMatchObject({ source: "cache", access: false });
    expect(lists).toBe(2);
  });

  test("is not waited for by a process that hears nothing: it believes what it remembers for a second", async () => {
    const { key } = t.take();
    const deaf = t.another({});
    vi.spyOn(deaf.statuses.changes, "heard", "get").mockReturnValue(false);
    await ask(key, deaf.desk);
    t.rest(900);
    expect(await ask(key, deaf.desk)).toMatchObject({ source: "cache" });
    t.rest(200);
    expect(await ask(key, deaf.desk)).toMatchObject({ source: "stripe" });
  });
});

describe("when Stripe is down", () => {
  test("the last that is known is given, marked as stale, for as long as the config says; then what it says for that case", async () => {
    const { key, customer } = t.take();
    await ask(key);
    t.sandbox.faults.outage = true;
    t.pass(400_000);
    const { answer, failure, ttlMs } = await lookUpStatus(t.desk, key);
    expect(answer).toMatchObject({ source: "stale", access: true, status: "active", ageMs: 400_000 });
    expect({ failure, ttlMs }).toEqual({ failure: "stripe", ttlMs: -100_000 });
    // Never asked for before.
    expect(await ask(customer.id)).toMatchObject({ source: "none", access: false, found: null, ageMs: null });
    t.pass(24 * 3_600_000);
    expect(await ask(key)).toMatchObject({ source: "none", access: false });
    const open = {
      ...t.desk,
      config: { ...t.desk.config, status: { ...t.desk.config.status, fail: "open" } },
    } as Desk;
    expect(await ask(key, open)).toMatchObject({ source: "none", access: true });
  });

  test("it is left alone after five failures, tried once in a while, and asked again when it is back", async () => {
    const people = Array.from({ length: 8 }, () => t.take());
    const { desk } = t.another();
    for (const { key } of people.slice(0, 2)) await ask(key, desk);
    t.pass(400_000);
    t.sandbox.faults.outage = true;
    const { counts } = t.sandbox;
    let total = counts.total;
    for (const { key } of people.slice(0, 5)) await ask(key, desk);
    expect(counts.total - total).toBe(10);
    total = counts.total;
    for (const { key } of people) expect((await lookUpStatus(desk, key)).failure).toBe("resting");
    expect(counts.total).toBe(total);
    t.rest(11_000);
    expect(await Promise.all(people.map(async ({ key }) => (await lookUpStatus(desk, key)).failure))).toEqual(
      expect.arrayContaining(["stripe", "resting"]),
    );
    expect(counts.total - total).toBe(2);
    t.sandbox.faults.outage = false;
    t.rest(16_000);
    expect(await ask(people[0]?.key as string, desk)).toMatchObject({ source: "stripe" });
    expect(await ask(people[1]?.key as string, desk)).toMatchObject({ source: "stripe" });
  });

  test("and hangs, nobody waits longer than the deadline, and what comes late is for the next", async () => {
    const { key } = t.take();
    await ask(key);
    t.pass(400_000);
    t.sandbox.setLatency(1_600);
    const began = performance.now();
    expect(await lookUpStatus(t.desk, key)).toMatchObject({ answer: { source: "stale" }, failure: "late" });
    expect(performance.now() - began).toBeLessThan(1_500);
    await vi.waitFor(() => expect(statusesOf(t.desk).flights.count).toBe(0), { timeout: 3_000 });
    expect(await ask(key)).toMatchObject({ source: "cache" });
  });

  test("so many that they could not be answered in time are not sent on", async () => {
    const pace = { requestsPerSecond: 10, perEndpoint: 10 };
    const { desk } = t.another();
    const people = Array.from({ length: 10 }, () => t.take());
    t.sandbox.setLatency(100);
    const paced = { ...desk, config: { ...desk.config, pace } };
    const all = await Promise.all(people.map(({ customer }) => lookUpStatus(paced, customer.id)));
    expect(all.map((one) => one.failure)).toEqual([...Array(8).fill(null), "busy", "busy"]);
  });
});
