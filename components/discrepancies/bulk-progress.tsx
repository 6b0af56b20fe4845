"use client";

import { CircleStop } from "lucide-react";
import Link from "next/link";
import { useRouter } from "next/navigation";
import { useEffect, useState } from "react";
import type { BulkAction } from "@/lib/db/schema.ts";
import { count, plural } from "../format/words.ts";
import { Button } from "../ui/button.tsx";
import {
  DialogBody,
  DialogClose,
  DialogDescription,
  DialogFooter,
  DialogHeader,
  DialogTitle,
} from "../ui/dialog.tsx";
import { toast } from "../ui/toast.tsx";
import type { BulkReport, DriftActions } from "./contract.ts";
import { whereTo } from "./decision-dialog.tsx";

const pollMs = 1_000;

/** A decision that is being carried out, and what came of it: what was applied, and every row that was not, with its reason. */
export function BulkProgress({
  report: first,
  actions,
  onClose,
}: {
  report: BulkReport;
  actions: DriftActions;
  onClose: () => void;
}) {
  const { bulk, problems } = useFollowed(first, actions);
  const through = bulk.applied + bulk.stale + bulk.failed;
  const meant = meantRows(bulk);
  const running = bulk.state === "running";
  return (
    <>
      <DialogHeader>
        <DialogTitle aria-live="polite">{headline(bulk)}</DialogTitle>
        <DialogDescription>{explanation(bulk)}</DialogDescription>
      </DialogHeader>
      <DialogBody className="flex flex-col gap-4 text-13">
        {running && (
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
        )}
        {!running && bulk.state !== "waiting" && <Outcome bulk={bulk} />}
        {problems.length > 0 && (
          <ul className="divide-y divide-line rounded-md border border-line">
            {problems.map((problem) => (
              <li key={problem.discrepancyId} className="px-3 py-2">
                <p className="flex justify-between gap-3">
                  <Link
                    href={`/discrepancies?id=${problem.discrepancyId}`}
                    onClick={onClose}
                    className="link truncate"
                  >
                    {problem.label ?? `Difference ${problem.discrepancyId}`}
                  </Link>
                  <span className="shrink-0 text-ink-3">
                    {outcomeWords[problem.outcome] ?? problem.outcome}
                  </span>
                </p>
                {problem.message && <p className="text-ink-2">{problem.message}</p>}
              </li>
            ))}
          </ul>
        )}
        {problems.length >= 100 && (
          <p className="text-ink-3">The first hundred. All of them are in the history of bulk {bulk.id}.</p>
        )}
      </DialogBody>
      <DialogFooter>
        {running && <Stop bulkId={bulk.id} actions={actions} />}
        {!running && bulk.applied > 0 && (
          <Button asChild>
            <Link href={whereTo(bulk.kind, bulk.id)} onClick={onClose}>
              Show {bulk.applied === 1 ? "it" : "them"} under {tabWords[bulk.kind]}
            </Link>
          </Button>
        )}
        {bulk.state === "waiting" && (
          <Button asChild>
            <Link href="/discrepancies?state=waiting" onClick={onClose}>
              Show it under Waiting
            </Link>
          </Button>
        )}
        <DialogClose asChild>
          <Button variant="primary">{running ? "Close, it goes on" : "Done"}</Button>
        </DialogClose>
      </DialogFooter>
    </>
  );
}

/** Asks until it has ended; the list behind is read again then. */
function useFollowed(first: BulkReport, actions: DriftActions): BulkReport {
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

function Stop({ bulkId, actions }: { bulkId: number; actions: DriftActions }) {
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

function Outcome({ bulk }: { bulk: BulkAction }) {
  const parts: [number, string][] = [
    [bulk.applied, doneWords[bulk.kind]],
    [bulk.stale, "changed meanwhile, not overwritten"],
    [bulk.failed, "failed"],
    [bulk.skipped, "left out"],
  ];
  return (
    <dl className="flex flex-wrap gap-x-8 gap-y-2">
      {parts.map(
        ([rows, word]) =>
          (rows > 0 || word === doneWords[bulk.kind]) && (
            <div key={word} className="flex flex-col-reverse">
              <dt className="text-ink-2">{word}</dt>
              <dd className="text-20 font-semibold">{count(rows)}</dd>
            </div>
          ),
      )}
    </dl>
  );
}

const doneWords: Record<BulkAction["kind"], string> = {
  apply: "applied",
  reject: "rejected",
  snooze: "put off",
  revert: "reverted",
};
const tabWords: Record<BulkAction["kind"], string> = {
  apply: "Fixed",
  reject: "Rejected",
  snooze: "Snoozed",
  revert: "Open",
};
const outcomeWords: Record<string, string> = {
  stale: "changed meanwhile",
  failed: "failed",
  skipped: "left out",
};

/** Those that were decided on; what was left out from the beginning is not among them. */
const meantRows = (bulk: BulkAction) => bulk.total - bulk.skipped;

function headline(bulk: BulkAction): string {
  const meant = meantRows(bulk);
  const rows = (number: number) =>
    bulk.kind === "apply" ? plural(number, "fix", "fixes") : plural(number, "difference");
  switch (bulk.state) {
    case "running":
      return `Applying ${rows(meant)}…`;
    case "waiting":
      return `${rows(meant)} ${meant === 1 ? "waits" : "wait"} for a second person.`;
    case "cancelled":
      return "Stopped.";
    case "failed":
      return "It could not be carried out.";
    case "done":
      return bulk.applied === meant
        ? `${rows(meant)} ${doneWords[bulk.kind]}.`
        : `${count(bulk.applied)} of ${rows(meant)} ${doneWords[bulk.kind]}.`;
  }
}

function explanation(bulk: BulkAction): string {
  switch (bulk.state) {
    case "running":
      return "You can close this; it goes on, and what is done shows in the list.";
    case "waiting":
      return "Nothing is written until somebody else agrees. They find it under Waiting.";
    case "cancelled":
      return "What was applied by then stays. The rest is open again.";
    case "failed":
      return bulk.message ?? "The server's log says why. What was not applied is open again.";
    case "done":
      return bulk.applied === bulk.total
        ? "Every record says now what Stripe says."
        : "The others are untouched, each with its reason below.";
  }
}
