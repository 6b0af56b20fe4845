import { afterEach, beforeEach, expect, test } from "vitest";
import { type FreshDatabase, freshDatabase } from "../db/testing.ts";
import { type Actor, systemActor } from "../desk.ts";
import { verifyPassword } from "./password.ts";
import {
  addUser,
  changeOwnPassword,
  deactivate,
  findActor,
  listUsers,
  reactivate,
  setPassword,
  setRole,
} from "./users.ts";

const now = () => new Date("2026-11-24T12:00:00Z");
let database: FreshDatabase;
let desk: { sql: FreshDatabase["sql"]; now: () => Date };
let ada: Actor;

beforeEach(async () => {
  database = await freshDatabase({ migrated: true });
  desk = { sql: database.sql, now };
  await addUser(
    desk,
    { email: "Ada.Lovelace@Example.com", role: "admin", password: "a long password" },
    systemActor,
  );
  ada = (await findActor(desk, "ada.lovelace@example.com")) as Actor;
});
afterEach(() => database.drop());

const history = async () =>
  (await database.sql`SELECT actor, action, subject, data FROM driftdesk.audit_entries ORDER BY seq`).map(
    (row) => ({ ...row }),
  );

test("a user is added with a name, a hashed password and an entry in the history", async () => {
  expect(ada).toEqual({ email: "ada.lovelace@example.com", name: "Ada Lovelace", role: "admin" });
  const [row] = await database.sql`SELECT password_hash FROM driftdesk.users`;
  expect(row?.password_hash).not.toContain("a long password");
  expect(await verifyPassword("a long password", row?.password_hash)).toBe(true);
  expect(await history()).toEqual([
    { actor: "system", action: "user.added", subject: "ada.lovelace@example.com", data: { role: "admin" } },
  ]);
});

test("an address is taken once, whatever its case", async () => {
  await expect(
    addUser(desk, { email: "ADA.lovelace@example.com", role: "viewer" }, ada),
  ).rejects.toMatchObject({ code: "user_exists" });
});

test("what is wrong with a new user is said", async () => {
  await expect(
    addUser(desk, { email: "nobody", role: "viewer", password: "short" }, ada),
  ).rejects.toMatchObject({ code: "user_invalid", message: expect.stringMatching(/email.*password.*12/) });
});

test("only who may manage people adds, promotes or deactivates them", async () => {
  await addUser(desk, { email: "fin@example.com", role: "finance" }, ada);
  const fin = (await findActor(desk, "fin@example.com")) as Actor;
  await expect(addUser(desk, { email: "x@example.com", role: "viewer" }, fin)).rejects.toMatchObject({
    code: "not_allowed",
  });
  await expect(setRole(desk, fin.email, "admin", fin)).rejects.toMatchObject({ code: "not_allowed" });
  await expect(deactivate(desk, ada.email, fin)).rejects.toMatchObject({ code: "not_allowed" });
  await expect(setPassword(desk, ada.email, "another password", fin)).rejects.toMatchObject({
    code: "not_allowed",
  });
});

test("roles, passwords and deactivation take effect at once and are kept in the history", async () => {
  await addUser(desk, { email: "sue@example.com", role: "viewer" }, ada);
  await setRole(desk, "Sue@example.com", "support", ada);
  expect((await findActor(desk, "sue@example.com"))?.role).toBe("support");
  await setPassword(desk, "sue@example.com", "a brand-new password", ada);
  expect((await listUsers(desk, "sue@example.com"))[0]?.hasPassword).toBe(true);
  await deactivate(desk, "sue@example.com", ada);
  expect(await findActor(desk, "sue@example.com")).toBeNull();
  await expect(setRole(desk, "sue@example.com", "admin", ada)).rejects.toMatchObject({
    code: "user_unknown",
  });
  expect((await history()).slice(1)).toEqual([
    { actor: ada.email, action: "user.added", subject: "sue@example.com", data: { role: "viewer" } },
    {
      actor: ada.email,
      action: "user.role_changed",
      subject: "sue@example.com",
      data: { from: "viewer", to: "support" },
    },
    { actor: ada.email, action: "user.password_changed", subject: "sue@example.com", data: {} },
    { actor: ada.email, action: "user.deactivated", subject: "sue@example.com", data: {} },
  ]);
});

test("whoever was let go comes back in the role that they had, by an admin's word alone", async () => {
  await addUser(desk, { email: "sue@example.com", role: "support" }, ada);
  await expect(reactivate(desk, "sue@example.com", ada)).rejects.toMatchObject({ code: "user_unknown" });
  await deactivate(desk, "sue@example.com", ada);
  const fin = { email: "fin@example.com", name: "Fin", role: "finance" } as const;
  await expect(reactivate(desk, "sue@example.com", fin)).rejects.toMatchObject({ code: "not_allowed" });
  await reactivate(desk, "Sue@example.com", ada);
  expect(await findActor(desk, "sue@example.com")).toMatchObject({ role: "support" });
  expect((await history()).at(-1)).toMatchObject({ actor: ada.email, action: "user.reactivated" });
});

test("people change their own password, with the old one, and not by guessing it", async () => {
  const next = "a longer password";
  const change = (current: string, to = next) => changeOwnPassword(desk, { current, next: to }, ada);
  await expect(change("a wrong password")).rejects.toMatchObject({ code: "password_wrong" });
  await expect(change("a long password", "short")).rejects.toMatchObject({ code: "user_invalid" });
  await change("a long password");
  const [row] = await database.sql`SELECT password_hash FROM driftdesk.users`;
  expect(await verifyPassword(next, row?.password_hash)).toBe(true);
  expect((await history()).at(-1)).toMatchObject({ actor: ada.email, action: "user.password_changed" });
  // Somebody who has none, because they come in by single sign-on, gets none this way.
  await addUser(desk, { email: "sso@example.com", role: "viewer" }, ada);
  const sso = (await findActor(desk, "sso@example.com")) as Actor;
  await expect(changeOwnPassword(desk, { current: "", next }, sso)).rejects.toMatchObject({
    code: "password_wrong",
  });
  const codes: string[] = [];
  for (let guess = 0; guess < 6; guess++)
    codes.push(await change(`guess ${guess}`).catch((error) => error.code));
  expect(codes).toEqual([...Array(5).fill("password_wrong"), "sign_in_limited"]);
});

test("there is always an admin left, also when two demote each other at the same moment", async () => {
  await expect(setRole(desk, ada.email, "viewer", ada)).rejects.toMatchObject({ code: "last_admin" });
  await addUser(desk, { email: "bob@example.com", role: "admin" }, ada);
  const bob = (await findActor(desk, "bob@example.com")) as Actor;
  const results = await Promise.allSettled([
    setRole(desk, bob.email, "viewer", ada),
    setRole(desk, ada.email, "viewer", bob),
  ]);
  expect(results.map((result) => result.status).sort()).toEqual(["fulfilled", "rejected"]);
  expect((await listUsers(desk)).filter((user) => user.role === "admin")).toHaveLength(1);
});
