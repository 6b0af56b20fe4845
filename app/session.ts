import { getServerSession } from "next-auth";
import { cache } from "react";
import { getDesk } from "@/app/desk.ts";
import { authOptions } from "@/lib/auth/next-auth.ts";
import { authorise, type Permission } from "@/lib/auth/permissions.ts";
import { sessionSecret } from "@/lib/auth/secret.ts";
import { resume } from "@/lib/auth/sign-in.ts";
import type { Actor } from "@/lib/desk.ts";
import { DriftdeskError } from "@/lib/errors.ts";

/** Who asks, by the session cookie and by what the users table says now; null: nobody who may get in. */
export const currentActor = cache(async (): Promise<Actor | null> => {
  const desk = await getDesk();
  const session: { user?: { email?: string }; mark?: string } | null = await getServerSession(
    authOptions(desk, await sessionSecret(desk.environment)),
  );
  if (!session?.user?.email || !session.mark) return null;
  return resume(desk, { email: session.user.email, mark: session.mark });
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
