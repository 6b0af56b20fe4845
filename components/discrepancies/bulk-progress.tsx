"use client";

import Link from "next/link";
import type { BulkAction } from "@/lib/db/schema.ts";
import { doneWords, meantRows, outcomeWords, rowWords } from "../bulks/bulk-words.ts";
import { count } from "../format/words.ts";
import { Button } from "../ui/button.tsx";
import {
  DialogBody,
  DialogClose,
  DialogDescription,
  DialogFooter,
  DialogHeader,
  DialogTitle,
} from "../ui/dialog.tsx";
import type { BulkReport } from "./contract.ts";
import { whereTo } from "./decision.ts";
import { BulkProgressBar, type FollowActions, StopBulk, useFollowed } from "./follow-bulk.tsx";

/** A decision that is being carried out, and what came of it: what was applied, and every row that was not, with its reason. */
export function BulkProgress({
  report: first,
  actions,
  onClose,
}: {
  report: BulkReport;
  actions: FollowActions;
  onClose: () => void;
}) {
  const { bulk, problems } = useFollowed(first, actions);
  const running = bulk.state === "running";
  return (
    <>
      <DialogHeader>
        <DialogTitle aria-live="polite">{headline(bulk)}</DialogTitle>
        <DialogDescription>{explanation(bulk)}</DialogDescription>
      </DialogHeader>
      <DialogBody className="flex flex-col gap-4 text-13">
        {running && <BulkProgressBar bulk={bulk} />}
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
                    {outcomeWords[problem.outcome as keyof typeof outcomeWords] ?? problem.outcome}
                  </span>
                </p>
                {problem.message && <p className="text-ink-2">{problem.message}</p>}
              </li>
            ))}
          </ul>
        )}
        {problems.length >= 100 && (
          <p className="text-ink-3">The first hundred. All of them are on the page of this action.</p>
        )}
      </DialogBody>
      <DialogFooter>
        {running && <StopBulk bulkId={bulk.id} actions={actions} />}
        {bulk.total > 1 && (
          <Button asChild>
            <Link href={`/bulks/${bulk.id}`} onClick={onClose}>
              See this action
            </Link>
          </Button>
        )}
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

/** The tab of the list in which its rows are now. */
const tabWords: Record<BulkAction["kind"], string> = {
  apply: "Fixed",
  reject: "Rejected",
  snooze: "Snoozed",
  revert: "Open",
};

function headline(bulk: BulkAction): string {
  const meant = meantRows(bulk);
  const rows = (number: number) => rowWords(bulk.kind, number);
  switch (bulk.state) {
    case "running":
      return `${bulk.kind === "revert" ? "Undoing" : "Applying"} ${rows(meant)}…`;
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
  const undoes = bulk.kind === "revert";
  switch (bulk.state) {
    case "running":
      return "You can close this; it goes on, and what is done shows in the list.";
    case "waiting":
      return "Nothing is written until somebody else agrees. They find it under Waiting.";
    case "cancelled":
      return undoes
        ? "What was undone by then stays so. The rest is as it was."
        : "What was applied by then stays. The rest is open again.";
    case "failed":
      return bulk.message ?? "The server's log says why. What was not applied is open again.";
    case "done":
      if (bulk.applied < bulk.total) return "The others are untouched, each with its reason below.";
      return undoes
        ? "Every record says again what it said before. The differences are open."
        : "Every record says now what Stripe says.";
  }
}
