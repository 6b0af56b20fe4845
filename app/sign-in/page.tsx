import type { Metadata } from "next";
import { redirect } from "next/navigation";
import { getDesk } from "@/app/desk.ts";
import { currentActor } from "@/app/session.ts";
import { Mark } from "@/components/frame/mark.tsx";
import { isSingleSignOnOnly } from "@/lib/auth/single-sign-on.ts";
import { safeNext } from "./next-page.ts";
import { SignInForm } from "./sign-in-form.tsx";

export const metadata: Metadata = { title: "Sign in" };

export default async function SignInPage({
  searchParams,
}: {
  searchParams: Promise<Record<string, string | string[] | undefined>>;
}) {
  const given = await searchParams;
  const next = safeNext(given.next ?? given.callbackUrl);
  if (await currentActor()) redirect(next);
  const desk = await getDesk();
  const { oidc } = desk.environment;
  const error = typeof given.error === "string" ? given.error : undefined;
  return (
    <main className="flex min-h-dvh flex-col items-center justify-center bg-canvas px-4 py-12">
      <div className="w-full max-w-88">
        <div className="mb-6 flex items-center gap-2.5">
          <Mark className="size-7" />
          <span className="text-16 font-semibold">Driftdesk</span>
        </div>
        <div className="rounded-lg border border-line bg-surface p-6 shadow-low">
          <h1 className="text-20 font-semibold">Sign in</h1>
          <p className="mt-1 mb-5 text-13 text-ink-2">Where your database and Stripe disagree.</p>
          <SignInForm
            next={next}
            error={error}
            oidcName={oidc?.name}
            passwords={!(await isSingleSignOnOnly(desk))}
          />
        </div>
        <p className="mt-4 text-12 text-ink-3">
          No account? Somebody with the role admin can add you under Settings.
        </p>
      </div>
    </main>
  );
}
