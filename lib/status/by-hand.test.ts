import { afterAll, beforeAll, expect, test } from "vitest";
import { type Lookups, listens, openLookups } from "../../sandbox/testing-statuses.ts";
import type { Actor } from "../desk.ts";
import { lookUpByHand } from "./by-hand.ts";
import { statusesOf } from "./statuses.ts";

let t: Lookups;
beforeAll(async () => {
  t = await openLookups({ status: { plan: "plan" } });
  await listens(statusesOf(t.desk));
});
afterAll(() => t.close());

const vera: Actor = { email: "vera@example.com", name: "Vera", role: "viewer" };

test("both sides stand beside each other, compared in the columns' own types", async () => {
  const { key, customer, subscription } = t.take();
  for (const asked of [key, customer.id, customer.email as string]) {
    const { records, compared } = await lookUpByHand(t.desk, vera, asked);
    expect({ compared, key: records?.[0]?.key, label: records?.[0]?.label }).toEqual({
      compared: true,
      key,
      label: customer.email,
    });
    expect(records?.[0]?.fields.map(({ name, differs }) => [name, differs])).toEqual([
      ["subscription_status", false],
      ["plan", false],
      ["current_period_end", false],
    ]);
  }
  await t.local`UPDATE users SET plan = 'another' WHERE id = ${key}`;
  const { records, looked } = await lookUpByHand(t.desk, vera, key);
  expect(looked.answer.source).toBe("cache");
  expect(records?.[0]?.fields.find((field) => field.differs)).toEqual({
    name: "plan",
    local: "another",
    stripe: subscription.items.data[0]?.price.id,
    differs: true,
  });
});

test("of whom Stripe has nothing, the record is compared with what the mapping would write", async () => {
  const { key } = t.take();
  await t.local`UPDATE users SET stripe_customer_id = 'cus_gone' WHERE id = ${key}`;
  const { records, compared } = await lookUpByHand(t.desk, vera, key);
  expect(compared).toBe(true);
  expect(records?.[0]?.fields.find(({ name }) => name === "subscription_status")).toMatchObject({
    local: "active",
    stripe: "none",
    differs: true,
  });
  expect(await lookUpByHand(t.desk, vera, "no number")).toMatchObject({ records: [] });
  expect(await lookUpByHand(t.desk, vera, "nobody@example.com")).toMatchObject({ records: null });
});

test("while Stripe does not answer the record is shown alone", async () => {
  const { key } = t.take();
  t.sandbox.faults.outage = true;
  const { records, compared, looked } = await lookUpByHand(t.desk, vera, key);
  t.sandbox.faults.outage = false;
  expect({ compared, source: looked.answer.source }).toEqual({ compared: false, source: "none" });
  expect(records?.[0]?.fields[0]).toMatchObject({ name: "subscription_status", local: "active" });
});

test("a token of another scope looks up nothing", async () => {
  const token: Actor = { email: "token:x", name: "x", role: "token", scopes: ["runs:read"] };
  await expect(lookUpByHand(t.desk, token, "1")).rejects.toMatchObject({ code: "not_allowed" });
});
