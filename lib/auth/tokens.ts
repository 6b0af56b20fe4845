// API tokens: what a program shows in place of a person's session. Whoever is shown one is the only one to have it.
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { Sql } from "postgres";
import { z } from "zod";
import { appendAudit } from "../audit/append.ts";
import type { Role } from "../db/schema.ts";
import type { Actor, Desk } from "../desk.ts";
import { DriftdeskError } from "../errors.ts";
import { authorise, can, type Scope, scopePermissions, scopes } from "./permissions.ts";

type Tokens = Pick<Desk, "sql" | "now">;

/** Secret scanners look for what begins like this. */
const prefix = "dd_";

export const newTokenSchema = z.strictObject({
  name: z
    .string()
    .trim()
    .regex(
      /^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,59}$/u,
      "needs 1 to 60 letters, digits, blanks, dots, _ or -, and begins with a letter or digit",
    ),
  scopes: z
    .array(z.enum(scopes, { error: `is none of ${scopes.join(", ")}` }))
    .min(1, "are missing: choose at least one"),
  /** Until when it works; for ever when left out. */
  expiresAt: z.coerce.date().optional(),
});
export type NewToken = z.input<typeof newTokenSchema>;

export interface TokenView {
  id: number;
  name: string;
  /** Its last characters. */
  hint: string;
  scopes: Scope[];
  createdBy: string;
  createdAt: Date;
  expiresAt: Date | null;
  /** To the minute. */
  lastUsedAt: Date | null;
  /** Whether it works; if not, why. */
  state: "works" | "expired" | "creator_gone";
}

/** Makes a token and answers it, the only time that anybody sees it. Errors: `token_invalid`, `token_exists`. */
export async function createToken(desk: Tokens, given: NewToken, actor: Actor): Promise<{ token: string }> {
  authorise(actor, "manage_tokens");
  const { name, scopes: chosen, expiresAt } = parse(given, desk.now());
  const token = `${prefix}${randomBytes(32).toString("base64url")}`;
  await desk.sql.begin(async (tx) => {
    const made = await tx`
      INSERT INTO driftdesk.api_tokens (name, hash, hint, scopes, created_by, created_at, expires_at)
      SELECT ${name}, ${hashOf(token)}, ${token.slice(-4)}, ${[...new Set(chosen)]}, u.id, ${desk.now()}, ${expiresAt ?? null}
      FROM driftdesk.users u WHERE lower(u.email) = lower(${actor.email}) AND u.deactivated_at IS NULL
      ON CONFLICT (lower(name)) WHERE revoked_at IS NULL DO NOTHING
      RETURNING id`;
    if (made.length === 0)
      throw new DriftdeskError("token_exists", `There is a token ${name} already. Take another name.`, {
        status: 409,
      });
    const data = { scopes: chosen, expiresAt: expiresAt?.toISOString() ?? null };
    await appendAudit(tx, [{ actor: actor.email, action: "token.created", subject: name, data }], desk.now());
  });
  return { token };
}

function parse(given: NewToken, now: Date): z.output<typeof newTokenSchema> {
  const invalid = (what: string) => new DriftdeskError("token_invalid", what, { status: 400 });
  const parsed = newTokenSchema.safeParse(given);
  if (!parsed.success)
    throw invalid(
      parsed.error.issues.map(({ path, message }) => `The ${String(path[0])} ${message}.`).join(" "),
    );
  if (parsed.data.expiresAt && parsed.data.expiresAt <= now)
    throw invalid("The day on which it ends is over already. Choose a later one.");
  return parsed.data;
}

/** Ends a token at once. Twice is once. */
export async function revokeToken(desk: Tokens, id: number, actor: Actor): Promise<void> {
  authorise(actor, "manage_tokens");
  await desk.sql.begin(async (tx) => {
    const [token] = await tx<{ name: string }[]>`
      UPDATE driftdesk.api_tokens SET revoked_at = ${desk.now()}, revoked_by = ${actor.email}
      WHERE id = ${id} AND revoked_at IS NULL RETURNING name`;
    if (token)
      await appendAudit(
        tx,
        [{ actor: actor.email, action: "token.revoked", subject: token.name }],
        desk.now(),
      );
  });
}

/** Those that are not revoked, by name. */
export async function listTokens(desk: Tokens): Promise<TokenView[]> {
  return desk.sql<TokenView[]>`
    SELECT t.id, t.name, t.hint, t.scopes, u.name AS "createdBy", t.created_at AS "createdAt", t.expires_at AS "expiresAt",
           t.last_used_at AS "lastUsedAt",
           CASE WHEN u.deactivated_at IS NOT NULL THEN 'creator_gone' WHEN t.expires_at <= ${desk.now()} THEN 'expired'
                ELSE 'works' END AS state
    FROM driftdesk.api_tokens t JOIN driftdesk.users u ON u.id = t.created_by
    WHERE t.revoked_at IS NULL ORDER BY lower(t.name)`;
}

/**
 * Whom a token speaks for: an actor of its own, with its scopes, as far as whoever made it may still do what they allow.
 * Errors, all with status 401: `token_unknown`, `token_revoked`, `token_expired`.
 */
export async function tokenActor(desk: Tokens, token: string): Promise<Actor> {
  const found = await find(desk.sql, hashOf(token));
  if (!found) throw refused("token_unknown", "This API token is not known here.");
  if (found.revokedAt !== null || found.creatorGone)
    throw refused("token_revoked", "This API token has been revoked, or whoever made it has left.");
  if (found.expiresAt !== null && found.expiresAt <= desk.now())
    throw refused("token_expired", "This API token has expired.");
  const now = desk.now();
  await desk.sql`
    UPDATE driftdesk.api_tokens SET last_used_at = ${now}
    WHERE id = ${found.id} AND coalesce(last_used_at <= ${new Date(now.getTime() - 60_000)}, true)`;
  return {
    email: `token:${found.name}`,
    name: found.name,
    role: "token",
    scopes: found.scopes.filter((scope) => can(found.creatorRole, scopePermissions[scope])),
  };
}

/** Whether this looks like one of ours, as opposed to any other bearer. */
export const isToken = (bearer: string): boolean => bearer.startsWith(prefix);

interface Found {
  id: number;
  name: string;
  hash: Buffer;
  scopes: Scope[];
  expiresAt: Date | null;
  revokedAt: Date | null;
  creatorGone: boolean;
  creatorRole: Role;
}

async function find(sql: Sql, hash: Buffer): Promise<Found | null> {
  const [found] = await sql<Found[]>`
    SELECT t.id, t.name, t.hash, t.scopes, t.expires_at AS "expiresAt", t.revoked_at AS "revokedAt",
           u.deactivated_at IS NOT NULL AS "creatorGone", u.role AS "creatorRole"
    FROM driftdesk.api_tokens t JOIN driftdesk.users u ON u.id = t.created_by
    WHERE t.hash = ${hash}`;
  return found && timingSafeEqual(found.hash, hash) ? found : null;
}

// 256 random bits need no salt and no slow hash: there is nothing to guess.
const hashOf = (token: string): Buffer => createHash("sha256").update(token).digest();

const refused = (code: string, message: string) => new DriftdeskError(code, message, { status: 401 });
