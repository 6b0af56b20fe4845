import AxeBuilder from "@axe-core/playwright";
import { type Browser, expect, type Page, test } from "@playwright/test";
import { signIn } from "./desk.ts";

const rows = (page: Page) => page.getByRole("table", { name: "Differences" }).locator("tbody tr");
/** Rows that say what changes: a correction is known for them. */
const correctable = (page: Page) => rows(page).filter({ has: page.locator('svg[aria-label="to"]:visible') });
const panel = (page: Page) => page.getByRole("complementary", { name: /./ }).last();
const dialog = (page: Page) => page.getByRole("dialog");

async function openDrift(page: Page, query = ""): Promise<void> {
  await page.goto(`/discrepancies${query}`);
  await expect(rows(page).first()).toBeVisible();
}

/** The list, the panel and the dialogs answer to what was asked, so nothing is counted before. */
const matches = (page: Page, number: number) =>
  expect(page.getByText(number === 1 ? "1 matches" : `${number} match`, { exact: true })).toBeVisible();

async function openCount(page: Page): Promise<number> {
  return Number((await page.getByText(/^\d+ match$/).textContent())?.split(" ")[0]);
}

// First: the example has just enough of them, and the other tests take some away.
test("so many that a second person has to agree wait for one, who is not the first", async ({
  page,
  browser,
}) => {
  await signIn(page, "finance");
  await openDrift(page);
  const total = await openCount(page);
  await page.getByLabel("Select every row of this page").click();
  await page.getByRole("button", { name: `Select all ${total} that match` }).click();
  await page.getByRole("button", { name: `Approve ${total}…` }).click();
  const ask = dialog(page).getByRole("button", { name: /^(Ask for|Apply) \d+ fixes$/ });
  await expect(ask).toBeVisible();
  const fixes = Number((await ask.textContent())?.match(/\d+/)?.[0]);
  await expect(dialog(page)).toContainText("A second person has to agree.");
  await dialog(page).getByLabel("Reason").fill("Left over from the outage");
  await ask.click();
  await expect(dialog(page)).toContainText(`${fixes} fixes wait for a second person.`);
  await dialog(page).getByRole("link", { name: "Show it under Waiting" }).click();
  await expect(page.getByText("You asked for this, so somebody else has to agree to it.")).toBeVisible();
  await expect(page.getByRole("button", { name: /^Approve and apply/ })).toHaveCount(0);

  const admin = await otherPage(browser);
  await signIn(admin, "admin");
  await admin.goto("/");
  await admin.getByRole("link", { name: "1 approval waits for you" }).click();
  const waiting = admin.getByRole("list", { name: "Waiting for a second person" }).getByRole("listitem");
  await expect(waiting).toContainText(`Grace Hopper asked to apply ${fixes} fixes`);
  await expect(waiting).toContainText("“Left over from the outage”");
  await expect(waiting.getByRole("button", { name: `Approve and apply ${fixes} fixes` })).toBeVisible();
  await waiting.getByRole("button", { name: "Decline…" }).click();
  await dialog(admin).getByRole("button", { name: "Decline it" }).click();
  await expect(dialog(admin)).toContainText("Say why");
  await dialog(admin).getByLabel("Reason").fill("Too many at once");
  await dialog(admin).getByRole("button", { name: "Decline it" }).click();
  await expect(admin.getByText("Its differences are open again.")).toBeVisible();
  await expect(admin.getByText("Nothing waits for a second person.")).toBeVisible();
  await openDrift(admin);
  await matches(admin, total);
  await admin.context().close();
});

