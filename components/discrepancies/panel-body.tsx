"use client";

import { CircleHelp, RotateCw } from "lucide-react";
import Link from "next/link";
import type { DiscrepancyDetails } from "@/lib/discrepancies/details.ts";
import type { DiscrepancyRow } from "@/lib/discrepancies/list.ts";
import { sentenceOf } from "@/lib/discrepancies/sides.ts";
import { ImpactBadge } from "../format/impact-badge.tsx";
import { Money } from "../format/money.tsx";
import { StateLabel } from "../format/state-label.tsx";
import { StripeId } from "../format/stripe-id.tsx";
import { Time } from "../format/time.tsx";
import { actorWords, resourceWords } from "../format/words.ts";
import { AccountLabel } from "../frame/accounts.tsx";
import { Button } from "../ui/button.tsx";
import { EmptyState } from "../ui/empty-state.tsx";
import { Notice } from "../ui/notice.tsx";
import { Skeleton } from "../ui/skeleton.tsx";
import type { Obstacles } from "./allowed.ts";
import type { DriftActions, Rights } from "./contract.ts";
import { History } from "./history.tsx";
import { Sides } from "./sides.tsx";
import { Statement } from "./statement.tsx";
import type { DetailsState } from "./use-details.ts";
import { WaitingBulks } from "./waiting-bulks.tsx";
import { Why } from "./why.tsx";

interface PanelBodyProps {
  rights: Rights;
  actions: DriftActions;
  row: DiscrepancyRow | null;
  answer: DetailsState;
  obstacles: Obstacles | null;
  onRetry: () => void;
  onClose: () => void;
}

/** What is wrong, in a sentence and field by field; then why, what will run and what happened, as soon as that is there. */
export function PanelBody({ row, answer, obstacles, rights, actions, onRetry, onClose }: PanelBodyProps) {
  // Who asked for it, and when, is said below then.
  const waits = answer.state === "ready" && answer.details.waiting !== null;
  return (
    <>
      {row && (
        <>
          <Subject row={row} />
          {row.state !== "open" && !waits && <Decided row={row} />}
          {row.state === "open" && row.revertedAt && <Undone row={row} at={row.revertedAt} />}
          {answer.state === "ready" && (
            <SecondPerson details={answer.details} rights={rights} actions={actions} />
          )}
          <p className="mt-4 text-16 text-pretty">{sentenceOf(row)}</p>
          <Sides row={row} />
          <ByFile row={row} />
        </>
      )}
      {answer.state === "loading" && (row ? <Skeleton className="mt-6 h-4 w-3/5" /> : <Waiting />)}
      {answer.state === "unknown" && (
        <EmptyState
          icon={CircleHelp}
          title={answer.message}
          action={<Button onClick={onClose}>Back to the list</Button>}
        />
      )}
      {answer.state === "failed" && (
        <Notice
          level="problem"
          title="The details did not come."
          className="mt-4"
          action={
            <Button size="sm" onClick={onRetry}>
              <RotateCw aria-hidden /> Try again
            </Button>
          }
        >
          {answer.message}
        </Notice>
      )}
      {answer.state === "ready" && (
        <Rest details={answer.details} saidBelow={obstacles?.apply === answer.details.obstacle} />
      )}
    </>
  );
}

/** Which thing it is, in Stripe and here, and what hangs on it. */
function Subject({ row }: { row: DiscrepancyRow }) {
  const account = { livemode: row.livemode, accountId: row.accountId };
  const ids = [row.customerId, row.stripeId].filter((id, at, all) => id && all.indexOf(id) === at);
  return (
    <>
      <p className="flex flex-wrap items-center gap-x-3">
        {ids.map((id) => id && <StripeId key={id} id={id} {...account} />)}
        <AccountLabel id={row.accountId} always />
        <span className="text-12 text-ink-3">
          {resourceWords(row.resource)}
          {row.localKey && row.localKey !== row.stripeId && (
            <>
              {" "}
              <span className="font-mono wrap-anywhere">{row.localKey}</span>
            </>
          )}
        </span>
      </p>
      <p className="mt-3 flex flex-wrap items-center gap-x-3 gap-y-1 text-13 text-ink-2">
        <ImpactBadge impact={row.impact} long />
        {row.amountMinor > 0 && <Money amountMinor={row.amountMinor} currency={row.currency} />}
        <span>
          since <Time at={row.openedAt} />
        </span>
      </p>
    </>
  );
}

