"use client";

import { CircleStop } from "lucide-react";
import { useTransition } from "react";
import { Button } from "../ui/button.tsx";
import { toast } from "../ui/toast.tsx";

export function StopButton({
  id,
  stopRun,
}: {
  id: number;
  stopRun: (id: number) => Promise<{ ok: true } | { ok: false; message: string }>;
}) {
  const [busy, start] = useTransition();
  return (
    <Button
      size="sm"
      disabled={busy}
      onClick={() =>
        start(async () => {
          const answer = await stopRun(id);
          if (!answer.ok) toast.error("The run goes on.", { description: answer.message });
        })
      }
    >
      <CircleStop aria-hidden />
      {busy ? "Stopping…" : "Stop"}
    </Button>
  );
}
