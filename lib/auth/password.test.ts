import { expect, test } from "vitest";
import { hashPassword, verifyPassword } from "./password.ts";

test("a password is verified by its hash, and by no other", async () => {
  const hash = await hashPassword("correct horse battery staple");
  expect(await verifyPassword("correct horse battery staple", hash)).toBe(true);
  expect(await verifyPassword("correct horse battery stapler", hash)).toBe(false);
  expect(await verifyPassword("", hash)).toBe(false);
});

test("a hash carries its own salt and at least OWASP's cost", async () => {
  const [one, other] = [await hashPassword("same"), await hashPassword("same")];
  expect(one).not.toBe(other);
  expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
});

test("a hash that another implementation made with another cost is understood", async () => {
  // From the tests of the reference implementation.
  const hash = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
  expect(await verifyPassword("password", hash)).toBe(true);
  expect(await verifyPassword("Password", hash)).toBe(false);
});

test("the same letters typed on two keyboards are one password", async () => {
  expect(await verifyPassword("caf\u00e9", await hashPassword("cafe\u0301"))).toBe(true);
});

test("nobody has the password of a user without one", async () => {
  expect(await verifyPassword("", null)).toBe(false);
  expect(await verifyPassword("anything", undefined)).toBe(false);
});
