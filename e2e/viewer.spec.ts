// A viewer changes nothing: not by what a page offers, and not by asking the server for what it does not offer.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@playwright/test";
import postgres from "postgres";
import { signIn } from "./desk.ts";

interface ServerAction {
  id: string;
  name: string;
  /** A page that knows the action. */
  page: string;
}

/** Every server action of the build, whichever page it is for: a new one has to be given arguments below. */
function serverActions(): ServerAction[] {
  const manifest: {
    node: Record<string, { exportedName: string; workers: Record<string, unknown> }>;
  } = JSON.parse(readFileSync(".next/server/server-reference-manifest.json", "utf8"));
  return Object.entries(manifest.node).map(([id, { exportedName, workers }]) => ({
    id,
    name: exportedName,
    page: `/${(Object.keys(workers)[0] ?? "")
      .split("/")
      .slice(1, -1)
      .filter((part) => !part.startsWith("("))
      .map((part) => part.replace(/^\[.+\]$/, "1"))
      .join("/")}`,
  }));
}

const everything = { filter: { state: "open" }, seenUntil: "2099-01-01T00:00:00Z" };
const requestKey = "0c7f6f5c-6a0e-4a2b-9a53-0f6f3d1f4b11";
/** What somebody would send who wants each of them to happen. */
const argumentsOf: Record<string, unknown[]> = {
  runNow: [],
  compareImportAction: [1, false],
  correctExportTimeAction: [1, "2026-11-24T11:00:00Z"],
  stopRun: [1],
  checkNow: [],
  addPerson: [{ email: "eve@example.com", name: "Eve", role: "admin", password: "a long enough password" }],
  changeRole: ["barbara@driftdesk.example", "admin"],
  deactivatePerson: ["ada@driftdesk.example"],
  reactivatePerson: ["ada@driftdesk.example"],
  requireSingleSignOnAction: [true],
  createTokenAction: [{ name: "eve", scopes: ["audit:export"] }],
  revokeTokenAction: [1],
  previewAction: [everything],
  decideAction: [{ kind: "apply", selection: everything, requestKey }],
  checkAction: [1],
  checkRecordAction: [{ account: null, resource: "users", keys: ["1"] }],
  previewRevertAction: [{ bulk: 1 }],
  revertAction: [{ undo: { bulk: 1 }, requestKey }],
  approveAction: [1],
  declineAction: [1],
  addScheduleAction: [{ cron: "* * * * *", mode: "full", timeZone: "UTC", account: null }],
  changeScheduleAction: [1, { cron: "* * * * *", mode: "full", timeZone: "UTC" }],
  resetScheduleAction: [1],
  pauseScheduleAction: [1],
  resumeScheduleAction: [1],
  removeScheduleAction: [1],
  runScheduleAction: [1],
  sendTestAlert: ["slack"],
};
/** These only read what every person of the desk may see, or are about nobody but whoever asks. */
const reading: Record<string, unknown[]> = {
  followAction: [1],
  verifyAction: [],
  changePasswordAction: [{ current: "not the one", next: "a long enough password" }],
};

/** The company's tables and everything that people decide, as one text. */
async function stateOfThings(): Promise<string> {
  const state = JSON.parse(readFileSync(join(process.env.DRIFTDESK_E2E_DIR ?? "", "postgres.json"), "utf8"));
  const sql = postgres(state.url, { max: 1, onnotice: () => {} });
  try {
    const tables = await sql<{ name: string }[]>`
      SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
      WHERE schemaname = 'public' OR schemaname = 'driftdesk' AND tablename IN ('bulk_actions', 'bulk_items', 'fixes', 'settings') ORDER BY 1`;
    const rows = (from: string) =>
      sql.unsafe(
        `SELECT md5(coalesce(string_agg(t::text, ',' ORDER BY t::text), '')) AS digest FROM ${from} t`,
      );
    const digests = [];
    for (const { name } of tables) digests.push(`${name} ${(await rows(name))[0]?.digest}`);
    // Runs that a schedule starts, and what they find, come and go meanwhile.
    for (const of of [
      "(SELECT id, cron, mode, time_zone, paused_at FROM driftdesk.schedules)",
      "(SELECT email, role, password_hash, deactivated_at FROM driftdesk.users)",
      "(SELECT name, scopes, revoked_at FROM driftdesk.api_tokens)",
      "(SELECT id, requested_by FROM driftdesk.runs WHERE requested_by <> 'system')",
      "(SELECT id, decided_by, decided_at, snoozed_until FROM driftdesk.discrepancies WHERE decided_by IS NOT NULL)",
      "(SELECT seq FROM driftdesk.audit_entries WHERE actor LIKE 'barbara@%' AND action NOT LIKE 'sign_in.%')",
    ])
      digests.push(`${of} ${(await rows(of))[0]?.digest}`);
    return digests.join("\n");
  } finally {
    await sql.end();
  }
}

test("every server action refuses a viewer, a made-up session and nobody, and nothing has changed", async ({
  page,
  playwright,
  baseURL,
}) => {
  await signIn(page, "viewer");
  const before = await stateOfThings();
  const stranger = await playwright.request.newContext({ baseURL: baseURL ?? "" });
  const actions = serverActions();
  expect(actions.length).toBeGreaterThan(5);
  for (const { id, name, page: path } of actions) {
    const given = argumentsOf[name] ?? reading[name];
    expect(given, `arguments for the action ${name}, in this file`).toBeDefined();
    const options = (cookie: Record<string, string>) => ({
      headers: {
        "next-action": id,
        "content-type": "text/plain;charset=UTF-8",
        origin: baseURL ?? "",
        ...cookie,
      },
      data: JSON.stringify(given),
      maxRedirects: 0,
    });
    if (!(name in reading)) {
      const refusal = await (await page.request.post(path, options({}))).text();
      expect(refusal, name).toContain('"ok":false');
      expect(refusal, name).toContain("has the role viewer, which may not");
    }
    const nobody = await stranger.post(path, options({}));
    expect(nobody.status(), name).toBe(307);
    const cookie = "next-auth.session-token=eyJhbGciOiJkaXIifQ..made.up.here";
    const madeUp = await (await stranger.post(path, options({ cookie }))).text();
    expect(madeUp, name).not.toContain('"ok":true');
  }
  await stranger.dispose();
  expect(await stateOfThings()).toBe(before);
});

test("routes that change something or hand the history out refuse a viewer", async ({ page }) => {
  await signIn(page, "viewer");
  expect((await page.request.post("/api/cron/reconcile")).status()).toBe(401);
  expect((await page.request.get("/api/audit/export?format=csv")).status()).toBe(403);
});

for (const path of ["/", "/discrepancies", "/bulks", "/bulks/1", "/runs", "/runs/1", "/audit", "/settings"])
  test(`${path} offers a viewer nothing that would change something`, async ({ page }) => {
    await signIn(page, "viewer");
    await page.goto(path);
    await expect(page.locator("main")).toBeVisible();
    const changing = page.getByRole("button", {
      name: /^(run|stop|make a token|make it the only|revoke|check the mapping|add a person|deactivate|approve|apply|reject|snooze|undo|export)\b/i,
    });
    for (const button of await changing.all()) await expect(button).toBeDisabled();
    await expect(page.getByRole("combobox", { name: /role/i })).toHaveCount(0);
  });
