import { readFileSync } from "node:fs";
import { expect, test } from "@playwright/test";
import { readCheckpoint } from "../lib/audit/checkpoint.ts";
import { signIn } from "./desk.ts";

test("finance filters the history and takes exactly that away, which is written down", async ({ page }) => {
  await signIn(page, "finance");
  await page.goto("/audit");
  await page.getByLabel("What").selectOption("Corrected");
  await page.getByRole("button", { name: "Show" }).click();
  await expect(page).toHaveURL(/action=fix\.applied/);
  const entries = page.getByRole("list", { name: "History" }).locator("> li");
  await expect(entries.first()).toContainText("corrected");
  const shown = await entries.count();
  expect(shown).toBeGreaterThan(2);

  const downloading = page.waitForEvent("download");
  await page.getByRole("link", { name: "Export these as JSONL" }).click();
  const file = await (await downloading).path();
  const lines = readFileSync(file, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  // The last line is no entry, but where the whole history ended.
  expect(lines.pop()).toMatchObject({ checkpoint: { signature: expect.any(String) } });
  expect(lines.map(({ action }) => action)).toEqual(Array(shown).fill("fix.applied"));

  await page.getByRole("link", { name: "Clear" }).click();
  await expect(page.getByText("Grace Hopper exported the history as JSONL").first()).toBeVisible();
});

test("anybody can see that the chain is whole; a viewer exports nothing", async ({ page }) => {
  await signIn(page, "viewer");
  await page.goto("/audit");
  await page.getByRole("button", { name: "Verify the chain" }).click();
  await expect(page.getByText(/^The chain is whole: [\d,]+ entries\.$/)).toBeVisible();
  await expect(page.getByRole("link", { name: /^Export/ })).toHaveCount(0);
  await expect(page.getByText("Finance and admin can export the history.")).toBeVisible();
});

test("an entry leads to its difference, and a filter that nothing fits says so", async ({ page }) => {
  await signIn(page, "support");
  await page.goto("/audit?action=fix.applied");
  const entry = page.getByRole("list", { name: "History" }).locator("> li").first();
  await entry.locator("summary").click();
  await entry.getByRole("link", { name: "The difference" }).click();
  await expect(page).toHaveURL(/\/discrepancies\?id=\d+/);
  await expect(page.getByRole("complementary").last().getByText("Fixed").first()).toBeVisible();
  await page.goto("/audit?search=nobody-of-this-name");
  await expect(page.getByText("Nothing in the history fits this.")).toBeVisible();
  await page.getByRole("link", { name: "Show everything" }).click();
  await expect(page).toHaveURL(/\/audit$/);
});

test("whoever may look takes a checkpoint away", async ({ page }) => {
  await signIn(page, "viewer");
  await page.goto("/audit");
  const downloading = page.waitForEvent("download");
  await page.getByRole("link", { name: "Download a checkpoint" }).click();
  const download = await downloading;
  expect(download.suggestedFilename()).toMatch(/^driftdesk-checkpoint-\d+\.json$/);
  expect(readCheckpoint(readFileSync(await download.path(), "utf8")).seq).toBeGreaterThan(0);
});

test("the history is paged through both ways, and a customer's has a page of its own", async ({ page }) => {
  await signIn(page, "support");
  await page.goto("/audit");
  const entries = page.getByRole("list", { name: "History" }).locator("> li");
  // By its number: how long ago it was is another text a moment later.
  const first = entries.first().getByText(/^Entry [\d,]+/);
  const newest = (await first.textContent()) ?? "";
  await page.getByRole("link", { name: "Older entries" }).click();
  await expect(page).toHaveURL(/before=\d+/);
  await expect(first).not.toHaveText(newest);
  await page.getByRole("link", { name: "Newer entries" }).click();
  await expect(page).toHaveURL(/after=\d+/);
  await expect(first).toHaveText(newest);

  await page.goto("/discrepancies");
  await page.getByRole("table").getByRole("row").nth(1).click();
  await page.getByRole("link", { name: "Of this customer" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText(/^History of the customer cus_/);
  await expect(entries.first()).toBeVisible();
});
