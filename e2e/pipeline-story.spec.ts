// The incident that everybody in this field has had: webhooks fail silently for eighteen hours while the company's records
// go on saying "active". From broken to healed, as people see it.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import AxeBuilder from "@axe-core/playwright";
import { expect as impatient, type Page, test } from "@playwright/test";
import { freePort } from "../lib/db/free-port.ts";
import { admin, finance } from "../sandbox/demo/people.ts";
import { startSlack, type TestSlack } from "../sandbox/testing-slack.ts";
import { signInAs } from "./desk.ts";

// A web process and a browser of its own, beside those of the other specs.
const expect = impatient.configure({ timeout: 15_000 });
const password = "eighteen silent hours";
const canceled = 50;
let folder: string;
let base: string;
let slack: TestSlack;
let story: ChildProcess;
let lines: Interface;

test.beforeAll(async () => {
  test.setTimeout(180_000);
  const port = await freePort();
  base = `http://localhost:${port}`;
  folder = await mkdtemp(join(tmpdir(), "driftdesk-story-"));
  slack = await startSlack();
  story = spawn(process.execPath, ["e2e/pipeline-desk.ts"], {
    env: {
      ...process.env,
      PORT: String(port),
      DRIFTDESK_DIR: folder,
      PASSWORD: password,
      SLACK_WEBHOOK_URL: slack.url,
    },
    stdio: ["pipe", "pipe", "inherit"],
  });
  lines = createInterface({ input: story.stdout as NodeJS.ReadableStream });
  await said("ready");
});
test.afterAll(async () => {
  const ended = once(story, "exit");
  story.kill("SIGTERM");
  await ended;
  await slack.close();
  await rm(folder, { recursive: true });
});

function said(word: string): Promise<void> {
  return new Promise((resolve, reject) => {
    lines.on("line", (line) => line === word && resolve());
    story.once("exit", () => reject(new Error(`the story ended before it was ${word}`)));
  });
}

/** What the hourly schedule of an external scheduler does. */
async function hourlyRun(page: Page): Promise<void> {
  const headers = { authorization: `Bearer ${password}` };
  const response = await page.request.post("/api/cron/reconcile", { headers, data: { mode: "incremental" } });
  expect([202, 409]).toContain(response.status());
}
const told = (what: RegExp) => slack.messages.filter(({ text }) => what.test(text)).map(({ text }) => text);
const pipeline = (page: Page) => page.getByRole("region", { name: "Event pipeline" });

test("eighteen silent hours, from broken to healed", async ({ browser }) => {
  test.setTimeout(150_000);
  const context = await browser.newContext({ baseURL: base });
  const page = await context.newPage();

  await test.step("the next hourly run finds it, and says it once", async () => {
    await hourlyRun(page);
    await expect.poll(() => told(/Webhooks do not arrive/).length, { timeout: 40_000 }).toBe(1);
    await expect.poll(() => told(/new differences/).length, { timeout: 20_000 }).toBe(1);
    expect(told(/new differences/)[0]).toContain(
      `${canceled} new differences between your records and Stripe`,
    );
    expect(told(/Webhooks do not arrive/)[0]).toMatch(
      /Stripe cannot deliver to http\S+ since .*\n\d+ events undelivered/,
    );
  });

  await test.step("the overview says what is wrong and since when", async () => {
    await signInAs(page, finance.email, password);
    await expect(page.getByRole("heading", { level: 1 })).toHaveText(`${canceled} customers are affected.`);
    await expect(pipeline(page)).toContainText("Broken");
    // Eighteen hours, less whatever this test has taken.
    await expect(pipeline(page)).toContainText(/since (17|18) h ago/);
    await pipeline(page).getByRole("link", { name: "What this means" }).click();
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("Stripe's events do not arrive.");
    await expect(page.getByRole("status").filter({ hasText: "Events do not arrive at" })).toContainText(
      "customer.subscription.deleted",
    );
    await expect(page.getByRole("img", { name: /Causes of 50 differences/ })).toHaveAccessibleName(
      /Webhook not delivered 100%/,
    );
    expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
  });

  await test.step("each difference names its cause, and one decision corrects all of them", async () => {
    await page.getByRole("navigation", { name: "Sections" }).getByRole("link", { name: "Drift" }).click();
    await expect(page.getByText(`${canceled} match`, { exact: true })).toBeVisible();
    const rows = page.getByRole("table", { name: "Differences" }).locator("tbody tr");
    await rows.first().locator("a").first().click();
    const panel = page.getByRole("complementary", { name: /./ }).last();
    await expect(panel).toContainText("Stripe could not deliver customer.subscription.deleted to");
    await page.goto("/discrepancies");
    await page.getByLabel("Select every row of this page").click();
    const all = page.getByRole("button", { name: `Select all ${canceled} that match` });
    if (await all.isVisible()) await all.click();
    await page.getByRole("button", { name: `Approve ${canceled}…` }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Reason").fill("Canceled at Stripe while our webhooks were down");
    await dialog.getByRole("button", { name: `Apply ${canceled} fixes` }).click();
    // To leave earlier would leave the request behind.
    await expect(dialog.getByRole("heading", { name: `${canceled} fixes applied.` })).toBeVisible({
      timeout: 20_000,
    });
    await page.goto("/");
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("Nothing differs.");
    await expect(pipeline(page)).toContainText("Broken");
  });

  await test.step("the endpoint comes back, Stripe's retries arrive, and that is said once, too", async () => {
    const mended = said("mended");
    story.stdin?.write("mend\n");
    await mended;
    await expect(async () => {
      await hourlyRun(page);
      await expect.poll(() => told(/Webhooks arrive again/).length, { timeout: 8_000 }).toBe(1);
    }).toPass({ timeout: 60_000 });
    expect(told(/Webhooks arrive again/)[0]).not.toContain("never arrived");
    await page.goto("/");
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("Nothing differs.");
    await expect(pipeline(page)).toContainText("Delivering");
    await expect(pipeline(page)).toContainText("0 events undelivered");
    expect(slack.messages).toHaveLength(3);
  });
  await context.close();

  await test.step("an admin sees what was told and where, and that a test arrives", async () => {
    const theirs = await browser.newContext({ baseURL: base });
    const settings = await theirs.newPage();
    await signInAs(settings, admin.email, password);
    await settings.goto("/settings");
    const alerts = settings.getByRole("region", { name: "Alerts" });
    const about = (link: string) =>
      alerts.getByRole("listitem").filter({ has: settings.getByRole("link", { name: link }) });
    await expect(about("Webhooks do not arrive")).toContainText("Slack: sent");
    await expect(about("Webhooks arrive again")).toContainText("Slack: sent");
    await alerts.getByRole("button", { name: "Send a test by Slack" }).click();
    await expect(alerts).toContainText("A test is on its way (Slack).");
    await expect.poll(() => told(/This is a test/).length, { timeout: 20_000 }).toBe(1);
    await settings.reload();
    await expect(about("This is a test")).toContainText("Slack: sent");
    await theirs.close();
  });
});
