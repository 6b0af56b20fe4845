import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createClient, type StatusAnswer } from "driftdesk/client";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";

const answer: StatusAnswer = {
  key: "1",
  account: null,
  found: true,
  customer: "cus_1",
  stripeId: "sub_1",
  status: "active",
  plan: "pro",
  periodEnd: null,
  access: true,
  problem: null,
  source: "cache",
  ageMs: 500,
};
const none: StatusAnswer = {
  ...answer,
  found: null,
  access: false,
  status: null,
  source: "none",
  ageMs: null,
};

let server: Server;
let url: string;
let asked: { path: string | undefined; authorization: string | undefined }[];
let reply: { status: number; body: unknown } | "silence";
let time: number;
let problems: string[];
beforeAll(async () => {
  server = createServer(({ url: path, headers }, response) => {
    asked.push({ path, authorization: headers.authorization });
    if (reply === "silence") return;
    response.writeHead(reply.status, { "content-type": "application/json" });
    response.end(JSON.stringify(reply.body));
  });
  await new Promise<void>((up) => server.listen(0, "127.0.0.1", up));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  asked = [];
  problems = [];
  time = 1_000_000;
  reply = { status: 200, body: answer };
});
const client = (more: Partial<Parameters<typeof createClient>[0]> = {}) =>
  createClient({
    url,
    token: "dd_secret",
    timeoutMs: 80,
    // A desk that answers is waited for: this machine may be busy.
    fetch: (address, init) =>
      fetch(address, { ...init, signal: reply === "silence" ? (init?.signal ?? null) : null }),
    now: () => time,
    onProblem: ({ code }) => problems.push(code),
    ...more,
  });

test("asks the desk with its token, for whatever the key has in it and in the account that is named", async () => {
  expect(await client({ account: "eu" }).status("a/b c@example.com")).toEqual(answer);
  expect(asked).toEqual([
    { path: "/api/status/a%2Fb%20c%40example.com?account=eu", authorization: "Bearer dd_secret" },
  ]);
});

test("a desk that is silent, broken or knows nothing itself leaves the last known answer, marked as stale, for as long as it is told", async () => {
  const desk = client({ staleForMs: 60_000 });
  await desk.status(1);
  for (const [given, code] of [
    ["silence", "desk_late"],
    [{ status: 500, body: "no" }, "http_500"],
    [{ status: 429, body: { code: "lookups_limited", message: "too many" } }, "lookups_limited"],
    [{ status: 200, body: none }, undefined],
  ] as const) {
    time += 10_000;
    reply = given;
    problems = [];
    expect(await desk.status(1)).toMatchObject({ access: true, status: "active", source: "stale" });
    expect(problems[0]).toBe(code);
  }
  expect(await desk.status(1)).toMatchObject({ ageMs: 40_500 });
  time += 30_000;
  expect(await desk.status(1)).toEqual(none);
});

test("where nothing is known it fails closed, or open where that is chosen", async () => {
  reply = { status: 401, body: { code: "token_revoked", message: "This API token has been revoked." } };
  expect(await client().status(2)).toMatchObject({ access: false, source: "none", found: null });
  expect(await client({ fail: "open" }).status(2)).toMatchObject({ access: true, source: "none" });
  expect(problems).toEqual(["token_revoked", "token_revoked"]);
  expect(await client({ url: "http://127.0.0.1:1" }).status(2)).toMatchObject({ access: false });
});

test("it remembers no more than it has room for", async () => {
  const desk = client({ remember: 2 });
  for (const key of [1, 2, 3]) await desk.status(key);
  reply = "silence";
  expect((await desk.status(1)).source).toBe("none");
  expect((await desk.status(3)).source).toBe("stale");
});

test("it depends on nothing", () => {
  const source = readFileSync(new URL("index.ts", import.meta.url), "utf8");
  const imports = [...source.matchAll(/^(?:import|export) (.*?) from "(.*?)";/gm)];
  expect(imports.map(([, what, from]) => [what?.split(" ")[0], from])).toEqual([
    ["type", "../status/answer.ts"],
    ["type", "../status/answer.ts"],
  ]);
  expect(readFileSync(new URL("../status/answer.ts", import.meta.url), "utf8")).not.toMatch(/^import /m);
});
