// The main job with the keyboard alone: from the overview to a decision, and back. The focus is somewhere at every step.
import AxeBuilder from "@axe-core/playwright";
import { expect, type Page, test } from "@playwright/test";
import { signIn } from "./desk.ts";

const rows = (page: Page) => page.getByRole("table", { name: "Differences" }).locator("tbody tr");
const link = (page: Page, n: number) => rows(page).nth(n).locator("[data-opens]");
const panel = (page: Page) => page.getByRole("complementary", { name: /./ }).last();
const dialog = (page: Page) => page.getByRole("dialog");

async function press(page: Page, ...keys: string[]): Promise<void> {
  for (const key of keys) await page.keyboard.press(key);
}

/** Somebody who cannot see where they are has to be somewhere. */
const somewhere = (page: Page) =>
  expect
    .poll(() => page.evaluate(() => document.activeElement?.tagName), { timeout: 5_000 })
    .not.toBe("BODY");

async function tabTo(page: Page, name: RegExp): Promise<void> {
  for (let n = 0; n < 40; n++) {
    await press(page, "Tab");
    const words = await page.evaluate(() => {
      const { activeElement: at } = document;
      return at?.getAttribute("aria-label") ?? at?.textContent ?? "";
    });
    if (name.test(words)) return;
  }
  throw new Error(`Tab never comes to ${name}.`);
}

test("from the overview to a correction and back, with the keyboard alone", async ({ page }) => {
  await signIn(page, "finance");
  await page.goto("/");
  await tabTo(page, /^Paid, locked out/);
  await press(page, "Enter");
  await expect(rows(page).first()).toBeVisible();

  // Moving, and selecting a range there and back.
  await expect(async () => {
    await press(page, "j");
    await expect(link(page, 0)).toBeFocused({ timeout: 500 });
  }).toPass();
  await press(page, "Shift+j", "Shift+ArrowDown");
  await expect(page.getByText("3 selected", { exact: true })).toBeVisible();
  await press(page, "Shift+k");
  await expect(page.getByText("2 selected", { exact: true })).toBeVisible();
  await expect(link(page, 1)).toBeFocused();
  await press(page, "Escape");
  await expect(page.getByText("2 selected", { exact: true })).toHaveCount(0);

  // A filter is opened, chosen from and left.
  await press(page, "f");
  await expect(page.getByRole("dialog", { name: "Impact" })).toBeVisible();
  await press(page, "ArrowDown", "Enter");
  await expect(page).toHaveURL(/impact=paid_no_access%2Caccess_no_pay|impact=paid_no_access,access_no_pay/);
  await press(page, "Escape");
  await somewhere(page);

  // The panel is there at once, and the next one a key away.
  await page.goto("/discrepancies?impact=paid_no_access");
  await expect(async () => {
    await press(page, "ArrowDown");
    await expect(link(page, 0)).toBeFocused({ timeout: 500 });
  }).toPass();
  const names = await rows(page).locator("[data-opens]").allTextContents();
  let letGo = () => {};
  const held = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  await page.route(/\/details/, async (route) => {
    await held;
    await route.continue().catch(() => {});
  });
  await press(page, "Enter", "j");
  await expect(panel(page).getByRole("heading", { name: names[1] ?? "-" })).toBeFocused();
  await expect(panel(page)).toContainText("Stripe says");
  await press(page, "a");
  letGo();
  await expect(dialog(page).getByRole("heading", { name: `Correct ${names[1]}` })).toBeVisible();
  await page.unroute(/\/details/);
  await press(page, "Escape");

  // Decided from the list: the row goes, and the focus goes to the one in its place.
  await press(page, "Escape");
  await expect(link(page, 1)).toBeFocused();
  await press(page, "a");
  await expect(dialog(page).getByRole("button", { name: "Apply 1 fix" })).toBeVisible();
  await tabTo(page, /^Apply 1 fix$/);
  await press(page, "Enter");
  await expect(page.getByText(`${names[1]} is corrected.`)).toBeVisible();
  await expect(rows(page)).toHaveCount(names.length - 1);
  await expect(link(page, 1)).toBeFocused();

  await press(page, "u");
  await expect(
    dialog(page).getByRole("heading", { name: `Undo the correction of ${names[1]}` }),
  ).toBeVisible();
  await expect(dialog(page).getByRole("button", { name: "Undo it" })).toBeVisible();
  await press(page, "Control+Enter");
  await expect(page.getByText(`${names[1]} says again what it said before.`)).toBeVisible();
  await expect(rows(page)).toHaveCount(names.length);
  await somewhere(page);

  // Over the page's end and back, and the changes in groups.
  await page.goto("/discrepancies");
  await expect(async () => {
    await press(page, "k");
    await expect(rows(page).last().locator("[data-opens]")).toBeFocused({ timeout: 500 });
  }).toPass();
  const first = (await link(page, 0).textContent()) ?? "";
  await press(page, "]");
  await expect(page).toHaveURL(/cursor=/);
  await expect(link(page, 0)).not.toHaveText(first);
  await expect(link(page, 0)).toBeFocused();
  await press(page, "[");
  await expect(link(page, 0)).toHaveText(first);
  await expect(link(page, 0)).toBeFocused();
  await press(page, "g");
  await expect(page.getByRole("button", { name: "Group by change" })).toHaveAttribute("aria-pressed", "true");
});

test("what can be done is found by its name, from any page", async ({ page }) => {
  await signIn(page, "support");
  await page.goto("/runs");
  await expect(async () => {
    await press(page, "Control+.");
    await expect(dialog(page).getByRole("combobox", { name: "Commands" })).toBeFocused({ timeout: 1_000 });
  }).toPass();
  expect((await new AxeBuilder({ page }).include("[data-palette]").analyze()).violations).toEqual([]);
  await page.keyboard.type("drift");
  await press(page, "Enter");
  await expect(page).toHaveURL(/\/discrepancies$/);
  await expect(rows(page).first()).toBeVisible();
  await expect(async () => {
    await press(page, "j");
    await expect(link(page, 0)).toBeFocused({ timeout: 500 });
  }).toPass();
  const name = (await link(page, 0).textContent()) ?? "";
  await press(page, "Control+.");
  await page.keyboard.type("snooze");
  await press(page, "Enter");
  await expect(dialog(page).getByRole("heading", { name: `Snooze ${name}` })).toBeVisible();
  await press(page, "Escape");
  await expect(link(page, 0)).toBeFocused();
  await press(page, "?");
  await expect(dialog(page)).toContainText("Undo your last correction");
});
