"use client";

import { useState, useTransition } from "react";
import { Button } from "../ui/button.tsx";
import { Input } from "../ui/input.tsx";
import { Field } from "./field.tsx";

type Answer = { ok: true } | { ok: false; message: string };

/** Somebody's own password, changed by whoever knows the present one. */
export function OwnPassword({
  email,
  change,
}: {
  email: string;
  change: (given: { current: string; next: string }) => Promise<Answer>;
}) {
  const [problem, setProblem] = useState("");
  const [busy, start] = useTransition();
  return (
    <form
      className="flex max-w-80 flex-col items-start gap-4 *:w-full"
      onSubmit={(event) => {
        event.preventDefault();
        const form = new FormData(event.currentTarget);
        const text = (name: string) => String(form.get(name) ?? "");
        setProblem("");
        start(async () => {
          const answer = await change({ current: text("current"), next: text("next") });
          if (!answer.ok) return setProblem(answer.message);
          // The session belonged to the old password.
          window.location.assign("/sign-in");
        });
      }}
    >
      {problem && (
        <p role="alert" className="rounded-md bg-locked-soft px-3 py-2 text-13 text-locked">
          {problem}
        </p>
      )}
      {/* So that a password store knows whose it is. */}
      <input type="text" name="username" autoComplete="username" value={email} readOnly hidden />
      <Field id="password-current" name="Present password">
        <Input
          id="password-current"
          name="current"
          type="password"
          autoComplete="current-password"
          required
        />
      </Field>
      <Field
        id="password-next"
        name="New password"
        hint="At least 12 characters. You sign in with it afterwards, wherever you were signed in."
      >
        <Input
          id="password-next"
          name="next"
          type="password"
          autoComplete="new-password"
          minLength={12}
          required
        />
      </Field>
      <Button type="submit" disabled={busy} className="w-auto!">
        {busy ? "Changing…" : "Change the password"}
      </Button>
    </form>
  );
}
