// A web process of its own, as `npm start` makes it, from its start to the signal that ends it: what it says of itself, how its
// lines tell requests and runs apart, and that it lets go of what it is at.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@playwright/test";
import { freePort } from "../lib/db/free-port.ts";

const cronSecret = "a-secret-of-the-one-who-starts-runs";
let web: ChildProcess;
let base: string;
let output = "";
let folder: string;
/** Answers nothing: whoever asks it is kept waiting. */
const stripe = createServer(() => {});

test.beforeAll(async () => {
  await new Promise<void>((listens) => stripe.listen(0, "127.0.0.1", listens));
  const { port: stripePort } = stripe.address() as { port: number };
  const port = await freePort();
  base = `http://127.0.0.1:${port}`;
  folder = await mkdtemp(join(tmpdir(), "driftdesk-stopping-"));
  web = spawn(process.execPath, ["bin/start.ts"], {
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      NODE_ENV: "production",
      PORT: String(port),
      DRIFTDESK_DIR: folder,
      STRIPE_SECRET_KEY: "rk_test_ofNobody",
      STRIPE_API_BASE: `http://127.0.0.1:${stripePort}`,
      STRIPE_WEBHOOK_SECRET: "whsec_ofNobody",
      CRON_SECRET: cronSecret,
      LOG_LEVEL: "debug",
    },
  });
  for (const stream of [web.stdout, web.stderr])
    stream?.on("data", (piece) => {
      output += piece;
    });
  const ready = async () => (await fetch(`${base}/api/health`).catch(() => null))?.status;
  await expect.poll(ready, { timeout: 50_000, message: "the process did not start" }).toBe(200);
});
test.afterAll(async () => {
  if (web.exitCode === null) {
    web.kill("SIGKILL");
    await once(web, "exit");
  }
  stripe.closeAllConnections();
  stripe.close();
  await rm(folder, { recursive: true, force: true });
});

/** Ours only: Next's are plain text. */
const lines = (): Record<string, unknown>[] =>
  output
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line));

test("every request has an id, in its answer and in the lines that are about it", async () => {
  const madeUp = { cookie: "next-auth.session-token=eyJhbGciOiJkaXIifQ..made.up.here" };
  const paths = ["/", "/api/runs/1", "/sign-in"];
  for (const path of paths) {
    const id = `mine.${crypto.randomUUID()}`;
    const headers = { ...madeUp, "x-request-id": id };
    const answer = await fetch(`${base}${path}`, { headers, redirect: "manual" });
    expect(answer.headers.get("x-request-id"), path).toBe(id);
    await expect
      .poll(() => lines().filter(({ request }) => request === id).length, { message: path })
      .toBeGreaterThan(0);
  }
  for (const unsafe of ["short", "x".repeat(65), "with blanks and {}"]) {
    const answer = await fetch(`${base}/api/health`, { headers: { "x-request-id": unsafe } });
    expect(answer.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
  }
  const webhook = await fetch(`${base}/api/webhooks/stripe`, { method: "POST", body: "{}" });
  expect(webhook.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
});

test("told to stop, it says so, lets go of its run, and ends within seconds", async () => {
  const headers = { authorization: `Bearer ${cronSecret}`, "content-type": "application/json" };
  const started = await fetch(`${base}/api/cron/reconcile`, { method: "POST", headers, body: "{}" });
  const { run } = await started.json();
  await expect.poll(() => lines().some((line) => line.run === run)).toBe(true);
  web.kill("SIGTERM");
  const ended = once(web, "exit");
  const begun = performance.now();
  const stopping = async () => {
    const answer = await fetch(`${base}/api/health`).catch(() => null);
    return answer && { status: answer.status, ...(await answer.json()) };
  };
  await expect.poll(stopping).toMatchObject({
    status: 503,
    ok: false,
    checks: { process: "failing", database: "ok" },
    reasons: ["The process is stopping."],
  });
  expect((await fetch(`${base}/api/health/live`)).status).toBe(200);
  expect(await ended).toEqual([0, null]);
  expect(performance.now() - begun).toBeLessThan(12_000);
  for (const secret of [cronSecret, "rk_test_ofNobody", "whsec_ofNobody"])
    expect(output).not.toContain(secret);
});
