// Coming in by an OpenID Connect provider, over HTTP, through next-auth; and that as the only way in.
import nextAuthModule from "next-auth";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type Provider, startProvider } from "../../sandbox/oidc.ts";
import { type FreshDatabase, freshDatabase } from "../db/testing.ts";
import { type Actor, type Desk, systemActor } from "../desk.ts";
import { createLog } from "../log.ts";
import { authOptions } from "./next-auth.ts";
import { resume, type SignedIn, sessionOf, signInWithPassword } from "./sign-in.ts";
import { isSingleSignOnOnly, requireSingleSignOn } from "./single-sign-on.ts";
import { addUser, deactivate, findActor, reactivate, setRole } from "./users.ts";

// The package is CommonJS: Node and the test runner disagree about where its default export is.
const NextAuth =
  "default" in nextAuthModule ? (nextAuthModule.default as typeof nextAuthModule) : nextAuthModule;
const origin = "http://localhost:3000";
const password = "correct horse battery";
let database: FreshDatabase;
let provider: Provider;
let desk: Desk;
let ada: Actor;

beforeAll(async () => {
  database = await freshDatabase({ migrated: true });
  provider = await startProvider();
  const oidc = {
    issuer: provider.issuer,
    clientId: provider.clientId,
    clientSecret: provider.clientSecret,
    name: "Example ID",
  };
  // All of a desk that signing in needs.
  desk = {
    sql: database.sql,
    now: () => new Date("2026-11-24T12:00:00Z"),
    environment: { oidc, nextAuthUrl: origin },
    log: createLog("silent"),
  } as unknown as Desk;
  for (const [email, role] of [
    ["ada@example.com", "admin"],
    ["vera@example.com", "viewer"],
  ] as const)
    await addUser(desk, { email, role, password }, systemActor);
  ada = (await findActor(desk, "ada@example.com")) as Actor;
});
beforeEach(async () => {
  await requireSingleSignOn(desk, false, systemActor);
  await database.sql`UPDATE driftdesk.users SET last_single_sign_on_at = NULL`;
  provider.person.emailVerified = true;
});
afterAll(async () => {
  await provider.close();
  await database.drop();
});

interface Answered {
  location: string | null;
  body: Record<string, unknown>;
}

/** A browser's cookies, and what next-auth answers it. */
function browser() {
  const cookies: Record<string, string> = {};
  async function ask(
    [action, ...provider]: string[],
    more: { method?: string; query?: Record<string, string>; body?: Record<string, string> } = {},
  ): Promise<Answered> {
    const { method = "GET", query = {}, body = {} } = more;
    const headers = new Map<string, string | string[]>();
    let sent: unknown = null;
    const response = {
      status: () => response,
      setHeader(name: string, value: string | string[]) {
        headers.set(name.toLowerCase(), value);
        return response;
      },
      getHeader: (name: string) => headers.get(name.toLowerCase()),
      end: () => response,
      send: (what: unknown) => {
        sent = what;
      },
    };
    const request = {
      method,
      headers: {},
      cookies,
      body,
      query: { nextauth: [action, ...provider], ...query },
    };
    await NextAuth(request as never, response as never, authOptions(desk, "a secret for these tests"));
    for (const line of [headers.get("set-cookie") ?? []].flat()) {
      const [pair = ""] = line.split(";", 1);
      cookies[pair.slice(0, pair.indexOf("="))] = decodeURIComponent(pair.slice(pair.indexOf("=") + 1));
    }
    const location = headers.get("location");
    return {
      location: typeof location === "string" ? location : null,
      body: (sent ?? {}) as Record<string, unknown>,
    };
  }
  return {
    /** Through the provider and back. Answers where the browser ends. */
    async comeIn(): Promise<string | null> {
      const csrfToken = String((await ask(["csrf"])).body.csrfToken);
      const leaving = await ask(["signin", "oidc"], { method: "POST", body: { csrfToken } });
      const asked = await fetch(leaving.location ?? "", { redirect: "manual" });
      const back = new URL(asked.headers.get("location") ?? "");
      return (await ask(["callback", "oidc"], { query: Object.fromEntries(back.searchParams) })).location;
    },
    async session(): Promise<SignedIn | null> {
      const { user, mark, by } = (await ask(["session"])).body as { user?: { email?: string } } & Record<
        string,
        unknown
      >;
      return sessionOf({ email: user?.email, mark, by });
    },
  };
}
const byPassword = (email: string) => signInWithPassword(desk, { email, password, address: "10.0.0.1" });

