"use client";

import { CircleStop } from "lucide-react";
import { useRouter } from "next/navigation";
import { useEffect, useState } from "react";
import type { BulkAction } from "@/lib/db/schema.ts";
import { meantRows } from "../bulks/bulk-words.ts";
import { count } from "../format/words.ts";
import { Button } from "../ui/button.tsx";
import { toast } from "../ui/toast.tsx";
import type { BulkReport, DriftActions } from "./contract.ts";

export type FollowActions = Pick<DriftActions, "follow" | "decline">;

const pollMs = 1_000;

/** Asks until it has ended; what stands behind is read again then. */
export function useFollowed(first: BulkReport, actions: FollowActions): BulkReport {
  const router = useRouter();
  const [report, setReport] = useState(first);
  const { id, state } = report.bulk;
  useEffect(() => {
    if (state !== "running") return;
    let gone = false;
    const timer = setInterval(async () => {
      const answer = await actions.follow(id).catch(() => null);
      if (gone || !answer?.ok) return;
      setReport(answer.value);
      if (answer.value.bulk.state !== "running") router.refresh();
    }, pollMs);
    return () => {
      gone = true;
      clearInterval(timer);
    };
  }, [id, state, actions, router]);
  return report;
}

export function BulkProgressBar({ bulk }: { bulk: BulkAction }) {
  const through = bulk.applied + bulk.stale + bulk.failed;
  const meant = meantRows(bulk);
  return (
    <div className="flex items-center gap-3">
      <progress
        max={Math.max(1, meant)}
        value={through}
        aria-label="How far it has come"
        className="h-1.5 flex-1 appearance-none overflow-hidden rounded-full bg-selected [&::-moz-progress-bar]:bg-ink-2 [&::-webkit-progress-bar]:bg-selected [&::-webkit-progress-value]:bg-ink-2"
      />
      <span className="text-ink-2">
        {count(through)} of {count(meant)}
      </span>
    </div>
  );
}

export function StopBulk({ bulkId, actions }: { bulkId: number; actions: FollowActions }) {
  const [busy, setBusy] = useState(false);
  return (
    <Button
      disabled={busy}
      onClick={async () => {
        setBusy(true);
        const answer = await actions.decline(bulkId).catch(() => null);
        if (answer?.ok) return;
        setBusy(false);
        toast.error("It goes on.", { description: answer?.message ?? "The server did not answer." });
      }}
    >
      <CircleStop aria-hidden /> {busy ? "Stopping…" : "Stop"}
    </Button>
  );
}
