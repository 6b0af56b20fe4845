import { afterEach, beforeEach, expect, test } from "vitest";
import { appendAudit } from "../audit/append.ts";
import { exportAudit } from "../audit/export.ts";
import { type FreshDatabase, freshDatabase } from "../db/testing.ts";
import { type Actor, systemActor } from "../desk.ts";
import { resume, signInByVoucher, signInWithPassword } from "./sign-in.ts";
import { addUser, deactivate, reactivate, setPassword, setRole } from "./users.ts";
import { whileAllowed } from "./while-allowed.ts";

const now = () => new Date("2026-11-24T12:00:00Z");
const password = "correct horse battery";
const email = "vera@example.com";
let database: FreshDatabase;
let desk: {
  sql: FreshDatabase["sql"];
  now: () => Date;
  environment: { oidc: undefined; auditSigningKey: undefined };
};
const admin = { email: "root@example.com", name: "Root", role: "admin" as const };

beforeEach(async () => {
  database = await freshDatabase({ migrated: true });
  desk = { sql: database.sql, now, environment: { oidc: undefined, auditSigningKey: undefined } };
  await addUser(desk, { email, role: "viewer", password }, systemActor);
});
afterEach(() => database.drop());

const signIn = (given: Partial<{ email: string; password: string; address: string }> = {}) =>
  signInWithPassword(desk, { email, password, address: "10.0.0.1", ...given });
const history = async () =>
  (
    await database.sql<{ action: string; subject: string; data: { why?: string } }[]>`
      SELECT action, subject, data FROM driftdesk.audit_entries WHERE action LIKE 'sign_in.%' ORDER BY seq`
  ).map(({ action, subject, data }) => [action, subject, data.why]);

test("the right password signs in, whatever the address's case, and is kept in the history", async () => {
  const session = await signIn({ email: " Vera@Example.com " });
  expect(await resume(desk, session)).toEqual({ email, name: "Vera", role: "viewer" });
  expect(await history()).toEqual([["sign_in.succeeded", email, undefined]]);
  const [user] = await database.sql`SELECT last_sign_in_at FROM driftdesk.users`;
  expect(user?.last_sign_in_at).toEqual(now());
});

test("a wrong password and an unknown address are refused in the same words", async () => {
  const wrong = await signIn({ password: "wrong" }).catch((error) => error);
  const unknown = await signIn({ email: "nobody@example.com" }).catch((error) => error);
  expect(wrong).toMatchObject({ code: "sign_in_failed", status: 401 });
  expect(unknown).toMatchObject({ code: wrong.code, message: wrong.message });
  expect(await history()).toEqual([
    ["sign_in.failed", email, "wrong address or password"],
    ["sign_in.failed", "nobody@example.com", "wrong address or password"],
  ]);
});

test("guessing is stopped after five failures, the right password too, and only there", async () => {
  for (let i = 0; i < 5; i++) await signIn({ password: `guess ${i}` }).catch(() => {});
  await expect(signIn()).rejects.toMatchObject({ code: "sign_in_limited", status: 429 });
  await expect(signIn({ address: "10.0.0.2" })).resolves.toBeDefined();
});

test("neither the limit nor the time of an answer tells whether an address exists", async () => {
  const stranger = "nobody@example.com";
  const answers = async (given: string) => {
    const told: { code: string; message: string; ms: number }[] = [];
    for (let guess = 0; guess < 7; guess++) {
      const begun = performance.now();
      const error = await signIn({ email: given, password: `guess ${guess}` }).catch((refusal) => refusal);
      told.push({ code: error.code, message: error.message, ms: performance.now() - begun });
    }
    return told;
  };
  const [known, unknown] = [await answers(email), await answers(stranger)];
  const said = (told: typeof known) => told.map(({ code, message }) => `${code} ${message}`);
  expect(said(unknown)).toEqual(said(known));
  expect(known.map(({ code }) => code).slice(4)).toEqual([
    "sign_in_failed",
    "sign_in_limited",
    "sign_in_limited",
  ]);
  // The hash is the dear part: an answer without one would come in a fraction of the time.
  const quickest = (told: typeof known) => Math.min(...told.slice(0, 5).map(({ ms }) => ms));
  expect(quickest(unknown)).toBeGreaterThan(quickest(known) / 2);
  // Somebody who has left, or has no password, is no different.
  await deactivate(desk, email, admin);
  await database.sql`DELETE FROM driftdesk.sign_in_attempts`;
  const gone = await answers(email);
  expect(said(gone)).toEqual(said(known));
  expect(quickest(gone)).toBeGreaterThan(quickest(known) / 2);
});

