// What was applied has a page of its own: it says how far it is and what came of each row, and from there it is undone.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, type Page, test } from "@playwright/test";
import postgres, { type Sql } from "postgres";
import { signIn } from "./desk.ts";

const rows = (page: Page) => page.getByRole("table", { name: "Differences" }).locator("tbody tr");
const correctable = (page: Page) => rows(page).filter({ has: page.locator('svg[aria-label="to"]:visible') });
const results = (page: Page) => page.getByRole("list", { name: "What came of each row" }).locator("> li");
const panel = (page: Page) => page.getByRole("complementary", { name: /./ }).last();
const dialog = (page: Page) => page.getByRole("dialog");

/** Nothing is intended while `work` goes on: an action that somebody asked for meanwhile is under way. */
async function whileNothingIsIntended(work: (letGo: () => Promise<void>) => Promise<void>): Promise<void> {
  const state = JSON.parse(readFileSync(join(process.env.DRIFTDESK_E2E_DIR ?? "", "postgres.json"), "utf8"));
  const sql: Sql = postgres(state.url, { max: 1, onnotice: () => {} });
  const keeper = await sql.reserve();
  try {
    await keeper`BEGIN`;
    await keeper`LOCK TABLE driftdesk.fixes IN SHARE MODE`;
    await work(async () => void (await keeper`COMMIT`));
  } finally {
    keeper.release();
    await sql.end();
  }
}

test("an action under way shows how far it is, then what came of it, and is undone as a whole", async ({
  page,
  browser,
  baseURL,
}) => {
  test.setTimeout(120_000);
  await signIn(page, "finance");
  await page.goto("/discrepancies?impact=paid_no_access");
  await expect(rows(page).first()).toBeVisible();
  const names = await correctable(page).locator("a").allTextContents();
  await correctable(page).nth(0).getByRole("checkbox").click();
  await correctable(page).nth(1).getByRole("checkbox").click();
  await page.getByRole("button", { name: "Approve 2…" }).click();
  await dialog(page).getByLabel("Reason").fill("Seen in both systems");

  const other = await (await browser.newContext({ baseURL: baseURL ?? "" })).newPage();
  await signIn(other, "viewer");
  await whileNothingIsIntended(async (letGo) => {
    await dialog(page).getByRole("button", { name: "Apply 2 fixes" }).click();
    await expect(async () => {
      await other.goto("/bulks");
      await expect(other.locator("tbody tr").first()).toContainText("Under way", { timeout: 500 });
    }).toPass();
    await other.locator("tbody tr").first().getByRole("link").click();
    await expect(other.getByRole("region", { name: "Progress" })).toContainText("0 of 2");
    await expect(other.getByRole("button", { name: /Stop|Undo/ })).toHaveCount(0);
    await letGo();
  });
  // By itself, without a reload.
  await expect(other.locator("h1")).toContainText("Apply 2 fixes");
  await expect(other.locator("h1")).toContainText("Done");
  await expect(results(other).filter({ hasText: "Applied" })).toHaveCount(2);
  await other.context().close();

  await dialog(page).getByRole("link", { name: "See this action" }).click();
  await expect(page.getByText("“Seen in both systems”")).toBeVisible();
  await expect(page.getByText("Grace Hopper").first()).toBeVisible();
  await expect(results(page).filter({ hasText: names[0] ?? "-" })).toHaveCount(1);
  const exported = await page.request.get(await hrefOf(page, "Export results"));
  expect((await exported.text()).trim().split("\n").length).toBeGreaterThan(2);

  await page.getByRole("button", { name: "Undo all 2…" }).click();
  await expect(dialog(page)).toContainText("Changes back");
  await dialog(page).getByLabel("Reason").fill("They are on another plan");
  await dialog(page).getByRole("button", { name: "Undo 2 corrections" }).click();
  await expect(dialog(page).getByRole("heading", { name: "2 corrections undone." })).toBeVisible();
  await dialog(page).getByRole("link", { name: "Show them under Open" }).click();
  await expect(rows(page)).toHaveCount(2);
  await rows(page)
    .filter({ hasText: names[0] ?? "-" })
    .locator("a")
    .click();
  await expect(panel(page)).toContainText("undid its correction");
  await expect(panel(page)).toContainText("“They are on another plan”");
  await panel(page)
    .getByRole("link", { name: /^bulk / })
    .click();
  await page.getByRole("link", { name: /^bulk / }).click();
  await expect(results(page).filter({ hasText: "undone since" })).toHaveCount(2);
  await expect(page.getByRole("button", { name: /^Undo/ })).toHaveCount(0);
});

const hrefOf = async (page: Page, name: string) =>
  (await page.getByRole("link", { name }).getAttribute("href")) ?? "";

test("one fix is undone from its panel, and is open again", async ({ page }) => {
  await signIn(page, "support");
  await page.goto("/discrepancies?impact=paid_no_access");
  await correctable(page).first().locator("a").click();
  const name = (await panel(page).getByRole("heading", { level: 2 }).textContent()) ?? "";
  await panel(page).getByRole("button", { name: "Approve and apply" }).click();
  await dialog(page).getByRole("button", { name: "Apply 1 fix" }).click();
  await expect(page.getByText(`${name} is corrected.`)).toBeVisible();
  await panel(page).getByRole("button", { name: "Undo this fix…" }).click();
  await expect(dialog(page).getByRole("heading", { name: `Undo the correction of ${name}` })).toBeVisible();
  await dialog(page).getByRole("button", { name: "Undo it" }).click();
  await expect(page.getByText(`${name} says again what it said before.`)).toBeVisible();
  await expect(panel(page)).toContainText("undid its correction");
  await expect(panel(page).getByRole("button", { name: "Approve and apply" })).toBeEnabled();
});
