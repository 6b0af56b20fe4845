// Every page, in both themes: nothing that axe finds, nothing wider than the screen, and the keyboard gets everywhere.
import { globSync } from "node:fs";
import AxeBuilder from "@axe-core/playwright";
import { type Browser, expect, type Page, test } from "@playwright/test";
import { signIn } from "./desk.ts";

/** From the folder that makes them: a new page is looked at without being named here. */
const pages = globSync("app/(desk)/**/page.tsx").map(
  (file) =>
    `/${file
      .split("/")
      .slice(2, -1)
      .map((part) => part.replace(/^\[.+\]$/, "1"))
      .join("/")}`,
);
const rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

async function findings(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).withTags(rules).analyze();
  return violations.flatMap(({ id, help, nodes }) => nodes.map((node) => `${id}: ${help}: ${node.html}`));
}

async function open(browser: Browser, colorScheme: "light" | "dark", width = 1280): Promise<Page> {
  return (await browser.newContext({ colorScheme, viewport: { width, height: 800 } })).newPage();
}

/** A list that somebody pasted: what /quick-fix/1 is about. */
test.beforeAll(async ({ browser, baseURL }) => {
  const page = await open(browser, "light");
  await signIn(page, "finance");
  const response = await page.request.post(
    "/api/imports?source=paste&key=3c0a4f0e-6f3e-4d63-9d0e-2a4c8a5b7f10",
    { headers: { origin: baseURL ?? "" }, data: "cus_NffrFeUfNV2Hib, nobody" },
  );
  expect(response.status()).toBe(200);
  await page.context().close();
});

for (const colorScheme of ["light", "dark"] as const) {
  test(`axe finds nothing on the sign-in page, ${colorScheme}`, async ({ browser }) => {
    const page = await open(browser, colorScheme);
    await page.goto("/sign-in");
    expect(await findings(page)).toEqual([]);
    await page.context().close();
  });

  test(`axe finds nothing on any page, ${colorScheme}`, async ({ browser }) => {
    test.setTimeout(180_000);
    const page = await open(browser, colorScheme);
    await signIn(page, "admin");
    expect(pages.length).toBeGreaterThan(4);
    for (const path of [...pages, "/runs/999999", "/nowhere"]) {
      await page.goto(path, { waitUntil: "networkidle" });
      await expect(page.locator("html")).toHaveClass(new RegExp(`\\b${colorScheme}\\b`));
      expect(await findings(page), path).toEqual([]);
    }
    await page.context().close();
  });
}

test("every page comes from the server whole, before any script runs", async ({ page }) => {
  const whole = async (path: string) => {
    const response = await page.request.get(path);
    expect([path, response.status()]).toEqual([path, 200]);
    expect(await response.text(), path).toContain("<main");
  };
  await whole("/sign-in");
  await signIn(page, "admin");
  for (const path of pages) await whole(path);
});

test("on a phone no page is wider than the screen", async ({ browser }) => {
  const page = await open(browser, "light", 390);
  await signIn(page, "finance");
  for (const path of pages) {
    await page.goto(path, { waitUntil: "networkidle" });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    expect(wide, path).toBeLessThanOrEqual(0);
  }
  await page.context().close();
});

test("the keyboard alone reaches the content and every section", async ({ page }) => {
  await signIn(page, "support");
  await page.goto("/");
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Skip to the content" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.locator("main")).toBeFocused();
  for (const section of ["Drift", "Runs", "Audit", "Settings"]) {
    const link = page.getByRole("navigation").getByRole("link", { name: section }).first();
    await link.focus();
    await page.keyboard.press("Enter");
    await expect(link).toHaveAttribute("aria-current", "page");
  }
});
