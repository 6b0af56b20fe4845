import { globSync, readFileSync } from "node:fs";
import { expect, test } from "@playwright/test";

interface Door {
  path: string;
  methods: string[];
  page: boolean;
}

/** Every page and route there is, from the folder that makes them: a new one is walked without being named here. */
const doors: Door[] = globSync("app/**/{page.tsx,route.ts}").map((file) => {
  const segments = file.split("/").slice(1, -1);
  const path = segments
    .filter((segment) => !segment.startsWith("("))
    .map((segment) => segment.replace(/^\[\.\.\..+\]$/, "session").replace(/^\[.+\]$/, "1"))
    .join("/");
  const source = readFileSync(file, "utf8");
  const methods = ["GET", "POST", "PUT", "PATCH", "DELETE"].filter((method) =>
    new RegExp(`export [^;]*\\b${method}\\b`).test(source),
  );
  const page = file.endsWith("page.tsx");
  return { path: `/${path}`, methods: page ? ["GET", "POST"] : methods, page };
});

const open = ["/sign-in", "/api/health", "/api/health/live", "/api/auth/session"];
const closed = doors.filter((door) => !open.includes(door.path));
const madeUp = "next-auth.session-token=eyJhbGciOiJkaXIifQ..made.up.here";
/** What only people of the desk may see: ids, addresses and amounts of customers. */
const data = /(cus|sub|in|ch|pi|re|dp|po|acct)_1?[A-Za-z0-9]{10}|[\w.+-]+@[\w-]+\.\w/;

test("there are doors to try", () => {
  expect(closed.length).toBeGreaterThan(5);
});

for (const [who, headers] of [
  ["nobody", {}],
  ["a made-up session", { cookie: madeUp }],
] as const)
  for (const { path, methods, page } of closed)
    for (const method of methods)
      test(`${who} gets nothing from ${method} ${path}`, async ({ request }) => {
        const answer = await request.fetch(path, {
          method,
          headers: { ...headers, ...(page && method === "POST" && { "next-action": "0".repeat(42) }) },
          maxRedirects: 0,
        });
        // 400: Stripe has not signed it. 409: Next knows no action of that name.
        expect([307, 400, 401, 404, 409]).toContain(answer.status());
        if (answer.status() === 307)
          expect(answer.headers().location).toMatch(/^([^?]*\/\/[^/?]+)?\/sign-in(\?|$)/);
        expect(await answer.text()).not.toMatch(data);
      });

// As the router asks in the browser: for the page alone, without the layout around it.
for (const { path } of closed.filter((door) => door.page))
  test(`a made-up session gets nothing from the router's ${path}`, async ({ request }) => {
    const answer = await request.get(path, { headers: { cookie: madeUp, rsc: "1" } });
    expect(await answer.text()).not.toMatch(data);
  });

test("what is open says nothing about anybody", async ({ request }) => {
  expect(await (await request.get("/api/health")).json()).toEqual({
    ok: true,
    checks: {
      process: "ok",
      config: "ok",
      database: "ok",
      migrations: "ok",
      worker: "ok",
      queue: "ok",
      redis: "none",
    },
    reasons: [],
  });
  expect(await (await request.get("/api/health/live")).json()).toEqual({ ok: true });
  expect(await (await request.get("/api/auth/session")).json()).toEqual({});
  expect(await (await request.get("/api/auth/providers")).text()).not.toMatch(/secret/i);
});

test("every answer forbids to be framed, sniffed or scripted from elsewhere", async ({ request }) => {
  for (const path of ["/sign-in", "/api/runs/1", "/"]) {
    const headers = (await request.get(path, { maxRedirects: 0 })).headers();
    expect(headers["x-content-type-options"]).toBe("nosniff");
    expect(headers["x-frame-options"]).toBe("DENY");
    expect(headers["referrer-policy"]).toBe("same-origin");
  }
  const policies = await Promise.all(
    [1, 2].map(async () => (await request.get("/sign-in")).headers()["content-security-policy"] ?? ""),
  );
  expect(policies[0]).toMatch(/script-src 'self' 'nonce-[\w-]{36}' 'strict-dynamic'(;| 'unsafe-eval')/);
  expect(policies[0]).toContain("frame-ancestors 'none'");
  expect(policies[0]).not.toBe(policies[1]);
});

test("the sign-in page runs under its own policy", async ({ page }) => {
  const refused: string[] = [];
  page.on("console", (message) => {
    if (/Content Security Policy/i.test(message.text())) refused.push(message.text());
  });
  await page.goto("/runs");
  await expect(page).toHaveURL(/\/sign-in\?next=%2Fruns$/);
  await page.getByLabel("E-mail").fill("nobody@example.com");
  await page.getByLabel("Password").fill("whatever it is");
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.locator("p[role=alert]")).toContainText("The address or the password is wrong.");
  expect(refused).toEqual([]);
});