test("support finds a customer by search, reads both sides and rejects with a reason, by keyboard alone", async ({
  page,
}) => {
  await signIn(page, "support");
  await openDrift(page, "?impact=paid_no_access");
  const name = (await correctable(page).first().locator("a").textContent()) ?? "";
  await openDrift(page);

  await expect(async () => {
    await page.keyboard.press("/");
    await expect(page.getByLabel("Search this list")).toBeFocused({ timeout: 500 });
  }).toPass();
  await page.keyboard.type(name);
  await expect(page).toHaveURL((url) => url.searchParams.get("search") === name);
  await expect(rows(page)).toHaveCount(1);
  await page.keyboard.press("ArrowDown");
  await expect(rows(page).first().locator("a")).toBeFocused();
  await page.keyboard.press("Enter");

  await expect(panel(page).getByRole("heading", { name })).toBeFocused();
  await expect(panel(page)).toContainText("Stripe says");
  await expect(panel(page).getByRole("table", { name: "What differs" })).toContainText("subscription_status");
  await expect(panel(page).getByText("1 of 1")).toBeVisible();
  await expect(panel(page)).toContainText("found a difference on");
  const inStripe = panel(page).getByRole("link", { name: /^Open sub_.+ in Stripe$/ });
  await expect(inStripe).toHaveAttribute(
    "href",
    /^https:\/\/dashboard\.stripe\.com\/acct_.+\/test\/subscriptions\/sub_/,
  );

  await page.keyboard.press("x");
  await expect(dialog(page).getByLabel("Reason")).toBeFocused();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await expect(dialog(page)).toContainText("Say why");
  await page.keyboard.type("Paid by bank transfer until March");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");

  await expect(page.getByText(`${name} stays as it is.`)).toBeVisible();
  await expect(panel(page)).toContainText("Rejected");
  await expect(panel(page)).toContainText("Katherine Johnson left");
  await expect(panel(page)).toContainText("“Paid by bank transfer until March”");
  await page.keyboard.press("Escape");
  await expect(page.getByText(`Nothing here for “${name}”.`)).toBeVisible();
  await page.getByRole("link", { name: /^Rejected/ }).click();
  await expect(rows(page)).toHaveCount(1);
  await expect(rows(page).first()).toContainText(name);
});

test("finance selects across two pages, sees what would happen, applies, and finds it under Fixed", async ({
  page,
}) => {
  await signIn(page, "finance");
  await openDrift(page);
  const total = await openCount(page);
  const boxes = () => correctable(page).getByRole("checkbox");
  await boxes().nth(0).click();
  await boxes().nth(1).click();
  await page.getByRole("button", { name: "Next page" }).click();
  await expect(page).toHaveURL(/cursor=/);
  await expect(page.getByRole("button", { name: "Previous page" })).toBeEnabled();
  await expect(page.getByText("2 selected")).toBeVisible();
  const names = await correctable(page).locator("a").allTextContents();
  await boxes().nth(0).click();
  await boxes().nth(1).click();
  await page.getByRole("button", { name: "Approve 4…" }).click();

  await expect(dialog(page).getByRole("heading", { name: "Correct 4 differences" })).toBeVisible();
  await expect(dialog(page)).toContainText("Tables and columns");
  await expect(dialog(page)).toContainText("public.");
  await expect(dialog(page)).toContainText("Each of them, the most urgent first");
  await expect(dialog(page)).toContainText(names[0] ?? "-");
  await dialog(page).getByLabel("Reason").fill("Seen in both systems");
  await dialog(page).getByRole("button", { name: "Apply 4 fixes" }).click();

  await expect(dialog(page).getByRole("heading", { name: "4 fixes applied." })).toBeVisible();
  await dialog(page).getByRole("link", { name: "Show them under Fixed" }).click();
  await matches(page, 4);
  await expect(rows(page).filter({ hasText: names[0] ?? "-" })).toHaveCount(1);
  await rows(page).first().locator("a").click();
  await expect(panel(page)).toContainText("Grace Hopper corrected");
  await expect(panel(page)).toContainText("“Seen in both systems”");
  await openDrift(page);
  await matches(page, total - 4);
});

