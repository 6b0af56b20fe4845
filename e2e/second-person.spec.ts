// Two people, two browsers: what an amount of money takes.
import { type Browser, expect, type Page, test } from "@playwright/test";
import { secondFinance } from "../sandbox/demo/people.ts";
import { demoPassword, signIn, signInAs } from "./desk.ts";

const panel = (page: Page) => page.getByRole("complementary", { name: /./ }).last();
const dialog = (page: Page) => page.getByRole("dialog");
const rows = (page: Page) => page.getByRole("table", { name: "Differences" }).locator("tbody tr");

async function other(browser: Browser, as: "support" | "second"): Promise<Page> {
  const page = await (await browser.newContext()).newPage();
  if (as === "support") await signIn(page, "support");
  else await signInAs(page, secondFinance.email, demoPassword());
  return page;
}

/** Opens the first difference of an amount that can be corrected; answers the address of its panel. */
async function openAmount(page: Page): Promise<string> {
  await page.goto("/discrepancies?impact=money&resource=invoices&kind=mismatch");
  await rows(page).first().locator("a").click();
  await expect(panel(page).getByRole("button", { name: "Approve and apply" })).toBeEnabled();
  return page.url();
}

async function ask(page: Page, reason: string): Promise<void> {
  await panel(page).getByRole("button", { name: "Approve and apply" }).click();
  await expect(dialog(page)).toContainText("An amount of money is not changed by one person alone.");
  await dialog(page).getByLabel("Reason").fill(reason);
  await dialog(page).getByRole("button", { name: "Ask for 1 fix" }).click();
  await expect(dialog(page)).toContainText("1 fix waits for a second person.");
  await dialog(page).getByRole("button", { name: "Done" }).click();
}

test("an amount waits for somebody else, who is told, agrees, and is named in the history", async ({
  page,
  browser,
}) => {
  await signIn(page, "finance");
  const address = await openAmount(page);
  await ask(page, "The bank statement says so");
  // Whoever asked sees it waiting, wherever they look, and has no way to agree.
  await expect(panel(page)).toContainText("You asked to apply 1 fix");
  await expect(panel(page)).toContainText("somebody else has to agree to it");
  await expect(page.getByRole("button", { name: /^Approve and apply 1/ })).toHaveCount(0);
  await page.goto("/");
  await expect(page.getByRole("link", { name: "1 of yours waits for somebody else" })).toBeVisible();
  await expect(page.getByRole("link", { name: /waits? for you/ })).toHaveCount(0);
  // The same person elsewhere is the same person.
  const again = await (await browser.newContext()).newPage();
  await signIn(again, "finance");
  await again.goto(address);
  await expect(panel(again)).toContainText("You asked to apply 1 fix");
  await expect(again.getByRole("button", { name: /^Approve and apply 1/ })).toHaveCount(0);
  await again.context().close();
  // Somebody who may not decide amounts sees it, and is not told.
  const support = await other(browser, "support");
  await support.goto(address);
  await expect(panel(support)).toContainText("Grace Hopper asked to apply 1 fix");
  await expect(panel(support)).toContainText("Finance and admin may agree to it.");
  await expect(support.getByRole("link", { name: /waits? for you/ })).toHaveCount(0);
  await support.context().close();

  const second = await other(browser, "second");
  await expect(second.getByRole("navigation").getByRole("link", { name: "1 waits for you" })).toBeVisible();
  await second.goto(address);
  await panel(second).getByRole("button", { name: "Approve and apply 1 fix" }).click();
  await expect(dialog(second).getByRole("heading", { name: "1 fix applied." })).toBeVisible();
  await dialog(second).getByRole("button", { name: "Done" }).click();
  await expect(panel(second)).toContainText("It is fixed.");
  await expect(panel(second)).toContainText(/Grace Hopper corrected .*approved by Frances Allen/);
  await expect(second.getByRole("link", { name: /waits? for you/ })).toHaveCount(0);
  await second.context().close();
});

test("what is declined comes back with the reason, and what is taken back without one", async ({
  page,
  browser,
}) => {
  await signIn(page, "finance");
  const address = await openAmount(page);
  await ask(page, "Once more");
  const second = await other(browser, "second");
  await second.goto(address);
  await panel(second).getByRole("button", { name: "Decline…" }).click();
  await dialog(second).getByLabel("Reason").fill("Stripe will be corrected");
  await dialog(second).getByRole("button", { name: "Decline it" }).click();
  await expect(second.getByText("Its differences are open again.")).toBeVisible();
  await second.context().close();
  await page.goto(address);
  await expect(panel(page)).toContainText("Declined by Frances Allen: Stripe will be corrected");
  await ask(page, "Then so");
  await panel(page).getByRole("button", { name: "Take back" }).click();
  await expect(page.getByText("Taken back.")).toBeVisible();
  await expect(panel(page)).toContainText("Taken back by Grace Hopper.");
});

test("an address that an admin has added agrees to nothing of theirs for a week, and both are told", async ({
  page,
  browser,
}) => {
  const person = { email: "annie@driftdesk.example", password: "correct horse battery" };
  await signIn(page, "admin");
  await page.goto("/settings");
  await page.getByRole("button", { name: "Add a person" }).click();
  await dialog(page).getByLabel("E-mail").fill(person.email);
  await dialog(page).getByLabel("Role").selectOption("finance");
  await dialog(page).getByLabel("Password").fill(person.password);
  await dialog(page).getByRole("button", { name: "Add" }).click();
  await expect(page.getByText(`${person.email} can sign in now.`)).toBeVisible();
  const address = await openAmount(page);
  await ask(page, "On my own");
  await expect(panel(page)).toContainText("somebody else has to agree to it");

  const theirs = await (await browser.newContext()).newPage();
  await signInAs(theirs, person.email, person.password);
  await theirs.goto(address);
  await expect(panel(theirs)).toContainText(/went from Ada Lovelace to you, .* somebody else has to agree/);
  await expect(panel(theirs).getByRole("button", { name: "Decline…" })).toBeVisible();
  await expect(theirs.getByRole("button", { name: /^Approve and apply 1/ })).toHaveCount(0);
  await expect(theirs.getByRole("link", { name: /waits? for you/ })).toHaveCount(0);
  await theirs.context().close();
  await panel(page).getByRole("button", { name: "Take back" }).click();
  await expect(page.getByText("Taken back.")).toBeVisible();
});
