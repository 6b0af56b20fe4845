"use client";

import { CircleAlert, KeyRound } from "lucide-react";
import { signIn } from "next-auth/react";
import { useState } from "react";
import { Button } from "@/components/ui/button.tsx";
import { Input } from "@/components/ui/input.tsx";
import { Label } from "@/components/ui/label.tsx";

// None of these says whether an address exists here.
const errors: Record<string, string> = {
  sign_in_failed: "The address or the password is wrong.",
  CredentialsSignin: "The address or the password is wrong.",
  single_sign_on_only: "Passwords are switched off here. Use single sign-on.",
  sign_in_limited: "Too many attempts. Wait a few minutes, then try again.",
  AccessDenied: "That sign-in was not accepted. Ask an admin of this desk whether you have access.",
  OAuthSignin: "Single sign-on did not answer. Try again.",
  OAuthCallback: "Single sign-on did not answer as expected. Try again.",
  SessionRequired: "Your session has ended. Sign in again.",
};
const unexpected = "Sign-in does not work at the moment. The server's log says why.";

export function SignInForm({
  next,
  error,
  oidcName,
  passwords,
}: {
  next: string;
  error: string | undefined;
  oidcName: string | undefined;
  /** Whether a password lets anybody in. */
  passwords: boolean;
}) {
  const [problem, setProblem] = useState(error && (errors[error] ?? unexpected));
  const [busy, setBusy] = useState(false);

  async function submit(form: FormData) {
    setBusy(true);
    setProblem(undefined);
    const answer = await signIn("credentials", {
      email: form.get("email"),
      password: form.get("password"),
      redirect: false,
    }).catch(() => undefined);
    if (answer?.ok && !answer.error) {
      // A full load: nothing of the time before the sign-in stays in memory.
      window.location.assign(next);
      return;
    }
    setBusy(false);
    setProblem((answer?.error && errors[answer.error]) || unexpected);
  }

  return (
    <>
      {problem && (
        <p
          role="alert"
          className="mb-4 flex items-start gap-2 rounded-md bg-locked-soft px-3 py-2 text-13 text-locked"
        >
          <CircleAlert aria-hidden className="mt-0.5 size-4 shrink-0" />
          {problem}
        </p>
      )}
      {passwords && (
        <form
          className="flex flex-col gap-4"
          method="post"
          onSubmit={(event) => {
            event.preventDefault();
            void submit(new FormData(event.currentTarget));
          }}
        >
          <div className="flex flex-col gap-1.5">
            <Label htmlFor="email">E-mail</Label>
            <Input
              id="email"
              name="email"
              type="email"
              autoComplete="username"
              required
              autoFocus
              className="h-9 text-14"
            />
          </div>
          <div className="flex flex-col gap-1.5">
            <Label htmlFor="password">Password</Label>
            <Input
              id="password"
              name="password"
              type="password"
              autoComplete="current-password"
              required
              className="h-9 text-14"
            />
          </div>
          <Button type="submit" variant="primary" size="lg" disabled={busy} className="mt-1">
            {busy ? "Signing in…" : "Sign in"}
          </Button>
        </form>
      )}
      {oidcName && (
        <>
          {passwords && (
            <div className="my-4 flex items-center gap-3 text-12 text-ink-3">
              <span className="h-px flex-1 bg-line" />
              or
              <span className="h-px flex-1 bg-line" />
            </div>
          )}
          <Button size="lg" className="w-full" onClick={() => void signIn("oidc", { callbackUrl: next })}>
            <KeyRound aria-hidden />
            Continue with {oidcName}
          </Button>
        </>
      )}
    </>
  );
}
