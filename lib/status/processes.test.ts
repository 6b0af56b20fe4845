// With a real Redis, and processes that share nothing else but Stripe and the database.
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { childEnvironment } from "../../sandbox/child-environment.ts";
import { redisIsHere, startRedis, type TestRedis } from "../../sandbox/testing-redis.ts";
import { type Lookups, openLookups } from "../../sandbox/testing-statuses.ts";
import { cancel } from "../../sandbox/world/changes/subscription.ts";
import { invalidateStatus } from "./invalidate.ts";

const config = `
  import { defineConfig } from "driftdesk/config";
  export default defineConfig({
    resources: {
      users: {
        stripe: "subscription", table: "users", key: "id", label: "email",
        match: { column: "stripe_customer_id", by: "customer" },
        fields: { subscription_status: "status" },
        access: { field: "subscription_status", granted: ["active", "trialing"] },
      },
    },
    status: { deadline: "4s" },
    pace: { requestsPerSecond: 10_000, perEndpoint: 10_000 },
  });`;

interface Asker {
  child: ChildProcessByStdio<Writable, Readable, null>;
  ask(key: string, times: number): Promise<{ statuses: string[]; sources: string[] }>;
}

describe.skipIf(!redisIsHere())("two processes with one Redis", () => {
  let redis: TestRedis;
  let t: Lookups;
  let folder: string;
  let askers: [Asker, Asker];

  beforeAll(async () => {
    redis = await startRedis();
    t = await openLookups({ redisUrl: redis.url });
    folder = await mkdtemp(join(tmpdir(), "driftdesk-lookups-"));
    await writeFile(join(folder, "desk.config.ts"), config);
    askers = await Promise.all([start(), start()]);
  });
  afterAll(async () => {
    for (const { child } of askers) child.kill("SIGKILL");
    await t.close();
    await redis.close();
    await rm(folder, { recursive: true });
  });

  async function start(): Promise<Asker> {
    const child = spawn(process.execPath, ["sandbox/lookup-process.ts"], {
      env: {
        ...childEnvironment(),
        ...t.variables,
        REDIS_URL: redis.url,
        DRIFTDESK_CONFIG: join(folder, "desk.config.ts"),
        DRIFTDESK_DIR: folder,
      },
      stdio: ["pipe", "pipe", "inherit"],
    });
    const lines = createInterface({ input: child.stdout });
    await next(lines);
    return {
      child,
      ask(key, times) {
        const answer = next(lines);
        child.stdin.write(`${JSON.stringify({ key, times })}\n`);
        return answer;
      },
    };
  }
  const next = async (lines: Interface) => JSON.parse(String((await once(lines, "line"))[0]));
  const both = async (key: string, times: number) =>
    Promise.all(askers.map((asker) => asker.ask(key, times)));

  test("six hundred who ask for the same are one request, and all get its answer", async () => {
    const { customer } = t.take();
    t.sandbox.setLatency(150);
    t.requests();
    for (const { statuses } of await both(customer.id, 300)) expect(statuses).toEqual(["active"]);
    expect(t.requests()).toBe(1);
    t.sandbox.setLatency(0);
  });

  test("what a third hears of a change, both know within a second", async () => {
    const { customer, subscription } = t.take();
    await both(customer.id, 1);
    cancel(t.world, t.desk.now(), { subscription: subscription.id });
    await invalidateStatus(t.another().desk, { accountId: t.world.account.id, customerId: customer.id });
    await vi.waitFor(
      async () => {
        for (const { statuses } of await both(customer.id, 1)) expect(statuses).toEqual(["canceled"]);
      },
      { timeout: 1_000, interval: 50 },
    );
  });

  test("one that is killed while it asks leaves the other its question", async () => {
    const { customer } = t.take();
    t.sandbox.setLatency(3_000);
    const [one, other] = askers;
    void one.ask(customer.id, 1).catch(() => {});
    const lock = `driftdesk:${t.world.account.id}:test:by-customer:users:${customer.id}:sub_status:lock`;
    await vi.waitFor(async () => expect(await redis.client.exists(lock)).toBe(1), { timeout: 2_000 });
    one.child.kill("SIGKILL");
    await once(one.child, "exit");
    t.sandbox.setLatency(0);
    expect(await other.ask(customer.id, 50)).toEqual({ statuses: ["active"], sources: ["stripe"] });
  });
});
