import { createHash } from "node:crypto";
import type { Sql } from "postgres";
import { appendAudit } from "../audit/append.ts";
import type { Actor, Desk } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";
import { countAttempts } from "./attempts.ts";
import { verifyPassword } from "./password.ts";
import { isSingleSignOnOnly, type OnlyDoor } from "./single-sign-on.ts";
import { findActor, letInAgain } from "./users.ts";

type Door = Pick<Desk, "sql" | "now"> & OnlyDoor;

const ways = ["password", "single sign-on"] as const;
type Way = (typeof ways)[number];

/** What a session remembers. `mark` changes with the password and when access is given back, which ends older sessions. */
export interface SignedIn {
  email: string;
  mark: string;
  /** How they came in: where single sign-on is the only way, a password's session is none. */
  by: Way;
}

/** What a session cookie says, when it says all of it. */
export function sessionOf(cookie: { email?: unknown; mark?: unknown; by?: unknown }): SignedIn | null {
  const { email, mark } = cookie;
  if (typeof email !== "string" || typeof mark !== "string") return null;
  // Cookies from before single sign-on could be required do not say.
  return { email, mark, by: ways.find((way) => way === cookie.by) ?? "password" };
}

/**
 * Signs in by password. Errors: `sign_in_failed` (nobody learns whether the address or the password was wrong),
 * `sign_in_limited`, `single_sign_on_only`.
 */
export async function signInWithPassword(
  desk: Door,
  given: { email: string; password: string; address: string },
): Promise<SignedIn & { name: string }> {
  const email = given.email.trim().toLowerCase().slice(0, 200);
  if (await isSingleSignOnOnly(desk)) {
    await auditFailure(desk, email, "password", "single sign-on is the only way in");
    throw new DriftdeskError("single_sign_on_only", "Passwords are switched off here. Use single sign-on.", {
      status: 403,
    });
  }
  const attempts = countAttempts(desk.sql, email, given.address);
  try {
    await attempts.begin();
  } catch (error) {
    await auditFailure(desk, email, "password", "too many attempts");
    throw error;
  }
  const user = await findUser(desk.sql, email);
  if (!(await verifyPassword(given.password.slice(0, 1_000), user?.passwordHash)) || !user) {
    await auditFailure(desk, email, "password", "wrong address or password");
    throw new DriftdeskError("sign_in_failed", "The address or the password is wrong.", { status: 401 });
  }
  await attempts.succeeded();
  await auditSuccess(desk, email, "password");
  return { email, name: user.name, mark: markOf(user), by: "password" };
}

/** Lets somebody in whom single sign-on vouches for, when they are a user here. Null: they are not. */
export async function signInByVoucher(
  desk: Door,
  voucher: { email: string | null | undefined; verified: boolean },
): Promise<SignedIn | null> {
  const email = (voucher.email ?? "").trim().toLowerCase().slice(0, 200);
  const user = await findUser(desk.sql, email);
  if (!user || !voucher.verified) {
    const why = user ? "the provider has not verified the address" : "not a user of this desk";
    await auditFailure(desk, email, "single sign-on", why);
    return null;
  }
  await auditSuccess(desk, email, "single sign-on");
  return { email, mark: markOf(user), by: "single sign-on" };
}

/** Who a session belongs to, as of now: a changed role counts at once, a changed password or deactivation ends it. */
export async function resume(desk: Pick<Desk, "sql"> & OnlyDoor, session: SignedIn): Promise<Actor | null> {
  if (session.by === "password" && (await isSingleSignOnOnly(desk))) return null;
  const user = await findUser(desk.sql, session.email);
  if (!user || markOf(user) !== session.mark) return null;
  return findActor(desk, session.email);
}

interface User {
  name: string;
  passwordHash: string | null;
  /** Another value each time that they were let in again after an end of their access. */
  letInAgain: string | null;
}

async function findUser(sql: Sql, email: string): Promise<User | null> {
  const [user] = await sql<User[]>`
    SELECT u.name, u.password_hash AS "passwordHash",
           (SELECT s.value #>> '{}' FROM driftdesk.settings s WHERE s.name = ${letInAgain(sql)}) AS "letInAgain"
    FROM driftdesk.users u WHERE lower(u.email) = ${email} AND u.deactivated_at IS NULL`;
  return user ?? null;
}

/** Whoever is let in again signs in anew: a session from before the end of their access does not come back. */
const markOf = ({ passwordHash, letInAgain: value }: User): string =>
  createHash("sha256")
    .update(`${passwordHash ?? ""}${value ?? ""}`)
    .digest("base64url")
    .slice(0, 16);

async function auditSuccess(desk: Door, email: string, by: Way): Promise<void> {
  const at = desk.now();
  await desk.sql.begin(async (tx) => {
    await tx`DELETE FROM driftdesk.sign_in_attempts WHERE expire < ${Date.now()}`;
    await tx`
      UPDATE driftdesk.users
      SET last_sign_in_at = ${at},
          last_single_sign_on_at = CASE WHEN ${by === "single sign-on"} THEN ${at} ELSE last_single_sign_on_at END
      WHERE lower(email) = ${email}`;
    await appendAudit(tx, [{ actor: email, action: "sign_in.succeeded", subject: email, data: { by } }], at);
  });
}

async function auditFailure(desk: Door, email: string, by: Way, why: string): Promise<void> {
  // The one who tried is not known to be the one whose address was given: it stands as the subject, not as the actor.
  const entry = {
    actor: "system",
    action: "sign_in.failed" as const,
    subject: email,
    data: { by, why },
  };
  await desk.sql.begin((tx) => appendAudit(tx, [entry], desk.now()));
}
