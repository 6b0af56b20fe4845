import { afterAll, beforeAll, expect, test } from "vitest";
import { type Lookups, listens, openLookups } from "../../sandbox/testing-statuses.ts";
import { recentTokenActor } from "../auth/recent-tokens.ts";
import { createToken, revokeToken } from "../auth/tokens.ts";
import type { Actor } from "../desk.ts";
import { lookupsSince } from "./counts.ts";
import { admitCaller } from "./limit.ts";
import { lookUpStatus } from "./lookup.ts";
import { statusesOf } from "./statuses.ts";

let t: Lookups;
beforeAll(async () => {
  t = await openLookups({ status: { requestsPerSecond: 3 } });
});
afterAll(() => t.close());

test("lookups of all processes are counted by how they were answered, with their ages and Stripe's time", async () => {
  const other = t.another();
  for (const { statuses } of [other, { statuses: statusesOf(t.desk) }]) await listens(statuses);
  const { key, customer } = t.take();
  await lookUpStatus(t.desk, key);
  t.pass(2_000);
  await lookUpStatus(t.desk, key);
  await lookUpStatus(other.desk, key);
  t.pass(299_000);
  t.sandbox.faults.outage = true;
  await lookUpStatus(t.desk, key);
  await lookUpStatus(other.desk, customer.id);
  t.sandbox.faults.outage = false;
  for (const { counts } of [other.statuses, statusesOf(t.desk)]) await counts.write();
  const since = new Date(t.desk.now().getTime() - 3_600_000);
  expect(await lookupsSince(t.desk.sql, t.world.account.id, since)).toEqual({
    hits: 1,
    fetched: 2,
    stale: 1,
    unanswered: 1,
    ageMs: 303_000,
    oldestMs: 301_000,
    asked: 4,
    failed: 2,
    askedMs: expect.any(Number),
    slowestMs: expect.any(Number),
    compared: 0,
    differed: 0,
  });
  expect(await lookupsSince(t.desk.sql, "acct_other", since)).toMatchObject({ hits: 0, oldestMs: 0 });
});

test("one caller is refused what is too much in a second, and nobody else", async () => {
  const caller = (email: string): Actor => ({ email, name: email, role: "token" });
  const statuses = async (email: string, times: number) => {
    const answers = [];
    for (let i = 0; i < times; i++) answers.push((await admitCaller(t.desk, caller(email)))?.status ?? 200);
    return answers;
  };
  expect(await statuses("token:wild", 5)).toEqual([200, 200, 200, 429, 429]);
  expect(await statuses("token:other", 1)).toEqual([200]);
  const refused = await admitCaller(t.desk, caller("token:wild"));
  expect(refused?.headers.get("retry-after")).toBe("1");
  expect(await refused?.json()).toMatchObject({ code: "lookups_limited" });
});

test("the end of a token is known a second later at the latest", async () => {
  const { desk } = t;
  const admin: Actor = { email: "ada@example.com", name: "Ada", role: "admin" };
  await t.owner`
    INSERT INTO driftdesk.users (email, name, role, password_hash) VALUES (${admin.email}, 'Ada', 'admin', 'x')`;
  const { token } = await createToken(desk, { name: "shop", scopes: ["status:read"] }, admin);
  expect(await recentTokenActor(desk, token, 0)).toMatchObject({ scopes: ["status:read"] });
  const [made] = await desk.sql<{ id: number }[]>`SELECT id FROM driftdesk.api_tokens`;
  await revokeToken(desk, made?.id ?? 0, admin);
  expect(await recentTokenActor(desk, token, 999)).toMatchObject({ email: "token:shop" });
  await expect(recentTokenActor(desk, token, 1_000)).rejects.toMatchObject({ code: "token_revoked" });
});