test("guesses made all at once are not more guesses", async () => {
  const results = await Promise.all(
    Array.from({ length: 20 }, (_, i) => signIn({ password: `guess ${i}` }).catch((error) => error.code)),
  );
  expect(results.filter((code) => code === "sign_in_failed")).toHaveLength(5);
  expect(results.filter((code) => code === "sign_in_limited")).toHaveLength(15);
});

test("guesses from ever new places are stopped too", async () => {
  const codes: string[] = [];
  for (let i = 0; i < 30; i++)
    codes.push(await signIn({ password: "guess", address: `10.0.1.${i}` }).catch((error) => error.code));
  expect(codes.slice(0, 25)).toEqual(Array(25).fill("sign_in_failed"));
  expect(codes.slice(25)).toEqual(Array(5).fill("sign_in_limited"));
});

test("a success forgets the failures before it", async () => {
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 4; i++) await signIn({ password: "typo" }).catch(() => {});
    await expect(signIn()).resolves.toBeDefined();
  }
});

test("a changed role counts in a session that is open", async () => {
  const session = await signIn();
  await setRole(desk, email, "finance", admin);
  expect((await resume(desk, session))?.role).toBe("finance");
});

test("a changed password and a deactivation end open sessions", async () => {
  const session = await signIn();
  await setPassword(desk, email, "another long password", systemActor);
  expect(await resume(desk, session)).toBeNull();
  const next = await signIn({ password: "another long password" });
  expect(await resume(desk, next)).not.toBeNull();
  await deactivate(desk, email, admin);
  expect(await resume(desk, next)).toBeNull();
  await expect(signIn({ password: "another long password" })).rejects.toMatchObject({
    code: "sign_in_failed",
  });
  // Let in again, they sign in anew: what somebody may still hold of before does not come back, however often.
  for (let time = 0; time < 2; time++) {
    await reactivate(desk, email, admin);
    expect(await resume(desk, next)).toBeNull();
    const anew = await signIn({ password: "another long password" });
    expect(await resume(desk, anew)).not.toBeNull();
    await deactivate(desk, email, admin);
    await reactivate(desk, email, admin);
    expect(await resume(desk, anew)).toBeNull();
    await deactivate(desk, email, admin);
  }
});

test("a long export breaks off when the access of whoever takes it ends", async () => {
  await setRole(desk, email, "finance", admin);
  const session = await signIn();
  const actor = (await resume(desk, session)) as Actor;
  const entry = { actor: "system", action: "discrepancy.woken" as const };
  await appendAudit(database.sql, Array(3_000).fill(entry), now());
  const pieces = await exportAudit(desk, { format: "jsonl", filter: {} }, actor);
  const sent = whileAllowed(pieces, async () => (await resume(desk, session)) !== null);
  const first = await sent.next();
  expect(String(first.value).trim().split("\n")).toHaveLength(1_000);
  await deactivate(desk, email, admin);
  await expect(sent.next()).rejects.toMatchObject({ code: "access_ended" });
});

test("single sign-on lets in who is a user here and verified there", async () => {
  expect(await signInByVoucher(desk, { email: "Vera@example.com", verified: true })).toMatchObject({ email });
  expect(await signInByVoucher(desk, { email, verified: false })).toBeNull();
  expect(await signInByVoucher(desk, { email: "stranger@example.com", verified: true })).toBeNull();
  expect(await history()).toEqual([
    ["sign_in.succeeded", email, undefined],
    ["sign_in.failed", email, "the provider has not verified the address"],
    ["sign_in.failed", "stranger@example.com", "not a user of this desk"],
  ]);
});