test("a double click on Apply applies once", async ({ page }) => {
  await signIn(page, "finance");
  await openDrift(page);
  await correctable(page).first().locator("a").click();
  await panel(page).getByRole("button", { name: "Approve and apply" }).click();
  const apply = dialog(page).getByRole("button", { name: "Apply 1 fix" });
  await expect(apply).toBeVisible();
  // Both before the page has drawn itself anew, and the second past what the page itself holds back.
  const requests: { headers: Record<string, string>; body: string }[] = [];
  page.on("request", (request) => {
    if (request.method() === "POST" && request.headers()["next-action"])
      requests.push({ headers: request.headers(), body: request.postData() ?? "" });
  });
  await apply.evaluate((button: HTMLButtonElement) => {
    button.form?.requestSubmit();
    button.form?.requestSubmit();
  });
  await expect(page.getByText(/ is corrected\.$/)).toBeVisible();
  const [first] = requests;
  if (!first) throw new Error("nothing was sent");
  const again = await page.request.post(page.url(), {
    headers: {
      "next-action": first.headers["next-action"] ?? "",
      "content-type": first.headers["content-type"] ?? "",
    },
    data: first.body,
  });
  expect(again.ok()).toBe(true);
  await page.reload();
  await expect(panel(page)).toContainText("It is fixed.");
  await expect(panel(page).getByText(/ corrected /)).toHaveCount(1);
  await expect(panel(page).getByText(/ set out to correct /)).toHaveCount(1);
});

test("what is snoozed is open again later, and says until when", async ({ page }) => {
  await signIn(page, "support");
  await openDrift(page);
  const link = rows(page).last().locator("a");
  const name = (await link.textContent()) ?? "";
  await link.click();
  await panel(page).getByRole("button", { name: "Snooze…" }).click();
  await dialog(page)
    .getByLabel(/^Next week/)
    .check();
  await dialog(page).getByRole("button", { name: "Snooze it" }).click();
  await expect(page.getByText(`${name} is put off.`)).toBeVisible();
  await expect(panel(page)).toContainText(/Snoozed by katherine@.+ until Mon/);
});

test("a viewer sees everything and no way to act, and a forged action is refused", async ({
  page,
  browser,
}) => {
  await signIn(page, "finance");
  await openDrift(page);
  const name = (await correctable(page).first().locator("a").textContent()) ?? "";
  await correctable(page).first().locator("a").click();
  await panel(page).getByRole("button", { name: "Reject…" }).click();
  await dialog(page).getByLabel("Reason").fill("never sent");
  // What a browser would send, held back: somebody else will send it.
  const sent = new Promise<{ headers: Record<string, string>; body: string; url: string }>((resolve) => {
    void page.route("**/discrepancies**", async (route) => {
      const request = route.request();
      if (request.method() !== "POST") return route.continue();
      resolve({ headers: request.headers(), body: request.postData() ?? "", url: request.url() });
      return route.abort();
    });
  });
  await dialog(page).getByRole("button", { name: "Reject it" }).click();
  const { headers, body, url } = await sent;
  expect(body).toContain("never sent");
  await expect(dialog(page)).toContainText("The server did not answer.");

  const viewer = await otherPage(browser);
  await signIn(viewer, "viewer");
  await openDrift(viewer);
  await expect(viewer.getByRole("checkbox")).toHaveCount(0);
  await expect(viewer.getByText("Deciding takes the role support, finance or admin.")).toBeVisible();
  await rows(viewer).filter({ hasText: name }).first().locator("a").click();
  await expect(panel(viewer)).toContainText("Your role may look, not decide.");
  for (const button of ["Approve and apply", "Reject…", "Snooze…"])
    await expect(panel(viewer).getByRole("button", { name: button })).toBeDisabled();
  await viewer.keyboard.press("a");
  await viewer.keyboard.press("x");
  await expect(dialog(viewer)).toHaveCount(0);

  const forged = {
    headers: { "next-action": headers["next-action"] ?? "", "content-type": headers["content-type"] ?? "" },
    data: body,
  };
  const answer = await viewer.request.post(url, forged);
  expect(await answer.text()).toContain("not_allowed");
  const stranger = await browser.newContext();
  const nobody = await stranger.request.post(url, { ...forged, maxRedirects: 0 });
  expect(nobody.status()).toBe(307);
  await stranger.close();
  await openDrift(viewer);
  await expect(rows(viewer).filter({ hasText: name }).first()).toBeVisible();
  await viewer.context().close();
});

