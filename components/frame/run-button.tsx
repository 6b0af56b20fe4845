"use client";

import { LoaderCircle, Play } from "lucide-react";
import { useRouter } from "next/navigation";
import { useTransition } from "react";
import { Button, type ButtonProps } from "../ui/button.tsx";
import { toast } from "../ui/toast.tsx";
import { useInView } from "./accounts.tsx";
import { withAccount } from "./with-account.ts";

export type RunNow = (
  account?: string,
) => Promise<{ ok: true; runIds: number[]; alreadyRunning: boolean } | { ok: false; message: string }>;

/** Starts a run of what is in view and goes to its page; while one is under way it leads there. */
export function RunButton({
  runNow,
  runningIds,
  allowed,
  label = "Run",
  ...props
}: {
  runNow: RunNow;
  /** The runs under way, where they are known better than the frame does. */
  runningIds?: readonly number[];
  allowed: boolean;
  label?: string;
} & Omit<ButtonProps, "onClick">) {
  const router = useRouter();
  const { id, inView } = useInView();
  const [running, ...others] = runningIds ?? inView.flatMap((account) => account.runningId ?? []);
  const runs = withAccount("/runs", id);
  const [busy, start] = useTransition();
  if (running !== undefined)
    return (
      <Button
        {...props}
        onClick={() => router.push(others.length > 0 ? runs : withAccount(`/runs/${running}`, id))}
      >
        <LoaderCircle aria-hidden className="animate-spin" />
        Running…
      </Button>
    );
  // An account that the config does not have any more can be looked at, but not compared.
  if (!allowed || inView.length === 0) return null;
  return (
    <Button
      {...props}
      disabled={busy}
      onClick={() =>
        start(async () => {
          const answer = await runNow(id === null ? undefined : (inView[0]?.name ?? undefined));
          if (!answer.ok) {
            toast.error("The run did not start.", { description: answer.message });
            return;
          }
          const [started, ...more] = answer.runIds;
          if (answer.alreadyRunning) toast.info("A run is under way already. This is it.");
          router.push(more.length > 0 ? runs : withAccount(`/runs/${started}`, id));
          router.refresh();
        })
      }
    >
      {busy ? <LoaderCircle aria-hidden className="animate-spin" /> : <Play aria-hidden />}
      {busy ? "Starting…" : label}
    </Button>
  );
}
