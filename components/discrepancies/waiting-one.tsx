"use client";

import Link from "next/link";
import { useState, useTransition } from "react";
import type { WaitingBulk } from "@/lib/discrepancies/waiting.ts";
import { Time } from "../format/time.tsx";
import { count, plural } from "../format/words.ts";
import { Button } from "../ui/button.tsx";
import { toast } from "../ui/toast.tsx";
import type { BulkReport, DriftActions, Rights } from "./contract.ts";
import { DeclineDialog } from "./decline-dialog.tsx";

/** An action that waits: who asked, for what, and what the reader may do about it. */
export function WaitingOne({
  waiting,
  actions,
  rights,
  onReport,
  rowsLink,
}: {
  waiting: WaitingBulk;
  actions: DriftActions;
  rights: Rights;
  onReport: (report: BulkReport) => void;
  /** Whether to lead to its rows: not where one of them is in sight. */
  rowsLink: boolean;
}) {
  const { bulk, askedBy, own, mayApprove, tiedUntil, left, changes } = waiting;
  const [busy, start] = useTransition();
  const [declining, setDeclining] = useState(false);
  const undoes = bulk.kind === "revert";
  const rows = (number: number) => (undoes ? plural(number, "correction") : plural(number, "fix", "fixes"));
  const asked = `${undoes ? "undo" : "apply"} ${rows(bulk.total - bulk.skipped)}`;
  const refused = (answer: { message: string } | null) =>
    toast.error("Nothing was decided.", { description: answer?.message ?? "The server did not answer." });
  const approve = () =>
    start(async () => {
      const answer = await actions.approve(bulk.id).catch(() => null);
      if (answer?.ok) onReport(answer.value);
      else refused(answer);
    });
  const end = (reason?: string) =>
    start(async () => {
      const answer = await actions.decline(bulk.id, reason).catch(() => null);
      if (!answer?.ok) return void refused(answer);
      setDeclining(false);
      toast.success(own ? "Taken back." : "Declined.", {
        description: undoes ? "Nothing was undone." : "Its differences are open again.",
      });
    });
  return (
    <div className="flex flex-wrap items-start justify-between gap-x-6 gap-y-3 rounded-lg border border-line bg-surface px-4 py-3 text-13">
      <div className="min-w-0 flex-1 basis-64">
        <p>
          <span className="font-medium">{own ? "You" : askedBy}</span> asked to{" "}
          <span className="font-medium">{asked}</span> <Time at={bulk.createdAt} />
          {bulk.reason && <>: “{bulk.reason}”</>}
        </p>
        {left > 0 ? (
          <p className="mt-1 text-ink-2">
            <Changes changes={changes} left={left} />
          </p>
        ) : (
          <p className="mt-1 font-medium">
            Its values have changed since. Nothing of it can be applied any more:{" "}
            {own ? "look again, then ask again." : "it has to be asked for again."}
          </p>
        )}
        <p className="mt-1 text-12 text-ink-3">
          <WhoMay waiting={waiting} />
          {bulk.writesMoney && " It changes amounts of money."}
        </p>
      </div>
      <div className="flex flex-wrap items-center gap-2">
        {rowsLink && left > 0 && (
          <Button asChild variant="quiet">
            <Link
              href={
                undoes
                  ? `/bulks/${bulk.id}`
                  : `/discrepancies?${new URLSearchParams({ state: "waiting", bulk: String(bulk.id) })}`
              }
            >
              Its rows
            </Link>
          </Button>
        )}
        {own && rights.decide && (
          <Button disabled={busy} onClick={() => end()}>
            Take back
          </Button>
        )}
        {(mayApprove || (!own && tiedUntil)) && (
          <Button disabled={busy} onClick={() => setDeclining(true)}>
            Decline…
          </Button>
        )}
        {mayApprove && left > 0 && (
          <Button variant="primary" disabled={busy} onClick={approve}>
            {busy ? "Working…" : `Approve and ${undoes ? "undo" : "apply"} ${rows(left)}`}
          </Button>
        )}
      </div>
      <DeclineDialog
        open={declining}
        what={`${askedBy} asked to ${asked}.`}
        busy={busy}
        onClose={() => setDeclining(false)}
        onDecline={end}
      />
    </div>
  );
}

/** Whose turn it is, and why not the reader's. */
function WhoMay({
  waiting: { own, askedBy, mayApprove, tiedUntil, left, approvers },
}: {
  waiting: WaitingBulk;
}) {
  if (own && tiedUntil)
    return (
      <>
        You asked for this. Everybody else who might agree got access, a role or a password from you, or from
        whoever gave you yours, within the last week; or you got yours from them. They may from{" "}
        <Time at={tiedUntil} style="exact" /> on.
      </>
    );
  if (own && approvers === 0)
    return "You asked for this, and nobody else here may agree to it. An admin can add somebody for finance.";
  if (own) return "You asked for this, so somebody else has to agree to it.";
  if (tiedUntil)
    return (
      <>
        Within the last week access, a role or a password went from {askedBy} to you, or from you to them, or
        from one person to you both. Until <Time at={tiedUntil} style="exact" /> somebody else has to agree.
      </>
    );
  if (!mayApprove) return "Finance and admin may agree to it.";
  return left > 1
    ? "Look at its rows first. What has changed by then is left out."
    : "Look at both sides first. If its values change by then, nothing is written.";
}

function Changes({ changes, left }: Pick<WaitingBulk, "changes" | "left">) {
  const shown = changes.slice(0, 4);
  if (changes.length === 0) return null;
  const others = left - shown.reduce((sum, change) => sum + change.count, 0);
  return (
    <>
      {shown.map((change, at) => (
        <span key={change.value}>
          {at > 0 && ", "}
          {count(change.count)} × {change.value}
        </span>
      ))}
      {others > 0 && ` and ${count(others)} more`}
    </>
  );
}
