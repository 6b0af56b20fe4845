// API tokens over HTTP: each route takes the tokens that were made for it, and no other.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type APIRequestContext, expect, test } from "@playwright/test";
import postgres from "postgres";
import { type Scope, scopes } from "../lib/auth/permissions.ts";
import { createToken, listTokens, revokeToken } from "../lib/auth/tokens.ts";
import { findActor } from "../lib/auth/users.ts";
import type { Actor } from "../lib/desk.ts";
import { admin } from "../sandbox/demo/people.ts";
import { signIn } from "./desk.ts";

/** Every route that takes tokens, with the scope that it wants and what it answers then. */
interface Route {
  method: "get" | "post";
  path: string;
  scope: Scope;
  answers: number[];
  /** How soon it knows that a token has ended; at once where nothing is said. */
  knowsInMs?: number;
}
const routes: Route[] = [
  { method: "get", path: "/api/runs/1", scope: "runs:read", answers: [200] },
  { method: "get", path: "/api/runs/1/events", scope: "runs:read", answers: [200] },
  {
    method: "get",
    path: "/api/audit/export?format=jsonl&action=run.started",
    scope: "audit:export",
    answers: [200],
  },
  { method: "get", path: "/api/bulks/1/export", scope: "audit:export", answers: [200] },
  {
    method: "get",
    path: "/api/status/nobody@example.com",
    scope: "status:read",
    answers: [200],
    knowsInMs: 1_000,
  },
  { method: "get", path: "/api/metrics", scope: "metrics:read", answers: [200] },
  { method: "post", path: "/api/cron/reconcile", scope: "runs:start", answers: [202, 409] },
];

async function withTokens(
  work: (made: {
    make(scope: Scope, expiresAt?: Date): Promise<string>;
    revoke(token: string): Promise<void>;
  }) => Promise<void>,
): Promise<void> {
  const state = JSON.parse(readFileSync(join(process.env.DRIFTDESK_E2E_DIR ?? "", "postgres.json"), "utf8"));
  const sql = postgres(state.url, { max: 1, onnotice: () => {} });
  let now = () => new Date();
  const desk = { sql, now: () => now() };
  try {
    const actor = (await findActor(desk, admin.email)) as Actor;
    await work({
      async make(scope, expiresAt) {
        // One that has expired was good when it was made.
        now = () => (expiresAt ? new Date(expiresAt.getTime() - 60_000) : new Date());
        const name = `${scope.replace(":", "-")} ${crypto.randomUUID().slice(0, 8)}`;
        const { token } = await createToken(desk, { name, scopes: [scope], expiresAt }, actor);
        now = () => new Date();
        return token;
      },
      async revoke(token) {
        const found = (await listTokens(desk)).find(({ hint }) => token.endsWith(hint));
        await revokeToken(desk, found?.id ?? 0, actor);
      },
    });
    for (const { id } of await listTokens(desk)) await revokeToken(desk, id, actor);
  } finally {
    await sql.end();
  }
}

const ask = async (
  request: APIRequestContext,
  { method, path }: (typeof routes)[number],
  token: string | null,
) => {
  const headers: Record<string, string> = token === null ? {} : { authorization: `Bearer ${token}` };
  return request[method](path, { headers, maxRedirects: 0 });
};

test("each route takes the tokens with its scope, and refuses every other one and none", async ({
  playwright,
  baseURL,
}) => {
  const request = await playwright.request.newContext({ baseURL: baseURL ?? "" });
  await withTokens(async ({ make, revoke }) => {
    const tokens = new Map<Scope, string>();
    for (const scope of scopes) tokens.set(scope, await make(scope));
    const expired = new Map<Scope, string>();
    for (const scope of scopes) expired.set(scope, await make(scope, new Date(Date.now() - 1_000)));
    for (const route of routes) {
      for (const [scope, token] of tokens) {
        const { status } = await told(ask(request, route, token));
        if (scope === route.scope) expect(route.answers, `${route.path} with ${scope}`).toContain(status);
        else expect(status, `${route.path} with ${scope}`).toBe(403);
      }
      expect(await told(ask(request, route, expired.get(route.scope) ?? "")), route.path).toEqual({
        status: 401,
        code: "token_expired",
      });
      expect((await told(ask(request, route, null))).status, route.path).toBe(401);
      for (const madeUp of ["dd_", `dd_${"a".repeat(43)}`, "nonsense"])
        expect((await told(ask(request, route, madeUp))).status, `${route.path} with ${madeUp}`).toBe(401);
    }
    for (const token of tokens.values()) await revoke(token);
    for (const route of routes) {
      const refused = async () =>
        expect(await told(ask(request, route, tokens.get(route.scope) ?? "")), route.path).toEqual({
          status: 401,
          code: "token_revoked",
        });
      if (route.knowsInMs === undefined) await refused();
      else await expect(refused).toPass({ timeout: route.knowsInMs + 500, intervals: [200] });
    }
  });
  await request.dispose();
});

async function told(asking: ReturnType<typeof ask>): Promise<{ status: number; code?: string }> {
  const answer = await asking;
  if (answer.ok()) return { status: answer.status() };
  const body = await answer.json().catch(() => ({}));
  return { status: answer.status(), ...(typeof body.code === "string" && { code: body.code }) };
}

