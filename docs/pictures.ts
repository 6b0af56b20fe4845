// `npm run pictures`: the README's pictures, taken of the demonstration. It runs on a folder and a port of its own, so
// what somebody did in theirs is not in the pictures, and each time the same records are.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { type Browser, chromium, type Page } from "@playwright/test";
import { provideBrowser } from "../bin/test/browser.ts";
import { freePort } from "../lib/db/free-port.ts";
import { readAnchor } from "../sandbox/demo/anchor.ts";
import { admin } from "../sandbox/demo/people.ts";

/** What has to be on the page before its picture is taken. */
const scenes: Record<string, (page: Page) => Promise<unknown>> = {
  async overview(page) {
    await page.goto("/");
    await page.getByRole("heading", { name: "By resource" }).waitFor();
  },
  async drift(page) {
    await page.goto("/discrepancies");
    await page.getByRole("table", { name: "Differences" }).getByRole("row").nth(1).click();
    await page.getByRole("table", { name: "What differs" }).waitFor();
  },
  async preview(page) {
    await page.goto("/discrepancies?impact=access_no_pay");
    await page.getByRole("checkbox", { name: "Select every row of this page" }).click();
    await page.getByRole("button", { name: /^Approve/ }).click();
    await page
      .getByRole("dialog")
      .getByRole("button", { name: /^(Apply|Ask for)/ })
      .waitFor();
  },
  async audit(page) {
    await page.goto("/audit?action=fix.applied");
    await page.getByRole("button", { name: "Verify the chain" }).click();
    await page.getByText("The chain is whole").waitFor();
    await page.mouse.move(0, 0);
  },
};

const themes = ["light", "dark"] as const;
const target = import.meta.dirname;

const folder = await mkdtemp(join(tmpdir(), "driftdesk-pictures-"));
// Under root Postgres runs as another user, who has to reach its files.
await chmod(folder, 0o755);
const port = await freePort();
const { password } = await readAnchor(folder);
const demo = startDemo();
try {
  await untilHealthy(demo);
  const executablePath = await provideBrowser();
  const browser = await chromium.launch({
    ...(executablePath !== null && { executablePath }),
    // Chromium's own sandbox does not work for root.
    args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
  });
  for (const theme of themes) await takeAll(browser, theme);
  await browser.close();
} finally {
  demo.kill("SIGTERM");
  if (demo.exitCode === null) await once(demo, "exit");
  await rm(folder, { recursive: true, force: true });
}

async function takeAll(browser: Browser, theme: (typeof themes)[number]): Promise<void> {
  const context = await browser.newContext({
    baseURL: `http://localhost:${port}`,
    viewport: { width: 1440, height: 960 },
    deviceScaleFactor: 1.5,
    colorScheme: theme,
    reducedMotion: "reduce",
    locale: "en-US",
    timezoneId: "UTC",
  });
  const page = await context.newPage();
  await signIn(page);
  for (const [name, arrange] of Object.entries(scenes)) {
    await arrange(page);
    await page.evaluate(() => document.fonts.ready);
    const path = join(target, "pictures", `${name}-${theme}.png`);
    await page.screenshot({ path, animations: "disabled", caret: "hide" });
    console.log(path);
  }
  await context.close();
}

async function signIn(page: Page): Promise<void> {
  await page.goto("/sign-in");
  await page.getByLabel("E-mail").fill(admin.email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL("/");
}

function startDemo(): ChildProcess {
  return spawn(process.execPath, ["sandbox/demo.ts"], {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, PORT: String(port), DRIFTDESK_DIR: folder },
  });
}

async function untilHealthy(child: ChildProcess): Promise<void> {
  for (const deadline = Date.now() + 300_000; ; await wait(200)) {
    const answer = await fetch(`http://localhost:${port}/api/health`).catch(() => null);
    if (answer?.ok) return;
    if (child.exitCode !== null || Date.now() > deadline) throw new Error("The demonstration did not start.");
  }
}
