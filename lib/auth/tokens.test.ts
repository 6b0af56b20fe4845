import { afterAll, beforeAll, expect, test } from "vitest";
import { type FreshDatabase, freshDatabase } from "../db/testing.ts";
import { type Actor, systemActor } from "../desk.ts";
import { authorise, permissions, scopePermissions, scopes } from "./permissions.ts";
import { createToken, listTokens, type NewToken, revokeToken, tokenActor } from "./tokens.ts";
import { addUser, deactivate, findActor, reactivate, setRole } from "./users.ts";

let time = new Date("2026-11-24T12:00:00Z");
const pass = (ms: number) => {
  time = new Date(time.getTime() + ms);
};
let database: FreshDatabase;
let desk: { sql: FreshDatabase["sql"]; now: () => Date };
let ada: Actor;
let bob: Actor;

beforeAll(async () => {
  database = await freshDatabase({ migrated: true });
  desk = { sql: database.sql, now: () => time };
  const admin = async (email: string) => {
    await addUser(desk, { email, role: "admin" }, systemActor);
    return (await findActor(desk, email)) as Actor;
  };
  ada = await admin("ada@example.com");
  bob = await admin("bob@example.com");
});
afterAll(() => database.drop());

let names = 0;
const make = async (given: Partial<NewToken> = {}, actor = ada) => {
  names += 1;
  const name = given.name ?? `token ${names}`;
  const { token } = await createToken(desk, { scopes: ["runs:read"], ...given, name }, actor);
  const view = (await listTokens(desk)).find((one) => one.name === name);
  return { token, name, id: view?.id ?? 0 };
};
const state = async (id: number) => (await listTokens(desk)).find((one) => one.id === id);
const refused = (code: string) => expect.objectContaining({ code, status: 401 });

test("a token is a secret of 256 random bits that nothing here holds", async () => {
  const { token, name } = await make();
  const other = await make();
  expect(token).toMatch(/^dd_[A-Za-z0-9_-]{43}$/);
  expect(other.token).not.toBe(token);
  const [row] = await database.sql<{ held: string }[]>`
    SELECT (SELECT jsonb_agg(t)::text FROM driftdesk.api_tokens t) || (SELECT jsonb_agg(e)::text FROM driftdesk.audit_entries e) AS held`;
  expect(row?.held).toContain(name);
  expect(row?.held).not.toContain(token.slice(3));
  expect(row?.held).not.toContain(Buffer.from(token).toString("hex"));
  expect((await listTokens(desk)).find((one) => one.name === name)).toMatchObject({
    hint: token.slice(-4),
    createdBy: "Ada",
    lastUsedAt: null,
    state: "works",
  });
});

test("a token may do exactly what its scopes say", async () => {
  for (const scope of scopes) {
    const actor = await tokenActor(desk, (await make({ scopes: [scope] })).token);
    expect(actor).toMatchObject({ role: "token", email: expect.stringMatching(/^token:token \d+$/) });
    for (const permission of permissions)
      if (permission === scopePermissions[scope]) expect(() => authorise(actor, permission)).not.toThrow();
      else
        expect(() => authorise(actor, permission)).toThrow(
          expect.objectContaining({ code: "not_allowed", status: 403 }),
        );
  }
  // Nothing that a scope can allow decides on anything.
  const decides = ["decide", "decide_money", "bulk", "manage_users", "manage_tokens"];
  expect(Object.values(scopePermissions).filter((permission) => decides.includes(permission))).toEqual([]);
});

test("what is revoked, expired, cut short or made up is refused", async () => {
  const revoked = await make();
  const expiring = await make({ expiresAt: new Date(time.getTime() + 60_000) });
  await tokenActor(desk, revoked.token);
  await tokenActor(desk, expiring.token);
  await revokeToken(desk, revoked.id, bob);
  await revokeToken(desk, revoked.id, bob);
  await expect(tokenActor(desk, revoked.token)).rejects.toEqual(refused("token_revoked"));
  pass(60_000);
  await expect(tokenActor(desk, expiring.token)).rejects.toEqual(refused("token_expired"));
  expect((await state(expiring.id))?.state).toBe("expired");
  for (const other of [
    "",
    "dd_",
    expiring.token.slice(0, -1),
    `${expiring.token}a`,
    revoked.token.toLowerCase(),
  ])
    await expect(tokenActor(desk, other)).rejects.toEqual(refused("token_unknown"));
  // The name is free again.
  await make({ name: revoked.name });
  const told = await database.sql`
    SELECT action || ' by ' || actor AS told FROM driftdesk.audit_entries WHERE subject = ${revoked.name} ORDER BY seq`;
  expect(told.map((row) => row.told)).toEqual([
    "token.created by ada@example.com",
    "token.revoked by bob@example.com",
    "token.created by ada@example.com",
  ]);
});

test("a token does not outlive the rights of whoever made it", async () => {
  const { token, id } = await make({ scopes: ["audit:export", "runs:read"] }, bob);
  await setRole(desk, bob.email, "support", ada);
  expect((await tokenActor(desk, token)).scopes).toEqual(["runs:read"]);
  await deactivate(desk, bob.email, ada);
  await expect(tokenActor(desk, token)).rejects.toEqual(refused("token_revoked"));
  expect((await state(id))?.state).toBe("creator_gone");
  await reactivate(desk, bob.email, ada);
  expect((await tokenActor(desk, token)).scopes).toEqual(["runs:read"]);
  await setRole(desk, bob.email, "admin", ada);
  expect((await tokenActor(desk, token)).scopes).toEqual(["audit:export", "runs:read"]);
});

test("its last use is known to the minute, and not written more often", async () => {
  const { token, id } = await make();
  const used = async () => (await state(id))?.lastUsedAt;
  await tokenActor(desk, token);
  const first = time;
  expect(await used()).toEqual(first);
  pass(59_000);
  await tokenActor(desk, token);
  expect(await used()).toEqual(first);
  pass(1_000);
  await tokenActor(desk, token);
  expect(await used()).toEqual(time);
});

test("only admins make and revoke them, and what is wrong with a new one is said", async () => {
  await addUser(desk, { email: "fin@example.com", role: "finance" }, ada);
  const fin = (await findActor(desk, "fin@example.com")) as Actor;
  const { id, name, token } = await make();
  await expect(make({}, fin)).rejects.toMatchObject({ code: "not_allowed" });
  await expect(revokeToken(desk, id, fin)).rejects.toMatchObject({ code: "not_allowed" });
  await expect(make({}, await tokenActor(desk, token))).rejects.toMatchObject({ code: "not_allowed" });
  await expect(make({ name: name.toUpperCase() })).rejects.toMatchObject({ code: "token_exists" });
  for (const [given, what] of [
    [{ name: " " }, /The name needs/],
    [{ name: "a\nb" }, /The name needs/],
    [{ scopes: [] }, /The scopes are missing/],
    [{ scopes: ["everything"] as never }, /is none of runs:read/],
    [{ expiresAt: time }, /is over already/],
  ] as const)
    await expect(make(given as Partial<NewToken>)).rejects.toMatchObject({
      code: "token_invalid",
      message: expect.stringMatching(what),
    });
});
