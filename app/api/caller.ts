import { getDesk } from "@/app/desk.ts";
import { currentSession, requireActor } from "@/app/session.ts";
import { authorise, can, type Scope, scopePermissions } from "@/lib/auth/permissions.ts";
import { recentTokenActor } from "@/lib/auth/recent-tokens.ts";
import { resume } from "@/lib/auth/sign-in.ts";
import { isToken, tokenActor } from "@/lib/auth/tokens.ts";
import type { Actor } from "@/lib/desk.ts";
import { DriftdeskError } from "@/lib/errors.ts";

export interface Caller {
  actor: Actor;
  /** Whether they may still: asked again and again by answers that take long. */
  stillAllowed(): Promise<boolean>;
}

/**
 * Who asks a route: a program with an API token, when there is a bearer, or else a person with a session. The token needs
 * the scope, the person the permission that the scope stands for.
 */
export async function requireCaller(request: Request, scope: Scope): Promise<Caller> {
  const permission = scopePermissions[scope];
  const bearer = bearerOf(request);
  if (bearer !== null) return tokenCaller(bearer, scope);
  const actor = await requireActor(permission);
  const session = await currentSession();
  return {
    actor,
    async stillAllowed() {
      const now = session && (await resume(await getDesk(), session));
      return now !== null && can(now.role, permission);
    },
  };
}

/**
 * The same for what is asked many times a second: the end of a token may be known a second later.
 */
export async function requireFrequentCaller(request: Request, scope: Scope): Promise<Actor> {
  const bearer = bearerOf(request);
  if (bearer === null || !isToken(bearer)) return (await requireCaller(request, scope)).actor;
  const actor = await recentTokenActor(await getDesk(), bearer);
  authorise(actor, scopePermissions[scope]);
  return actor;
}

async function tokenCaller(bearer: string, scope: Scope): Promise<Caller> {
  if (!isToken(bearer))
    throw new DriftdeskError("token_unknown", "This bearer is no API token of this desk.", { status: 401 });
  const judge = async () => {
    const actor = await tokenActor(await getDesk(), bearer);
    authorise(actor, scopePermissions[scope]);
    return actor;
  };
  return {
    actor: await judge(),
    stillAllowed: () =>
      judge().then(
        () => true,
        (error) => {
          if (error instanceof DriftdeskError) return false;
          throw error;
        },
      ),
  };
}

/** What stands behind `Authorization: Bearer`; null when nothing does. A secret of somebody's own may have blanks. */
export function bearerOf(request: Request): string | null {
  return /^Bearer +(.*\S)/i.exec(request.headers.get("authorization") ?? "")?.[1] ?? null;
}
