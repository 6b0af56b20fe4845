"use client";

import { useState, useTransition } from "react";
import { Button } from "../ui/button.tsx";

export type Answer = { ok: true } | { ok: false; message: string };

/** The next step: by the file's word, or by Stripe's. */
export function CompareButtons({
  id,
  list,
  compared,
  compare,
}: {
  id: number;
  /** A pasted list says nothing itself. */
  list: boolean;
  compared: boolean;
  compare: (id: number, verify: boolean) => Promise<Answer>;
}) {
  const [busy, start] = useTransition();
  const [problem, setProblem] = useState<string | null>(null);
  const go = (verify: boolean) =>
    start(async () => {
      setProblem(null);
      const answer = await compare(id, verify).catch(() => ({
        ok: false as const,
        message: "The server did not answer. Try again.",
      }));
      if (!answer.ok) setProblem(answer.message);
    });
  const byFile = compared ? "Compare again" : "Compare with our records";
  return (
    <>
      {!list && (
        <Button variant={compared ? "secondary" : "primary"} disabled={busy} onClick={() => go(false)}>
          {byFile}
        </Button>
      )}
      <Button variant={list && !compared ? "primary" : "secondary"} disabled={busy} onClick={() => go(true)}>
        {list ? "Ask Stripe about them" : "Verify with Stripe first"}
      </Button>
      {problem && (
        <p role="alert" className="basis-full text-13 text-locked">
          {problem}
        </p>
      )}
    </>
  );
}
