"use client";

import type { BulkReport } from "../discrepancies/contract.ts";
import { BulkProgressBar, type FollowActions, StopBulk, useFollowed } from "../discrepancies/follow-bulk.tsx";
import { BulkState } from "./bulk-state.tsx";
import { resultWords } from "./bulk-words.ts";

/** An action under way: how far it has come, and a way to stop it. */
export function BulkLive({
  report,
  actions,
  mayStop,
}: {
  report: BulkReport;
  actions: FollowActions;
  mayStop: boolean;
}) {
  const { bulk } = useFollowed(report, actions);
  return (
    <section aria-label="Progress" className="rounded-lg border border-line text-13">
      <header className="flex flex-wrap items-center gap-x-4 gap-y-2 border-b border-line bg-sunken px-4 py-2.5">
        <span role="status">
          <BulkState state={bulk.state} className="font-medium" />
        </span>
        <p className="text-ink-2">{resultWords(bulk)}</p>
        {mayStop && bulk.state === "running" && (
          <div className="ml-auto">
            <StopBulk bulkId={bulk.id} actions={actions} />
          </div>
        )}
      </header>
      <div className="px-4 py-3">
        <BulkProgressBar bulk={bulk} />
        <p className="mt-2 text-12 text-ink-3">
          It goes on also when you leave. What is written already stays written when it is stopped.
        </p>
      </div>
    </section>
  );
}
