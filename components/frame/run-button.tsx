"use client";

import { LoaderCircle, Play } from "lucide-react";
import { useRouter } from "next/navigation";
import { useTransition } from "react";
import { Button, type ButtonProps } from "../ui/button.tsx";
import { toast } from "../ui/toast.tsx";

export type RunNow = (
  account?: string,
) => Promise<{ ok: true; runIds: number[]; alreadyRunning: boolean } | { ok: false; message: string }>;

/** Starts a run and goes to its page; while one is under way it leads there. */
export function RunButton({
  runNow,
  runningId,
  allowed,
  label = "Run",
  ...props
}: {
  runNow: RunNow;
  /** The run under way. */
  runningId: number | null;
  allowed: boolean;
  label?: string;
} & Omit<ButtonProps, "onClick">) {
  const router = useRouter();
  const [busy, start] = useTransition();
  if (runningId !== null)
    return (
      <Button {...props} onClick={() => router.push(`/runs/${runningId}`)}>
        <LoaderCircle aria-hidden className="animate-spin" />
        Running…
      </Button>
    );
  if (!allowed) return null;
  return (
    <Button
      {...props}
      disabled={busy}
      onClick={() =>
        start(async () => {
          const answer = await runNow();
          if (!answer.ok) {
            toast.error("The run did not start.", { description: answer.message });
            return;
          }
          const [id, ...others] = answer.runIds;
          if (answer.alreadyRunning) toast.info("A run is under way already. This is it.");
          router.push(others.length > 0 ? "/runs" : `/runs/${id}`);
          router.refresh();
        })
      }
    >
      {busy ? <LoaderCircle aria-hidden className="animate-spin" /> : <Play aria-hidden />}
      {busy ? "Starting…" : label}
    </Button>
  );
}
