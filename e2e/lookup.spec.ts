// What Stripe says of a customer: by hand in the desk, and by a program with a token.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@playwright/test";
import postgres from "postgres";
import { createToken } from "../lib/auth/tokens.ts";
import { findActor } from "../lib/auth/users.ts";
import { createClient } from "../lib/client/index.ts";
import type { Actor } from "../lib/desk.ts";
import { admin } from "../sandbox/demo/people.ts";
import { signIn } from "./desk.ts";

const state = JSON.parse(readFileSync(join(process.env.DRIFTDESK_E2E_DIR ?? "", "postgres.json"), "utf8"));
const sql = postgres(state.url, { max: 1, onnotice: () => {} });
test.afterAll(() => sql.end());

/** Somebody who pays and is let in, of whom nothing is wrong. */
async function somebody(after = 0): Promise<{ id: string; email: string; customer: string }> {
  const [found] = await sql<{ id: string; email: string; customer: string }[]>`
    SELECT u.id::text AS id, u.email, u.stripe_customer_id AS customer FROM public.users u
    WHERE u.subscription_status = 'active' AND u.stripe_customer_id IS NOT NULL
      AND NOT EXISTS (SELECT FROM driftdesk.discrepancies d WHERE d.customer_id = u.stripe_customer_id OR d.label = u.email)
    ORDER BY u.id OFFSET ${after} LIMIT 1`;
  if (!found) throw new Error("nobody is like that");
  return found;
}

test("support asks Stripe about a customer, sees both sides, and has a record checked that differs", async ({
  page,
}) => {
  test.setTimeout(120_000);
  const person = await somebody();
  await signIn(page, "support");
  await page.getByRole("link", { name: "Look up" }).first().click();
  const main = page.getByRole("main");
  const ask = async (key: string) => {
    await main.getByRole("searchbox", { name: "Customer", exact: true }).fill(key);
    await main.getByRole("button", { name: "Look up" }).click();
  };
  await ask(person.customer);
  await expect(
    main.getByRole("heading", { name: "Stripe says active. The customer should have access." }),
  ).toBeVisible();
  await expect(main.getByText("From Stripe, just now")).toBeVisible();
  await expect(main.getByText("Both sides say the same.")).toBeVisible();
  await ask(person.customer);
  await expect(main.getByText(/From the cache: Stripe said so .* ago/)).toBeVisible();

  await sql`UPDATE public.users SET subscription_status = 'canceled' WHERE id::text = ${person.id}`;
  await main.getByRole("button", { name: "Ask Stripe now" }).click();
  await expect(main.getByText("From Stripe, just now")).toBeVisible();
  await expect(main.getByText("The two sides differ.")).toBeVisible();
  await expect(main.getByRole("row", { name: /^status canceled differs from active/ })).toBeVisible();
  await main.getByRole("button", { name: "Have it checked" }).click();
  await expect(page).toHaveURL(/\/runs\/\d+/);
  await expect(async () => {
    await page.goto(`/lookup?${new URLSearchParams({ key: person.id })}`);
    await expect(main.getByRole("link", { name: "See the difference" })).toBeVisible({ timeout: 1_000 });
  }).toPass({ timeout: 20_000 });
  await main.getByRole("link", { name: "See the difference" }).click();
  await expect(page.getByRole("heading", { name: new RegExp(person.email) })).toBeVisible({
    timeout: 20_000,
  });

  await page.goto("/lookup");
  await expect(main.getByRole("row", { name: /^From the cache .* \d+\.\d%/ })).toBeVisible();
  await ask("nobody@example.com");
  await expect(main.getByRole("heading", { name: /^Stripe has nothing for this customer/ })).toBeVisible();
  await expect(main.getByText("There is no local record in users for this.")).toBeVisible();
});

test("a program asks with a token, and is told where the answer is from", async ({ playwright, baseURL }) => {
  const desk = { sql, now: () => new Date() };
  const actor = (await findActor(desk, admin.email)) as Actor;
  const { token } = await createToken(
    desk,
    { name: `shop ${crypto.randomUUID().slice(0, 8)}`, scopes: ["status:read"] },
    actor,
  );
  const person = await somebody(5);
  const request = await playwright.request.newContext({ baseURL: baseURL ?? "" });
  const ask = (key: string) =>
    request.get(`/api/status/${encodeURIComponent(key)}`, { headers: { authorization: `Bearer ${token}` } });
  const first = await ask(person.id);
  expect(first.headers()["cache-status"]).toMatch(/^driftdesk; fwd=miss; stored; ttl=\d+$/);
  expect(await first.json()).toMatchObject({
    key: person.id,
    found: true,
    customer: person.customer,
    status: "active",
    access: true,
    source: "stripe",
  });
  const second = await ask(person.id);
  expect(second.headers()["cache-status"]).toMatch(/^driftdesk; hit; ttl=\d+$/);
  expect(second.headers()["cache-control"]).toBe("private, no-store");
  expect(await (await ask("a\u0001")).json()).toMatchObject({ code: "key_invalid" });
  expect(
    (
      await request.get(`/api/status/1?account=eu`, { headers: { authorization: `Bearer ${token}` } })
    ).status(),
  ).toBe(400);
  await request.dispose();
  const client = createClient({ url: baseURL ?? "", token });
  expect(await client.status(person.email)).toMatchObject({ access: true, customer: person.customer });
});
