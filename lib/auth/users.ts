import type { Sql, TransactionSql } from "postgres";
import { z } from "zod";
import { type AuditDraft, appendAudit } from "../audit/append.ts";
import { type Role, roles } from "../db/schema.ts";
import type { Actor, Desk } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";
import { countAttempts } from "./attempts.ts";
import { hashPassword, verifyPassword } from "./password.ts";
import { authorise } from "./permissions.ts";

type People = Pick<Desk, "sql" | "now">;

export interface UserView {
  email: string;
  name: string;
  role: Role;
  hasPassword: boolean;
  createdAt: Date;
  lastSignInAt: Date | null;
  lastSingleSignOnAt: Date | null;
  deactivatedAt: Date | null;
}

export const newUserSchema = z.object({
  email: z
    .email("is not an e-mail address")
    .max(200)
    .transform((email) => email.toLowerCase()),
  name: z.string().trim().min(1).max(200).optional(),
  role: z.enum(roles, { error: `is none of the roles ${roles.join(", ")}` }),
  /** Without one the user signs in through single sign-on only. */
  password: z
    .string()
    .min(12, "is too short: take at least 12 characters")
    .max(1_000, "is too long")
    .optional(),
});
export type NewUser = z.input<typeof newUserSchema>;

/** Adds a user. Errors: `user_invalid`, `user_exists`. */
export async function addUser(desk: People, user: NewUser, actor: Actor): Promise<UserView> {
  if (actor.role !== "system") authorise(actor, "manage_users");
  const { email, name, role, password } = parse(newUserSchema, user);
  const hash = password === undefined ? null : await hashPassword(password);
  await desk.sql.begin(async (tx) => {
    const added = await tx`
      INSERT INTO driftdesk.users (email, name, role, password_hash, created_at)
      VALUES (${email}, ${name ?? nameFrom(email)}, ${role}, ${hash}, ${desk.now()})
      ON CONFLICT (lower(email)) DO NOTHING
      RETURNING id`;
    if (added.length === 0)
      throw new DriftdeskError("user_exists", `There is a user ${email} already.`, { status: 409 });
    await audit(tx, desk, actor, { action: "user.added", subject: email, data: { role } });
  });
  return (await listUsers(desk, email))[0] as UserView;
}

/** Gives a user another role; it counts from the user's next request on. */
export async function setRole(desk: People, email: string, role: Role, actor: Actor): Promise<void> {
  authorise(actor, "manage_users");
  await desk.sql.begin(async (tx) => {
    const user = await lock(tx, email);
    if (user.role === role) return;
    if (user.role === "admin") await keepAnAdmin(tx, user.email);
    await tx`UPDATE driftdesk.users SET role = ${role} WHERE id = ${user.id}`;
    const data = { from: user.role, to: role };
    await audit(tx, desk, actor, { action: "user.role_changed", subject: user.email, data });
  });
}

/** Ends a user's access at once. What they did stays in the history under their name. */
export async function deactivate(desk: People, email: string, actor: Actor): Promise<void> {
  authorise(actor, "manage_users");
  await desk.sql.begin(async (tx) => {
    const user = await lock(tx, email);
    if (user.role === "admin") await keepAnAdmin(tx, user.email);
    await tx`UPDATE driftdesk.users SET deactivated_at = ${desk.now()} WHERE id = ${user.id}`;
    await audit(tx, desk, actor, { action: "user.deactivated", subject: user.email });
  });
}

/** Lets a user in again, in the role that they had, with the password that they had. Old sessions stay ended. */
export async function reactivate(desk: People, email: string, actor: Actor): Promise<void> {
  authorise(actor, "manage_users");
  await desk.sql.begin(async (tx) => {
    const [user] = await tx<{ id: string; email: string }[]>`
      UPDATE driftdesk.users SET deactivated_at = NULL
      WHERE lower(email) = ${email.toLowerCase()} AND deactivated_at IS NOT NULL RETURNING id, email`;
    if (!user)
      throw new DriftdeskError("user_unknown", `There is no deactivated user ${email}.`, { status: 404 });
    await tx`
      INSERT INTO driftdesk.settings (name, value, changed_by, changed_at)
      SELECT ${letInAgain(tx)}, to_jsonb(gen_random_uuid()), ${actor.email}, ${desk.now()}
      FROM driftdesk.users u WHERE u.id = ${user.id}
      ON CONFLICT (name) DO UPDATE SET value = excluded.value, changed_by = excluded.changed_by, changed_at = excluded.changed_at`;
    await audit(tx, desk, actor, { action: "user.reactivated", subject: user.email });
  });
}

