// The end of somebody's access is the end of everything that they have open.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@playwright/test";
import postgres from "postgres";
import { createToken, revokeToken } from "../lib/auth/tokens.ts";
import { addUser, deactivate, findActor, listUsers, reactivate } from "../lib/auth/users.ts";
import { type Actor, systemActor } from "../lib/desk.ts";
import { admin } from "../sandbox/demo/people.ts";
import { signInAs } from "./desk.ts";

const person = { email: "mary@driftdesk.example", password: "correct horse battery" };

test("progress that somebody follows breaks off when their access ends", async ({ page, request }) => {
  const state = JSON.parse(readFileSync(join(process.env.DRIFTDESK_E2E_DIR ?? "", "postgres.json"), "utf8"));
  const sql = postgres(state.url, { max: 1, onnotice: () => {} });
  const desk = { sql, now: () => new Date() };
  try {
    const ada = (await findActor(desk, admin.email)) as Actor;
    const [known] = await listUsers(desk, person.email);
    if (!known) await addUser(desk, { ...person, role: "support" }, systemActor);
    else if (known.deactivatedAt) await reactivate(desk, person.email, ada);
    const starter = await createToken(desk, { name: `starter ${Date.now()}`, scopes: ["runs:start"] }, ada);
    await signInAs(page, person.email, person.password);

    const started = await request.post("/api/cron/reconcile", {
      headers: { authorization: `Bearer ${starter.token}` },
    });
    const { run } = await started.json();
    const following = page.evaluate(async (id) => {
      let seen = "";
      try {
        const answer = await fetch(`/api/runs/${id}/events`);
        const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
        for (let piece = await reader?.read(); piece && !piece.done; piece = await reader?.read()) {
          seen += piece.value;
          (window as { seen?: number }).seen = seen.length;
        }
        return { broken: false, seen };
      } catch {
        return { broken: true, seen };
      }
    }, run);
    await page.waitForFunction(() => ((window as { seen?: number }).seen ?? 0) > 0);
    await deactivate(desk, person.email, ada);
    const { broken, seen } = await following;
    expect(seen).toContain("event: progress");
    expect(seen).not.toContain("event: end");
    expect(broken).toBe(true);
    await page.goto("/");
    await expect(page).toHaveURL(/\/sign-in/);

    for (const { id } of await sql<{ id: number }[]>`
      SELECT id::int AS id FROM driftdesk.api_tokens WHERE name LIKE 'starter %' AND revoked_at IS NULL`)
      await revokeToken(desk, id, ada);
  } finally {
    await sql.end();
  }
});
