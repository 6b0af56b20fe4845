import { randomUUID } from "node:crypto";
import { expect, test } from "@playwright/test";
import { signIn, signInAs } from "./desk.ts";

test("an admin starts a run, sees how far it is, and what it found", async ({ page }) => {
  await signIn(page, "admin");
  await page.goto("/runs");
  await page.getByRole("button", { name: "Run now" }).click();
  await expect(page).toHaveURL(/\/runs\/\d+$/);
  // The figures move while it runs, without a reload.
  const progress = page.getByRole("region", { name: /^Run \d+$/ });
  // Looked for together: the run may be over before one has been found after the other.
  await Promise.all([
    expect(progress.getByText(/[1-9][\d,]* objects on [^ ]+ pages? read from Stripe/)).toBeVisible(),
    expect(progress.getByRole("progressbar", { name: /^invoices: / })).toBeVisible(),
  ]);
  await expect(page.getByRole("main").getByText("Complete", { exact: true })).toBeVisible({
    timeout: 60_000,
  });
  await expect(page.getByRole("table").getByRole("link", { name: "Subscriptions" })).toBeVisible();
  await page.getByRole("link", { name: "Its history" }).click();
  await expect(page.getByRole("main")).toContainText("Ada Lovelace asked for run");
});

test("a run under way can be stopped, and says who did", async ({ page }) => {
  await signIn(page, "admin");
  await page.getByRole("banner").getByRole("button", { name: "Run" }).click();
  await page.getByRole("button", { name: "Stop" }).click();
  await expect(page.getByRole("main")).toContainText("Stopped by Ada Lovelace.");
});

test("an admin changes when a run happens, sees when that is before saving it, pauses it and sets it back", async ({
  page,
}) => {
  await signIn(page, "admin");
  await page.goto("/settings");
  const schedule = page
    .getByRole("list", { name: "Schedules" })
    .getByRole("listitem")
    .filter({ hasText: "Full run" });
  const menu = async (item: string) => {
    await schedule.getByRole("button", { name: /^More about/ }).click();
    await page.getByRole("menuitem", { name: item }).click();
  };
  await menu("Change…");
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("As a cron expression").fill("61 * * * *");
  await expect(dialog).toContainText('"61" is no minute');
  await expect(dialog.getByRole("button", { name: "Save" })).toBeDisabled();
  await dialog.getByLabel("As a cron expression").fill("30 4 * * 1-5");
  await dialog.getByLabel("Time zone").fill("America/New_York");
  await expect(dialog).toContainText("Monday to Friday at 04:30");
  await expect(dialog.getByRole("listitem")).toHaveCount(3);
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(schedule).toContainText("Changed by ada@driftdesk.example. The configuration says");
  await page.goto("/runs");
  await expect(page.getByRole("region", { name: "Schedule" })).toContainText(
    "Full run Monday to Friday at 04:30",
  );
  await page.goto("/settings");
  await menu("Pause");
  await expect(schedule).toContainText("paused");
  await menu("Resume");
  await expect(schedule).toContainText("Next");
  await menu("Set back to the configuration");
  await expect(schedule).toContainText("Full run every day at 03:00");
  await page.goto("/audit");
  await expect(page.getByRole("main")).toContainText("changed the schedule of the full run");
});

test("a new person signs in; another role counts from the next click, and the end of access at once", async ({
  page,
  browser,
}) => {
  const person = { email: "dorothy@driftdesk.example", password: "correct horse battery" };
  await signIn(page, "admin");
  await page.goto("/settings");
  await page.getByRole("button", { name: "Add a person" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("E-mail").fill(person.email);
  await dialog.getByLabel("Role").selectOption("support");
  await dialog.getByLabel("Password").fill(person.password);
  await dialog.getByRole("button", { name: "Add" }).click();
  await expect(page.getByText(`${person.email} can sign in now.`)).toBeVisible();

  const theirs = await (await browser.newContext()).newPage();
  await signInAs(theirs, person.email, person.password);
  const run = theirs.getByRole("banner").getByRole("button", { name: "Run" });
  await expect(run).toBeVisible();

  await page.getByRole("combobox", { name: "Role of Dorothy" }).selectOption("viewer");
  await expect(page.getByText("Dorothy is now viewer.")).toBeVisible();
  await theirs.getByRole("link", { name: "Runs", exact: true }).click();
  await expect(theirs.getByRole("heading", { name: "Runs" })).toBeVisible();
  await theirs.reload();
  await expect(run).toHaveCount(0);

  await page.getByRole("button", { name: "More about Dorothy" }).click();
  await page.getByRole("menuitem", { name: "Deactivate" }).click();
  await expect(page.getByRole("row", { name: /Dorothy/ })).toContainText("deactivated");
  await theirs.reload();
  await expect(theirs).toHaveURL(/\/sign-in/);

  await page.getByRole("button", { name: "More about Dorothy" }).click();
  await page.getByRole("menuitem", { name: "Let in again" }).click();
  await expect(page.getByText("Dorothy can sign in again, as viewer.")).toBeVisible();
  await signInAs(theirs, person.email, person.password);
  await theirs.goto("/settings");
  await theirs.getByLabel("Present password").fill("not the one");
  await theirs.getByLabel("New password").fill("a battery of horses");
  await theirs.getByRole("button", { name: "Change the password" }).click();
  await expect(theirs.getByRole("main").getByRole("alert")).toContainText(
    "The present password is another one.",
  );
  await theirs.getByLabel("Present password").fill(person.password);
  await theirs.getByRole("button", { name: "Change the password" }).click();
  await expect(theirs).toHaveURL(/\/sign-in/);
  await signInAs(theirs, person.email, "a battery of horses");
  await theirs.context().close();

  await page.goto("/audit");
  for (const sentence of ["added", "changed the role of", "ended the access of", "let"])
    await expect(
      page.getByText(new RegExp(`Ada Lovelace ${sentence} ${person.email}`)).first(),
    ).toBeVisible();
});

test("the password can be guessed five times", async ({ page }) => {
  const email = `guessed.${randomUUID()}@driftdesk.example`;
  for (let guess = 1; guess <= 6; guess++) {
    await page.goto("/sign-in");
    await page.getByLabel("E-mail").fill(email);
    await page.getByLabel("Password").fill(`guess number ${guess}`);
    await page.getByRole("button", { name: "Sign in" }).click();
    await expect(page.locator("p[role=alert]")).toContainText(
      guess <= 5 ? "The address or the password is wrong." : "Too many attempts.",
    );
  }
});
