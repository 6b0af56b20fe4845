"use client";

import { useState } from "react";
import type { WaitingBulk } from "@/lib/discrepancies/waiting.ts";
import { cn } from "../ui/cn.ts";
import { Dialog, DialogContent } from "../ui/dialog.tsx";
import { BulkProgress } from "./bulk-progress.tsx";
import type { BulkReport, DriftActions, Rights } from "./contract.ts";
import { WaitingOne } from "./waiting-one.tsx";

/** What one person asked for and a second one has to agree to. */
export function WaitingBulks({
  waiting,
  actions,
  rights,
  rowsLink = true,
  className,
}: {
  waiting: readonly WaitingBulk[];
  actions: DriftActions;
  rights: Rights;
  rowsLink?: boolean;
  className?: string;
}) {
  // The answer stays in sight after the action has left the list of those that wait.
  const [report, setReport] = useState<BulkReport | null>(null);
  return (
    <>
      {waiting.length > 0 && (
        <ul aria-label="Waiting for a second person" className={cn("flex flex-col gap-2", className)}>
          {waiting.map((each) => (
            <li key={each.bulk.id}>
              <WaitingOne
                waiting={each}
                actions={actions}
                rights={rights}
                onReport={setReport}
                rowsLink={rowsLink}
              />
            </li>
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