test("a token opens no page and no action, and its uses stand in the history under its name", async ({
  page,
  playwright,
  baseURL,
}) => {
  const request = await playwright.request.newContext({ baseURL: baseURL ?? "" });
  await withTokens(async ({ make }) => {
    const token = await make("audit:export");
    const headers = { authorization: `Bearer ${token}` };
    for (const path of ["/", "/audit", "/settings", "/discrepancies/1/details"])
      expect((await request.get(path, { headers, maxRedirects: 0 })).status(), path).toBe(307);
    // Of the routes, too, those that are for people only.
    expect((await request.get("/api/audit/checkpoint", { headers })).status()).toBe(401);
    expect((await request.get("/api/audit/export?format=csv&action=run.started", { headers })).status()).toBe(
      200,
    );
  });
  await request.dispose();
  await signIn(page, "admin");
  await page.goto("/audit");
  await expect(page.getByText(/The token audit-export .+ exported the history/).first()).toBeVisible();
});

test("an admin makes a token, sees it once, uses it and revokes it", async ({
  page,
  playwright,
  baseURL,
}) => {
  await signIn(page, "admin");
  await page.goto("/settings");
  await page.getByRole("button", { name: "Make a token" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name").fill("nightly watch");
  await dialog.getByRole("button", { name: "Make it" }).click();
  await expect(dialog.getByRole("alert")).toContainText("The scopes are missing");
  await dialog.getByRole("checkbox", { name: /Read runs/ }).click();
  await dialog.getByRole("button", { name: "Make it" }).click();
  const token = await dialog.getByLabel("The token").inputValue();
  expect(token).toMatch(/^dd_[\w-]{43}$/);
  await dialog.getByRole("button", { name: "I have it" }).click();
  const row = page.getByRole("row", { name: /nightly watch/ });
  await expect(row).toContainText("never");
  await page.reload();
  expect(await page.content()).not.toContain(token);

  const request = await playwright.request.newContext({ baseURL: baseURL ?? "" });
  const read = () => request.get("/api/runs/1", { headers: { authorization: `Bearer ${token}` } });
  expect((await read()).status()).toBe(200);
  await page.reload();
  await expect(row).toContainText(/just now|seconds? ago|now/);
  await row.getByRole("button", { name: "Revoke nightly watch" }).click();
  await dialog.getByRole("button", { name: "Revoke it" }).click();
  await expect(page.getByText("nightly watch is revoked.")).toBeVisible();
  await expect(row).toHaveCount(0);
  expect((await read()).status()).toBe(401);
  await request.dispose();
});

test("the commands that docs/operating.md has for other schedulers start a run, and fail with another secret", async ({
  baseURL,
}) => {
  const page = readFileSync(join(import.meta.dirname, "../docs/operating.md"), "utf8");
  const commands = schedulerCommands(page, baseURL ?? "");
  expect(Object.keys(commands)).toEqual(["crontab", "systemd", "actions"]);
  const folder = mkdtempSync(join(tmpdir(), "driftdesk-cron-"));
  await withTokens(async ({ make }) => {
    const run = (command: string, secret: string) => {
      writeFileSync(join(folder, "cron.header"), `Authorization: Bearer ${secret}\n`, { mode: 0o600 });
      const environment = { PATH: process.env.PATH, CREDENTIALS_DIRECTORY: folder, CRON_SECRET: secret };
      return spawnSync("/bin/sh", ["-c", command.replaceAll("/etc/driftdesk", folder)], {
        cwd: folder,
        env: environment as unknown as NodeJS.ProcessEnv,
        encoding: "utf8",
      });
    };
    const secret = await make("runs:start");
    for (const [name, command] of Object.entries(commands)) {
      const good = run(command, secret);
      expect(good.status, `${name}: ${good.stdout}${good.stderr}`).toBe(0);
      expect(good.stdout, name).not.toContain("did not start");
      const bad = run(command, "another one entirely");
      if (name === "crontab") expect(bad.stdout, name).toBe("Driftdesk did not start a run\n");
      else expect(bad.status, name).toBe(1);
    }
    const get = (bearer: string | null, search = "") =>
      fetch(`${baseURL}/api/cron/reconcile${search}`, {
        headers: bearer === null ? {} : { authorization: `Bearer ${bearer}` },
      });
    expect((await get(null)).status).toBe(401);
    expect([202, 409]).toContain((await get(secret, "?mode=incremental")).status);
    expect((await get(secret, "?mode=targeted")).status).toBe(400);
  });
});

/** As each scheduler hands them to a shell. */
function schedulerCommands(page: string, baseURL: string): Record<string, string> {
  const crontab = /```crontab\n(?:\S+ ){5}(.*)\n/.exec(page)?.[1]?.replaceAll("\\%", "%") ?? "";
  const systemd = /ExecStart=\/bin\/sh -c '(.*)'\n/.exec(page)?.[1] ?? "";
  const actions = / run: \|\n((?: {10}.*\n)+)/.exec(page)?.[1] ?? "";
  return Object.fromEntries(
    Object.entries({
      crontab,
      systemd: systemd.replaceAll("%%", "%").replaceAll("$$", "$").replaceAll("\\\\", "\\"),
      actions,
    }).map(([name, command]) => [
      name,
      command.replaceAll(/https?:\/\/(127\.0\.0\.1:3000|drift\.example\.com)/g, baseURL),
    ]),
  );
}