/** Whose word it is, where it is not Stripe's own. */
function ByFile({ row: { word, localNewer } }: { row: DiscrepancyRow }) {
  if (!word) return null;
  return (
    <Notice
      level={localNewer ? "warning" : "info"}
      title={
        localNewer
          ? "Our record was changed after the file was exported. It may be right already."
          : "This is the word of a file. Stripe was not asked."
      }
      className="mt-4"
    >
      <Link href={`/quick-fix/${word.import}`} className="link wrap-anywhere">
        {word.file ?? "A pasted list"}
      </Link>
      {word.line !== null && `, line ${word.line}`}
      {word.exportedAt ? (
        <>
          , exported <Time at={word.exportedAt} style="exact" />
        </>
      ) : (
        ", exported nobody knows when"
      )}
      . Check again asks Stripe, where it can be reached.
    </Notice>
  );
}

/** Who decided what, for rows that are not open. */
function Decided({ row }: { row: DiscrepancyRow }) {
  return (
    <p className="mt-3 flex flex-wrap items-center gap-x-2 text-13 text-ink-2">
      <StateLabel state={row.state} className="font-medium" />{" "}
      {row.decidedBy && <span>by {actorWords(row.decidedBy)} </span>}
      {row.decidedAt && <Time at={row.decidedAt} />}
      {row.state === "snoozed" && row.snoozedUntil && (
        <span>
          {" "}
          until <Time at={row.snoozedUntil} style="exact" />
        </span>
      )}
      {row.decisionReason && <span className="wrap-anywhere"> “{row.decisionReason}”</span>}
      <BulkLink row={row} />
    </p>
  );
}

/** Somebody took its correction back: it differs again, and that is meant to be so. */
function Undone({ row, at }: { row: DiscrepancyRow; at: Date }) {
  return (
    <p className="mt-3 flex flex-wrap items-center gap-x-2 text-13 text-ink-2">
      <span>
        {row.decidedBy ?? "Somebody"} undid its correction <Time at={at} />. No policy corrects it until its
        values change.
      </span>
      {row.decisionReason && <span className="wrap-anywhere">“{row.decisionReason}”</span>}
      <BulkLink row={row} />
    </p>
  );
}

function BulkLink({ row: { bulkId } }: { row: DiscrepancyRow }) {
  if (bulkId === null) return null;
  return (
    <Link href={`/bulks/${bulkId}`} className="link text-12">
      bulk {bulkId}
    </Link>
  );
}

/** What waits for a second person with this one among it; or what became of the last time that one was asked. */
function SecondPerson({
  details: { waiting, lastAsked },
  rights,
  actions,
}: {
  details: DiscrepancyDetails;
  rights: Rights;
  actions: DriftActions;
}) {
  return (
    <>
      <WaitingBulks
        waiting={waiting ? [waiting] : []}
        actions={actions}
        rights={rights}
        rowsLink={(waiting?.left ?? 0) > 1}
        className="mt-4"
      />
      {lastAsked && (
        <Notice
          level="info"
          title={
            <>
              {lastAsked.askedBy} asked for this <Time at={lastAsked.at} />, and nothing was written.
            </>
          }
          className="mt-4"
        >
          {lastAsked.message}
        </Notice>
      )}
    </>
  );
}

function Rest({ details, saidBelow }: { details: DiscrepancyDetails; saidBelow: boolean }) {
  const { discrepancy: row, statement, obstacle } = details;
  const closed = row.state === "fixed" || row.state === "resolved";
  return (
    <>
      <Why cause={row.cause} evidence={row.causeEvidence} />
      {!closed && obstacle && !saidBelow && (
        <Notice level="info" title="Nothing can be applied." className="mt-5">
          {obstacle}
        </Notice>
      )}
      {!closed && statement && <Statement sql={statement} className="mt-5" />}
      <History entries={details.history} discrepancyId={row.id} customerId={row.customerId} />
    </>
  );
}

function Waiting() {
  return (
    <div role="status" aria-label="Loading" className="mt-3 flex flex-col gap-3">
      <Skeleton className="h-4 w-2/5" />
      <Skeleton className="h-5 w-4/5" />
      <Skeleton className="h-28 w-full" />
    </div>
  );
}