/** Sets a user's password, their own or, for an admin, anybody's. Their sessions end. */
export async function setPassword(
  desk: People,
  email: string,
  password: string,
  actor: Actor,
): Promise<void> {
  if (actor.role !== "system" && actor.email !== email.toLowerCase()) authorise(actor, "manage_users");
  const checked = parse(newUserSchema.pick({ password: true }).required(), { password });
  const hash = await hashPassword(checked.password);
  await desk.sql.begin(async (tx) => {
    const user = await lock(tx, email);
    await tx`UPDATE driftdesk.users SET password_hash = ${hash} WHERE id = ${user.id}`;
    await audit(tx, desk, actor, { action: "user.password_changed", subject: user.email });
  });
}

/** The setting that tells the sessions of a user `u` since they were let in again from those before. */
export const letInAgain = (sql: Sql | TransactionSql) => sql`'let in again ' || u.id`;

/**
 * Changes somebody's own password, who knows the old one. Their sessions end, this one too. Errors: `password_wrong`,
 * `sign_in_limited` after five guesses, `user_invalid`.
 */
export async function changeOwnPassword(
  desk: People,
  given: { current: string; next: string },
  actor: Actor,
): Promise<void> {
  // Whoever finds a session open must not be able to try passwords in it without end.
  const attempts = countAttempts(desk.sql, actor.email.toLowerCase(), "own password");
  await attempts.begin();
  const [user] = await desk.sql<{ hash: string | null }[]>`
    SELECT password_hash AS hash FROM driftdesk.users
    WHERE lower(email) = ${actor.email.toLowerCase()} AND deactivated_at IS NULL`;
  if (!(await verifyPassword(given.current.slice(0, 1_000), user?.hash)))
    throw new DriftdeskError("password_wrong", "The present password is another one.", { status: 403 });
  await setPassword(desk, actor.email, given.next, actor);
  await attempts.succeeded();
}

/** Everybody, or the one with this address. */
export async function listUsers(desk: Pick<Desk, "sql">, email?: string): Promise<UserView[]> {
  return desk.sql<UserView[]>`
    SELECT email, name, role, password_hash IS NOT NULL AS "hasPassword", created_at AS "createdAt",
           last_sign_in_at AS "lastSignInAt",
           last_single_sign_on_at AS "lastSingleSignOnAt", deactivated_at AS "deactivatedAt"
    FROM driftdesk.users
    ${email === undefined ? desk.sql`` : desk.sql`WHERE lower(email) = ${email.toLowerCase()}`}
    ORDER BY lower(email)`;
}

/** The person behind an address, when they may still get in. */
export async function findActor(desk: Pick<Desk, "sql">, email: string): Promise<Actor | null> {
  const [user] = await listUsers(desk, email);
  if (!user || user.deactivatedAt !== null) return null;
  return { email: user.email, name: user.name, role: user.role };
}

interface LockedUser {
  id: string;
  email: string;
  role: Role;
}

async function lock(tx: TransactionSql, email: string): Promise<LockedUser> {
  // One change of people at a time: two admins who demote each other must not both succeed.
  await tx`SELECT pg_advisory_xact_lock(hashtextextended('driftdesk users', 0))`;
  const [user] = await tx<LockedUser[]>`
    SELECT id, email, role FROM driftdesk.users
    WHERE lower(email) = ${email.toLowerCase()} AND deactivated_at IS NULL`;
  if (user) return user;
  throw new DriftdeskError("user_unknown", `There is no active user ${email}.`, { status: 404 });
}

/** Without an admin nobody could add one any more. */
async function keepAnAdmin(tx: TransactionSql, leaving: string): Promise<void> {
  const admins = await tx<{ email: string }[]>`
    SELECT email FROM driftdesk.users WHERE role = 'admin' AND deactivated_at IS NULL`;
  if (admins.some((admin) => admin.email !== leaving)) return;
  throw new DriftdeskError("last_admin", `${leaving} is the only admin. Make somebody else an admin first.`, {
    status: 409,
  });
}

function audit(tx: TransactionSql, desk: People, actor: Actor, entry: Omit<AuditDraft, "actor">) {
  return appendAudit(tx, [{ actor: actor.email, ...entry }], desk.now());
}

function parse<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const what = parsed.error.issues.map((issue) => `The ${issue.path.join(".")} ${issue.message}.`).join(" ");
  throw new DriftdeskError("user_invalid", what, { status: 400 });
}

/** "grace.hopper@example.com" → "Grace Hopper": a start that people can read. */
function nameFrom(email: string): string {
  return email
    .split("@", 1)
    .join()
    .split(/[._-]+/)
    .filter((part) => part !== "")
    .map((part) => part.charAt(0).toUpperCase() + part.slice(1))
    .join(" ");
}
