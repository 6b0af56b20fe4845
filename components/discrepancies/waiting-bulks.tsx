"use client";

import Link from "next/link";
import { useState, useTransition } from "react";
import type { WaitingBulk } from "@/lib/discrepancies/waiting.ts";
import { Time } from "../format/time.tsx";
import { count, plural } from "../format/words.ts";
import { Button } from "../ui/button.tsx";
import { Dialog, DialogContent } from "../ui/dialog.tsx";
import { toast } from "../ui/toast.tsx";
import { BulkProgress } from "./bulk-progress.tsx";
import type { BulkReport, DriftActions, Rights } from "./contract.ts";

/** What one person asked for and a second one has to agree to. */
export function WaitingBulks({
  waiting,
  actions,
  rights,
}: {
  waiting: readonly WaitingBulk[];
  actions: DriftActions;
  rights: Rights;
}) {
  // The answer stays in sight after the action has left the list of those that wait.
  const [report, setReport] = useState<BulkReport | null>(null);
  return (
    <>
      {waiting.length > 0 && (
        <ul aria-label="Waiting for a second person" className="flex flex-col gap-2 px-4 pt-3 @4xl:px-6">
          {waiting.map((each) => (
            <Waiting
              key={each.bulk.id}
              waiting={each}
              actions={actions}
              rights={rights}
              onReport={setReport}
            />
          ))}
        </ul>
      )}
      <Dialog open={report !== null} onOpenChange={(open) => !open && setReport(null)}>
        {report && (
          <DialogContent>
            <BulkProgress report={report} actions={actions} onClose={() => setReport(null)} />
          </DialogContent>
        )}
      </Dialog>
    </>
  );
}

function Waiting({
  waiting: { bulk, askedBy, changes },
  actions,
  rights,
  onReport,
}: {
  waiting: WaitingBulk;
  actions: DriftActions;
  rights: Rights;
  onReport: (report: BulkReport) => void;
}) {
  const [busy, start] = useTransition();
  const own = bulk.requestedBy.toLowerCase() === rights.email.toLowerCase();
  const fixes = bulk.total - bulk.skipped;
  const counted = changes.reduce((sum, change) => sum + change.count, 0);
  const act = (decide: (bulkId: number) => ReturnType<DriftActions["approve"]>, declined: boolean) =>
    start(async () => {
      const answer = await decide(bulk.id).catch(() => null);
      if (!answer?.ok)
        toast.error("Nothing was decided.", { description: answer?.message ?? "The server did not answer." });
      else if (declined)
        toast.success(own ? "Taken back." : "Declined.", { description: "Its differences are open again." });
      else onReport(answer.value);
    });
  return (
    <li className="flex flex-wrap items-start justify-between gap-x-6 gap-y-3 rounded-lg border border-line bg-surface px-4 py-3 text-13">
      <div className="min-w-0 flex-1 basis-64">
        <p>
          <span className="font-medium">{own ? "You" : askedBy}</span> asked to apply{" "}
          <span className="font-medium">{plural(fixes, "fix", "fixes")}</span> <Time at={bulk.createdAt} />
          {bulk.reason && <>: “{bulk.reason}”</>}
        </p>
        <p className="mt-1 text-ink-2">
          {changes.slice(0, 4).map((change, at) => (
            <span key={change.value}>
              {at > 0 && ", "}
              {count(change.count)} × {change.value}
            </span>
          ))}
          {changes.length > 4 &&
            ` and ${count(fixes - changes.slice(0, 4).reduce((sum, change) => sum + change.count, 0))} more`}
          {counted === 0 && "Its differences have changed since."}
        </p>
        <p className="mt-1 text-12 text-ink-3">
          {own
            ? "You asked for this, so somebody else has to agree to it."
            : rights.bulk
              ? "Look at its rows first. What has changed by then is left out."
              : "Finance and admin may agree to it."}
        </p>
      </div>
      <div className="flex flex-wrap items-center gap-2">
        <Button asChild variant="quiet">
          <Link href={`/discrepancies?${new URLSearchParams({ state: "waiting", bulk: String(bulk.id) })}`}>
            Its rows
          </Link>
        </Button>
        {(own ? rights.decide : rights.bulk) && (
          <Button disabled={busy} onClick={() => act(actions.decline, true)}>
            {own ? "Take back" : "Decline"}
          </Button>
        )}
        {!own && rights.bulk && (
          <Button variant="primary" disabled={busy} onClick={() => act(actions.approve, false)}>
            {busy ? "Working…" : `Approve and apply ${plural(fixes, "fix", "fixes")}`}
          </Button>
        )}
      </div>
    </li>
  );
}
