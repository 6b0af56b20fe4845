import { readFileSync } from "node:fs";
import { expect, test } from "@playwright/test";
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
