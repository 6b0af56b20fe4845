import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import AxeBuilder from "@axe-core/playwright";
import { expect, type Page, test } from "@playwright/test";
import { freePort } from "../lib/db/free-port.ts";
import { finance } from "../sandbox/demo/people.ts";
import { signInAs } from "./desk.ts";

// It is the secret for runs from outside, too: with blanks, and a beginning like that of API tokens.
const password = "dd_correct horse battery";
let folder: string;
let base: string;
let served: ChildProcess;

test.beforeAll(async () => {
  test.setTimeout(120_000);
  const port = await freePort();
  base = `http://localhost:${port}`;
  folder = await mkdtemp(join(tmpdir(), "driftdesk-accounts-"));
  served = spawn(process.execPath, ["e2e/several-accounts-desk.ts"], {
    env: { ...process.env, PORT: String(port), DRIFTDESK_DIR: folder, PASSWORD: password },
    stdio: ["ignore", "pipe", "inherit"],
  });
  for await (const line of createInterface({ input: served.stdout as NodeJS.ReadableStream }))
    if (line === "ready") return;
  throw new Error("the desk with several accounts did not start");
});
test.afterAll(async () => {
  const ended = once(served, "exit");
  served.kill("SIGTERM");
  await ended;
  await rm(folder, { recursive: true });
});

const switcher = (page: Page) => page.getByRole("button", { name: /^Account: / });
const section = (page: Page, name: string) =>
  page.getByRole("navigation", { name: "Sections" }).getByRole("link", { name });

test("one of several accounts is chosen in the header, and stays chosen from page to page", async ({
  browser,
}) => {
  const context = await browser.newContext({ baseURL: base });
  const page = await context.newPage();
  await signInAs(page, finance.email, password);
  await expect(page.getByText("Nothing has been compared yet.")).toBeVisible();
  await expect(switcher(page)).toContainText("All accounts");

  // A run of each.
  await page.getByRole("button", { name: "Run now" }).click();
  await expect(page).toHaveURL(`${base}/runs`);
  await expect
    .poll(async () => {
      await page.goto("/runs");
      return page.getByText("Complete").count();
    })
    .toBe(3);

  await section(page, "Drift").click();
  await expect(page.getByText("6 match", { exact: true })).toBeVisible();
  const rows = page.getByRole("table", { name: "Differences" }).locator("tbody tr");
  await expect(rows.filter({ hasText: "shop" })).toHaveCount(3);
  expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);

  await switcher(page).click();
  await page.getByRole("menuitemradio", { name: /^us/ }).click();
  await expect(page).toHaveURL(/account=acct_us/);
  await expect(page.getByText("2 match", { exact: true })).toBeVisible();
  await expect(section(page, "Drift").first()).toContainText("2");

  await section(page, "Runs").click();
  await expect(page).toHaveURL(`${base}/runs?account=acct_us`);
  await expect(page.getByRole("region", { name: "Runs" }).locator("tbody tr")).toHaveCount(1);
  await page.getByRole("button", { name: "Run now" }).click();
  await expect(page).toHaveURL(/\/runs\/4\?account=acct_us$/);
  await expect(page.getByText("Complete")).toBeVisible();

  // From outside, all of them or one.
  const headers = { authorization: `Bearer ${password}` };
  const cron = async (data: object) => {
    const response = await page.request.post("/api/cron/reconcile", { headers, data });
    return { status: response.status(), body: await response.json() };
  };
  expect(await cron({})).toMatchObject({
    status: 202,
    body: { runs: [{ account: "eu" }, { account: "us" }, { account: "shop" }] },
  });
  await expect.poll(async () => (await cron({ account: "us" })).status, { timeout: 20_000 }).toBe(202);
  expect(await cron({ account: "asia" })).toMatchObject({ status: 400, body: { code: "account_unknown" } });

  await section(page, "Audit").click();
  await expect(page.getByRole("list", { name: "History" })).toContainText("ended run 4");
  await expect(page.getByRole("list", { name: "History" })).not.toContainText("signed in");
  await context.close();
});
