"use client";

import { useRouter } from "next/navigation";
import { useTransition } from "react";
import { Button } from "../ui/button.tsx";
import { toast } from "../ui/toast.tsx";

export type CheckRecordAction = (about: {
  account: string | null;
  resource: string;
  keys: string[];
}) => Promise<{ ok: true; run: number } | { ok: false; message: string }>;

/** Has a record checked, and leads to the run that does it: what it finds stands under Drift. */
export function CheckRecord({
  check,
  about,
}: {
  check: CheckRecordAction;
  about: Parameters<CheckRecordAction>[0];
}) {
  const router = useRouter();
  const [busy, start] = useTransition();
  return (
    <Button
      size="sm"
      disabled={busy}
      onClick={() =>
        start(async () => {
          const answer = await check(about);
          if (answer.ok) router.push(`/runs/${answer.run}`);
          else toast.error("The record is not checked.", { description: answer.message });
        })
      }
    >
      Have it checked
    </Button>
  );
}
