import { expect, type Page, test } from "@playwright/test";
import { signIn } from "./desk.ts";

const rows = (page: Page) => page.getByRole("table", { name: "Differences" }).locator("tbody tr");
const panel = (page: Page) => page.getByRole("complementary", { name: /./ }).last();

test("support looks at a difference again while a customer waits, by key, and reads what came of it", async ({
  page,
}) => {
  await signIn(page, "support");
  await page.goto("/discrepancies?state=open");
  await rows(page).first().locator("a").click();
  await expect(panel(page).getByText(/^Both sides seen /)).toBeVisible();
  await expect(panel(page).getByRole("button", { name: "Approve and apply" })).toBeVisible();
  await page.keyboard.press("r");
  await expect(panel(page).getByText("Checked just now: it still differs, in the same way.")).toBeVisible();
  // Another difference has not been checked.
  await page.keyboard.press("j");
  await expect(panel(page).getByText(/^Both sides seen /)).toBeVisible();

  await page.goto("/runs");
  const newest = page.getByRole("region", { name: "Runs" }).locator("tbody tr").first();
  await expect(newest).toContainText("targeted");
  await expect(newest).toContainText("katherine@driftdesk.example");
  await newest.getByRole("link").click();
  await expect(page.getByText(/^Only difference \d+/)).toBeVisible();
  // It is no run that the numbers on the overview come from.
  await page.goto("/");
  await expect(page.getByText("targeted")).toHaveCount(0);
});

test("a viewer reads how old it is, and has nothing to press", async ({ page }) => {
  await signIn(page, "viewer");
  await page.goto("/discrepancies?state=open");
  await rows(page).first().locator("a").click();
  await expect(panel(page).getByText(/^Both sides seen /)).toBeVisible();
  await expect(page.getByRole("button", { name: "Check again" })).toHaveCount(0);
});