test("filters, sort and the open panel stand in the address, and the way back is the browser's", async ({
  page,
}) => {
  await signIn(page, "viewer");
  await openDrift(page);
  const total = await openCount(page);
  const impact = page.getByRole("button", { name: "Impact", exact: true });
  await impact.first().click();
  const locked = page.getByRole("option", { name: /Paid, locked out \d+/ });
  await expect(locked).toBeVisible();
  const counted = Number((await locked.textContent())?.match(/\d+$/)?.[0]);
  await locked.click();
  await page.keyboard.press("Escape");
  await matches(page, counted);
  await page.getByRole("button", { name: "Age", exact: true }).last().click();
  await expect(page).toHaveURL(/impact=paid_no_access.*sort=age/);
  await expect(page.getByRole("table", { name: "Differences" })).toHaveAttribute("aria-busy", "false");
  await rows(page).nth(1).locator("a").click();
  await expect(page).toHaveURL(/id=\d+/);
  await page.reload();
  await expect(panel(page).getByText(`2 of ${counted}`)).toBeVisible();
  await page.goBack();
  await expect(page.getByRole("button", { name: "Close the panel" })).toHaveCount(0);
  await page.getByRole("button", { name: "Clear", exact: true }).click();
  await matches(page, total);
  await page.goto("/discrepancies?search=nobody-of-that-name");
  await page.getByRole("link", { name: "Clear the filter" }).click();
  await matches(page, total);
  await page.goto("/discrepancies?id=99999999");
  await expect(page.getByText("There is no difference with the number 99999999.")).toBeVisible();
});

for (const theme of ["light", "dark"] as const)
  test(`nothing is in the way of anybody, in ${theme}: list, panel, dialogs`, async ({ browser }) => {
    const page = await otherPage(browser, { colorScheme: theme, reducedMotion: "reduce" });
    await signIn(page, "finance");
    await openDrift(page, "?grouped=true");
    await accessible(page);
    await correctable(page).getByRole("checkbox").first().click();
    await correctable(page).first().locator("a").click();
    await expect(panel(page)).toContainText("found a difference on");
    await panel(page).getByText("What will run").click();
    await accessible(page);
    for (const [key, title] of [
      ["a", /^Correct/],
      ["x", /^Reject/],
      ["s", /^Snooze/],
      ["?", /^Shortcuts/],
    ] as const) {
      await page.keyboard.press(key);
      await expect(dialog(page).getByRole("heading", { name: title })).toBeVisible();
      if (key === "a") await expect(dialog(page).getByRole("button", { name: /^Apply/ })).toBeVisible();
      await accessible(page);
      await page.keyboard.press("Escape");
      await expect(dialog(page)).toHaveCount(0);
      // Back to where the keyboard was.
      await expect(panel(page).locator(":focus")).toHaveCount(1);
    }
    await page.goto("/discrepancies?search=nobody-of-that-name");
    await expect(page.getByText("Nothing here for")).toBeVisible();
    await accessible(page);
    await page.context().close();
  });

test("on a phone the list fits, and one difference has the whole screen", async ({ browser }) => {
  const page = await otherPage(browser, { viewport: { width: 390, height: 844 } });
  await signIn(page, "support");
  await openDrift(page);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
  await accessible(page);
  await correctable(page).first().locator("a").click();
  await expect(page.getByRole("table", { name: "Differences" })).toBeHidden();
  await expect(panel(page).getByRole("button", { name: "Approve and apply" })).toBeInViewport();
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
  await accessible(page);
  await page.getByRole("button", { name: "List" }).click();
  await expect(page.getByRole("table", { name: "Differences" })).toBeVisible();
  await page.context().close();
});

async function otherPage(
  browser: Browser,
  options: Parameters<Browser["newContext"]>[0] = {},
): Promise<Page> {
  return (await browser.newContext(options)).newPage();
}

async function accessible(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).exclude("nextjs-portal").analyze();
  expect(
    violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 200)).join("\n")}`),
  ).toEqual([]);
}