test("whoever the provider vouches for comes in as the person that the desk knows, and nobody else does", async () => {
  const theirs = browser();
  provider.person.email = "Vera@Example.com";
  expect(await theirs.comeIn()).toBe(origin);
  const session = await theirs.session();
  expect(session).toMatchObject({ email: "vera@example.com", by: "single sign-on" });
  expect(await resume(desk, session as SignedIn)).toMatchObject({ role: "viewer" });

  for (const [email, emailVerified] of [
    ["stranger@example.com", true],
    ["vera@example.com", false],
  ] as const) {
    Object.assign(provider.person, { email, emailVerified });
    const refused = browser();
    expect(await refused.comeIn()).toContain("error=AccessDenied");
    expect(await refused.session()).toBeNull();
  }
});

test("it is the only way in when an admin says so, who has tried it", async () => {
  const [before, admins] = [await byPassword("vera@example.com"), await byPassword("ada@example.com")];
  await expect(requireSingleSignOn(desk, true, ada)).rejects.toMatchObject({
    code: "single_sign_on_untried",
  });
  const vera = (await findActor(desk, "vera@example.com")) as Actor;
  await expect(requireSingleSignOn(desk, true, vera)).rejects.toMatchObject({ code: "not_allowed" });
  // Somebody who is no admin could not open the door again.
  provider.person.email = "vera@example.com";
  const theirs = browser();
  await theirs.comeIn();
  await expect(requireSingleSignOn(desk, true, ada)).rejects.toMatchObject({
    code: "single_sign_on_untried",
  });

  provider.person.email = "ada@example.com";
  const mine = browser();
  await mine.comeIn();
  await requireSingleSignOn(desk, true, ada);
  await requireSingleSignOn(desk, true, ada);
  // Sessions that a password opened are none any more, the admin's among them.
  expect(await resume(desk, before)).toBeNull();
  expect(await resume(desk, admins)).toBeNull();
  expect(await resume(desk, (await theirs.session()) as SignedIn)).not.toBeNull();
  expect(await resume(desk, (await mine.session()) as SignedIn)).not.toBeNull();
  for (const email of ["vera@example.com", "nobody@example.com"])
    await expect(byPassword(email)).rejects.toMatchObject({ code: "single_sign_on_only", status: 403 });
  // A cookie from before sessions said how they began counts as a password's.
  expect(sessionOf({ email: "vera@example.com", mark: before.mark })).toMatchObject({ by: "password" });

  await requireSingleSignOn(desk, false, systemActor);
  expect(await resume(desk, before)).not.toBeNull();
  const told = await database.sql`
    SELECT actor, data ->> 'to' AS "to" FROM driftdesk.audit_entries WHERE action = 'setting.changed' ORDER BY seq`;
  expect(told.map((row) => ({ ...row }))).toEqual([
    { actor: ada.email, to: "on" },
    { actor: "system", to: "off" },
  ]);
});

test("without a provider in the environment it does not count, so that nobody is locked out", async () => {
  provider.person.email = "ada@example.com";
  await browser().comeIn();
  await requireSingleSignOn(desk, true, ada);
  const session = await byPassword("vera@example.com").catch((error) => error.code);
  expect(session).toBe("single_sign_on_only");
  const without = { ...desk, environment: { ...desk.environment, oidc: undefined } };
  expect(await isSingleSignOnOnly(without)).toBe(false);
  await expect(requireSingleSignOn(without, true, ada)).rejects.toMatchObject({
    code: "single_sign_on_missing",
  });
});

test("an end of access and another role count at once, however somebody came in", async () => {
  provider.person.email = "vera@example.com";
  const theirs = browser();
  await theirs.comeIn();
  const session = (await theirs.session()) as SignedIn;
  await setRole(desk, "vera@example.com", "finance", ada);
  expect(await resume(desk, session)).toMatchObject({ role: "finance" });
  await deactivate(desk, "vera@example.com", ada);
  expect(await resume(desk, session)).toBeNull();
  expect(await browser().comeIn()).toContain("error=AccessDenied");
  await reactivate(desk, "vera@example.com", ada);
});
