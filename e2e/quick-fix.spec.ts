// The quick fix by a person: a file from Stripe's Dashboard becomes reviewed corrections.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, type Page, test } from "@playwright/test";
import { signIn } from "./desk.ts";

const exported = () =>
  readFileSync(join(process.env.DRIFTDESK_E2E_DIR ?? ".driftdesk", "exports", "subscriptions.csv"), "utf8");
/** One status that the demo's Stripe does not have, so that the file alone says it; and an id that a spreadsheet spoilt. */
function told(): string {
  const [headers = "", ...lines] = exported().split("\n");
  const at = lines.findIndex((line) => /,active,/.test(line));
  const [one = "", other = ""] = lines.slice(at);
  return [
    headers,
    one.replace(",active,", ",unpaid,"),
    other.replace(/sub_[A-Za-z0-9]+/, "1.2E+10"),
    "",
  ].join("\n");
}
const choose = (page: Page, name: string, text: string) =>
  page.getByLabel("Choose a file").setInputFiles({ name, mimeType: "text/csv", buffer: Buffer.from(text) });

test("a file is read, compared and reviewed, and what it says is verified with Stripe", async ({ page }) => {
  await signIn(page, "finance");
  await page.getByRole("link", { name: "Quick fix" }).first().click();
  await choose(page, "notes.csv", "Name,Colour\nAda,red\n");
  await expect(page.getByText("This could not be read. Nothing of it was kept.")).toBeVisible();

  for (const origin of ["https://elsewhere.example", "null"]) {
    const path = "/api/imports?source=paste&key=3c0a4f0e-6f3e-4d63-9d0e-2a4c8a5b7f12";
    const answer = await page.request.post(path, { headers: { origin }, data: "cus_NffrFeUfNV2Hib" });
    expect([answer.status(), (await answer.json()).code]).toEqual([403, "other_origin"]);
  }

  const text = told();
  await choose(page, "night.csv", text);
  await expect(page.getByRole("heading", { name: "night.csv" })).toBeVisible();
  await expect(page.getByText("Export of subscriptions")).toBeVisible();
  const problems = page.getByRole("region", { name: "What could not be read" }).last();
  await expect(problems).toContainText("spreadsheet");

  await page.getByRole("button", { name: "Compare with our records" }).click();
  await expect(page.getByText(/open differences? by the word of this file/)).toBeVisible({ timeout: 60_000 });
  await page.getByRole("link", { name: "Open differences" }).first().click();
  await expect(page).toHaveURL(/import=\d+/);
  const rows = page.getByRole("table", { name: "Differences" }).locator("tbody tr");
  await expect(rows.first().getByText("by a file's word")).toBeAttached();
  await rows.first().locator("a").click();
  const panel = page.getByRole("complementary", { name: /./ }).last();
  await expect(panel).toContainText("The file");
  await expect(panel.getByRole("link", { name: "night.csv" })).toBeVisible();
  await panel.getByRole("button", { name: "Approve and apply" }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog).toContainText("unpaid");
  await page.keyboard.press("Escape");
  await expect(dialog).toHaveCount(0);

  await page.goto("/quick-fix");
  await choose(page, "night again.csv", text);
  await expect(page.getByRole("heading", { name: "night.csv" })).toBeVisible();

  // Stripe says otherwise: the file made it up.
  await page.getByRole("button", { name: "Verify with Stripe first" }).click();
  await expect(page.getByText("Nothing is open by the word of this file.")).toBeVisible({ timeout: 60_000 });
});

test("support reads what was brought, and brings nothing", async ({ page, baseURL }) => {
  await signIn(page, "support");
  await page.goto("/quick-fix");
  await expect(page.getByText("Files are brought by people with the role finance or admin.")).toBeVisible();
  const send = (headers: Record<string, string>) =>
    page.request.post("/api/imports?source=paste&key=3c0a4f0e-6f3e-4d63-9d0e-2a4c8a5b7f11", {
      headers,
      data: "cus_NffrFeUfNV2Hib",
    });
  expect((await send({ origin: baseURL ?? "" })).status()).toBe(403);
  expect((await send({ origin: "https://elsewhere.example" })).status()).toBe(403);
});

test("which of the three strategies fits is told by one's own figures, which a link keeps", async ({
  page,
}) => {
  await signIn(page, "viewer");
  await page.goto("/lookup");
  await page.getByRole("link", { name: "When should programs ask as well?" }).click();
  await expect(page.getByText("Seen by this desk").first()).toBeVisible();
  await page.getByLabel("Records that mirror Stripe").fill("1000000");
  await page.getByLabel("Lookups a second").fill("10");
  await page.getByLabel("A wrong answer is bearable for").selectOption("A minute");
  await page.getByRole("button", { name: "Compare" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText(
    "Live lookup, with reconciliation beside it.",
  );
  await expect(page).toHaveURL(/rows=1000000.*stale=60/);
  await expect(page.getByText("Its risk:")).toHaveCount(3);
});
