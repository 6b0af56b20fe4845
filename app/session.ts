import { getServerSession } from "next-auth";
import { cache } from "react";
import { getDesk } from "@/app/desk.ts";
import { authOptions } from "@/lib/auth/next-auth.ts";
import { authorise, type Permission } from "@/lib/auth/permissions.ts";
import { sessionSecret } from "@/lib/auth/secret.ts";
import { resume, type SignedIn, sessionOf } from "@/lib/auth/sign-in.ts";
import type { Actor } from "@/lib/desk.ts";
import { DriftdeskError } from "@/lib/errors.ts";

/** What the session cookie says; whether that still holds is for `resume` to say. */
export const currentSession = cache(async (): Promise<SignedIn | null> => {
  const desk = await getDesk();
  const session: { user?: { email?: string }; mark?: string; by?: string } | null = await getServerSession(
    authOptions(desk, await sessionSecret(desk.environment)),
  );
  return session && sessionOf({ email: session.user?.email, mark: session.mark, by: session.by });
});

/** Who asks, by the session cookie and by what the users table says now; null: nobody who may get in. */
export const currentActor = cache(async (): Promise<Actor | null> => {
  const session = await currentSession();
  return session && resume(await getDesk(), session);
});

/** As `currentActor`, and throws `not_signed_in` (401) or `not_allowed` (403). */
export async function requireActor(permission: Permission = "view"): Promise<Actor> {
  const actor = await currentActor();
  if (!actor)
    throw new DriftdeskError("not_signed_in", "You are not signed in any more. Sign in again.", {
      status: 401,
    });
  authorise(actor, permission);
  return actor;
}
