// With a real Redis.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { redisIsHere, startRedis, type TestRedis } from "../../sandbox/testing-redis.ts";
import { type Lookups, listens, openLookups } from "../../sandbox/testing-statuses.ts";
import { cancel } from "../../sandbox/world/changes/subscription.ts";
import type { Desk } from "../desk.ts";
import { invalidateStatus } from "./invalidate.ts";
import { lookUpStatus } from "./lookup.ts";
import { redisState, statusesOf } from "./statuses.ts";

describe.skipIf(!redisIsHere())("with Redis", () => {
  let redis: TestRedis;
  let t: Lookups;
  let a: Desk;
  let b: Desk;
  /** What each process wrote into its log. */
  let log: { level: "info" | "warn"; line: string }[];

  beforeAll(async () => {
    redis = await startRedis();
    t = await openLookups({ status: { deadline: "1s" }, redisUrl: redis.url });
  });
  afterAll(async () => {
    await t.close();
    await redis.close();
  });
  beforeEach(async () => {
    t.sandbox.setLatency(0);
    log = [];
    const note = (level: "info" | "warn") => (_: unknown, line?: string) =>
      log.push({ level, line: line ?? String(_) });
    const noting = { ...t.desk.log, info: note("info"), warn: note("warn") } as unknown as Desk["log"];
    a = t.another({ log: noting }).desk;
    b = t.another().desk;
    for (const desk of [a, b]) await listens(statusesOf(desk));
    t.requests();
  });

  const ask = async (key: string, desk: Desk) => (await lookUpStatus(desk, key)).answer;
  const about = (customerId: string) => ({ accountId: t.world.account.id, customerId });

  test("an answer is every process's", async () => {
    const { key } = t.take();
    expect(await ask(key, a)).toMatchObject({ source: "stripe", access: true });
    t.pass(1_000);
    expect(await ask(key, b)).toMatchObject({ source: "cache", access: true, ageMs: 1_000 });
    expect(t.requests()).toBe(1);
  });

  test("a thousand who ask for the same in two processes are one request", async () => {
    const { customer } = t.take();
    t.sandbox.setLatency(80);
    const answers = await Promise.all(
      Array.from({ length: 1_000 }, (_, i) => ask(customer.id, i % 2 ? a : b)),
    );
    expect(t.requests()).toBe(1);
    expect(new Set(answers.map((one) => one.status))).toEqual(new Set(["active"]));
  });

  test("its names tell nobody's address, and neither do its values", async () => {
    const { customer, key } = t.take();
    await redis.client.flushall();
    for (const asked of [key, customer.id, customer.email as string]) await ask(asked, a);
    await invalidateStatus(a, about(customer.id));
    const realm = `driftdesk:${t.world.account.id}:test`;
    const names = await redis.names();
    expect(names).toEqual([
      `${realm}:by-customer:${customer.id}:changed`,
      `${realm}:by-customer:users:${customer.id}:sub_status`,
      expect.stringMatching(new RegExp(`^${realm}:by-email:users:[0-9a-f]{32}:sub_status$`)),
      `${realm}:users:${key}:sub_status`,
    ]);
    const values = await redis.client.mget(names);
    expect(values.join(" ")).not.toContain(customer.email);
    for (const name of names) expect(await redis.client.pttl(name)).toBeGreaterThan(24 * 3_600_000);
  });

  test("a change is known within a second in a process that hears nothing else of it", async () => {
    const { customer, subscription, key } = t.take();
    b = t.another().desk;
    vi.spyOn(statusesOf(b).changes, "listen").mockReturnValue();
    for (const desk of [a, b]) await ask(key, desk);
    cancel(t.world, t.desk.now(), { subscription: subscription.id });
    await invalidateStatus(a, about(customer.id));
    expect(await ask(key, a)).toMatchObject({ source: "stripe", access: false });
    await vi.waitFor(async () => expect(await ask(key, b)).toMatchObject({ access: false }), {
      timeout: 1_000,
    });
  });

  test("an answer that was on its way when a change came is nobody's as fresh", async () => {
    const { customer, subscription, key } = t.take();
    const reached = Promise.withResolvers<void>();
    const opened = Promise.withResolvers<void>();
    const stripe: Desk["stripe"] = {
      ...b.stripe,
      counts: b.stripe.counts,
      async list(...args) {
        const answer = await b.stripe.list(...args);
        reached.resolve();
        await opened.promise;
        return answer;
      },
    };
    const slow = t.another({ stripe });
    vi.spyOn(slow.statuses.changes, "listen").mockReturnValue();
    const asking = ask(key, slow.desk);
    await reached.promise;
    cancel(t.world, t.desk.now(), { subscription: subscription.id });
    await invalidateStatus(a, about(customer.id));
    const waiting = ask(key, a);
    opened.resolve();
    await asking;
    expect(await waiting).toMatchObject({ source: "stripe", access: false });
    expect(await ask(key, b)).toMatchObject({ source: "cache", access: false });
  });

  test("a process that was killed while it asked holds up the others for a moment only", async () => {
    const { customer } = t.take();
    const name = `driftdesk:${t.world.account.id}:test:by-customer:users:${customer.id}:sub_status:lock`;
    await redis.client.set(name, randomUUID(), "PX", 400);
    const began = performance.now();
    expect(await ask(customer.id, a)).toMatchObject({ source: "stripe" });
    expect(performance.now() - began).toBeGreaterThan(300);
    expect(await redis.client.exists(name)).toBe(0);
  });

  test("Redis may die: lookups go on, it is said once, and what changed meanwhile is known when it is back", async () => {
    const [one, two] = [t.take(), t.take()];
    for (const { key } of [one, two]) await ask(key, a);
    await redis.kill();
    t.rest(1_000);
    expect(await ask(one.key, a)).toMatchObject({ access: true });
    for (let i = 0; i < 20; i++) expect((await ask(one.key, a)).source).not.toBe("none");
    cancel(t.world, t.desk.now(), { subscription: two.subscription.id });
    await invalidateStatus(a, about(two.customer.id));
    expect(await ask(two.key, a)).toMatchObject({ access: false });
    expect(redisState(a.sql)).toBe("late");
    await redis.start();
    await vi.waitFor(
      async () => {
        t.rest(1_000);
        await ask(one.key, a);
        expect(redisState(a.sql)).toBe("ok");
      },
      { timeout: 5_000, interval: 50 },
    );
    expect(await redis.names()).toContain(
      `driftdesk:${t.world.account.id}:test:by-customer:${two.customer.id}:changed`,
    );
    expect(log.map(({ level, line }) => `${level} ${line}`)).toEqual([
      "warn Redis does not answer: lookups go on with the memory of each process",
      "info Redis answers again: lookups share their cache",
    ]);
  });

  test("Redis may hang: nobody waits long for it, and soon nobody waits at all", async () => {
    const { key } = t.take();
    await ask(key, a);
    redis.hang();
    t.rest(600);
    const began = performance.now();
    for (let i = 0; i < 10; i++) expect(await ask(key, a)).toMatchObject({ access: true });
    expect(performance.now() - began).toBeLessThan(2_000);
    // Nobody knows this one yet.
    const asked = performance.now();
    expect(await ask(t.take().key, a)).toMatchObject({ source: "stripe", access: true });
    expect(performance.now() - asked).toBeLessThan(1_000);
    redis.goOn();
  });
});
