"use client";

import { ArrowLeft, ChevronLeft, ChevronRight, CircleHelp, RotateCw, X } from "lucide-react";
import { useEffect, useRef } from "react";
import type { DiscrepancyDetails } from "@/lib/discrepancies/details.ts";
import type { Count, DiscrepancyRow } from "@/lib/discrepancies/list.ts";
import { sentenceOf } from "@/lib/discrepancies/sides.ts";
import { CauseLabel } from "../format/cause-label.tsx";
import { ImpactBadge } from "../format/impact-badge.tsx";
import { Money } from "../format/money.tsx";
import { StateLabel } from "../format/state-label.tsx";
import { StripeId } from "../format/stripe-id.tsx";
import { Time } from "../format/time.tsx";
import { causeWords, count, resourceWords } from "../format/words.ts";
import { Button } from "../ui/button.tsx";
import { EmptyState } from "../ui/empty-state.tsx";
import { Notice } from "../ui/notice.tsx";
import { Skeleton } from "../ui/skeleton.tsx";
import { obstaclesOf } from "./allowed.ts";
import type { DecisionKind, Rights } from "./contract.ts";
import { titleOf } from "./difference.tsx";
import { History } from "./history.tsx";
import { PanelActions } from "./panel-actions.tsx";
import { useShortcuts } from "./shortcuts.ts";
import { Sides } from "./sides.tsx";
import { Statement } from "./statement.tsx";
import { useDetails } from "./use-details.ts";

interface PanelProps {
  id: number;
  /** The row as the list has it, to be shown until the rest is there. */
  glance: DiscrepancyRow | null;
  /** The list that it is seen in. */
  query: string;
  /** Changes when the list was read again. */
  stamp: number;
  total: Count;
  rights: Rights;
  onShow: (id: number) => void;
  onClose: () => void;
  onDecide: (kind: DecisionKind, row: DiscrepancyRow) => void;
}

/** One difference: what is wrong, both sides, why, what will run, what happened. Beside the list, or alone on a narrow screen. */
export function Panel(props: PanelProps) {
  const { answer, retry } = useDetails(props.id, props.query, props.stamp);
  const details = answer.state === "ready" ? answer.details : null;
  const row = details?.discrepancy ?? props.glance;
  const heading = useRef<HTMLHeadingElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another difference is read from its heading on.
  useEffect(() => {
    heading.current?.focus({ preventScroll: true });
    if (window.innerWidth < 1024) window.scrollTo({ top: 0 });
  }, [props.id]);
  const obstacles = details
    ? obstaclesOf(
        {
          state: details.discrepancy.state,
          obstacle: details.obstacle,
          changesMoney: details.changesMoney,
        },
        props.rights,
      )
    : null;
  const go = (id: number | null | undefined) => {
    if (id) props.onShow(id);
    return true;
  };
  const decide = (kind: DecisionKind) => {
    if (row && obstacles?.[kind] === null) props.onDecide(kind, row);
    return true;
  };
  // With the focus inside, the arrows scroll what is read.
  const outside = () => document.activeElement?.closest("aside") === null;
  const down = () => outside() && go(details?.neighbours.next);
  const up = () => outside() && go(details?.neighbours.previous);
  const close = () => {
    props.onClose();
    return true;
  };
  useShortcuts({
    j: () => go(details?.neighbours.next),
    k: () => go(details?.neighbours.previous),
    ArrowDown: down,
    ArrowUp: up,
    a: () => decide("apply"),
    x: () => decide("reject"),
    s: () => decide("snooze"),
    Escape: close,
  });
  return (
    <aside
      aria-labelledby="difference"
      className="flex w-full shrink-0 animate-slide-in flex-col bg-surface max-lg:min-h-[calc(100dvh-6.5rem)] lg:sticky lg:top-12 lg:h-[calc(100dvh-3rem)] lg:w-112 lg:border-l lg:border-line xl:w-128"
    >
      {/* On a narrow screen the list is gone, and with it the page's heading. */}
      <h1 className="sr-only lg:hidden">Drift</h1>
      <PanelBar {...props} details={details} />
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reachable by keyboard. */}
      <div tabIndex={0} className="min-h-0 flex-1 px-5 pb-6 -outline-offset-2 lg:overflow-y-auto">
        <h2
          id="difference"
          ref={heading}
          tabIndex={-1}
          className="text-20 font-semibold wrap-anywhere focus:outline-none"
        >
          {row ? titleOf(row) : answer.state === "unknown" ? "Not found" : `Difference ${props.id}`}
        </h2>
        {row ? (
          <>
            <Subject row={row} />
            {row.state !== "open" && <Decided row={row} />}
            <p className="mt-4 text-16 text-pretty">{sentenceOf(row)}</p>
            <Sides row={row} />
          </>
        ) : (
          answer.state === "loading" && <Waiting />
        )}
        {answer.state === "unknown" && (
          <EmptyState
            icon={CircleHelp}
            title={answer.message}
            action={<Button onClick={props.onClose}>Back to the list</Button>}
          />
        )}
        {answer.state === "failed" && (
          <Notice
            level="problem"
            title="The details did not come."
            className="mt-4"
            action={
              <Button size="sm" onClick={retry}>
                <RotateCw aria-hidden /> Try again
              </Button>
            }
          >
            {answer.message}
          </Notice>
        )}
        {details && <Rest details={details} saidBelow={obstacles?.apply === details.obstacle} />}
        {!details && row && answer.state === "loading" && <Skeleton className="mt-6 h-4 w-3/5" />}
      </div>
      {row && obstacles && <PanelActions obstacles={obstacles} onDecide={decide} />}
    </aside>
  );
}

/** Where it stands in the list, and the way on, back and out. */
function PanelBar(props: PanelProps & { details: DiscrepancyDetails | null }) {
  const { details, total, onShow, onClose } = props;
  const place = details?.neighbours.place;
  return (
    <div className="flex h-12 shrink-0 items-center gap-1 pr-3 pl-5 max-lg:pl-2">
      <Button variant="quiet" size="sm" onClick={onClose} className="lg:hidden">
        <ArrowLeft aria-hidden /> List
      </Button>
      <Button
        variant="quiet"
        size="iconSm"
        aria-label="Previous difference"
        disabled={!details?.neighbours.previous}
        onClick={() => details?.neighbours.previous && onShow(details.neighbours.previous)}
        className="lg:-ml-2"
      >
        <ChevronLeft aria-hidden />
      </Button>
      <p className="text-12 text-ink-3">
        {place
          ? `${count(place)} of ${count(total.count)}${total.more ? "+" : ""}`
          : details && "Not in this list any more"}
      </p>
      <Button
        variant="quiet"
        size="iconSm"
        aria-label="Next difference"
        disabled={!details?.neighbours.next}
        onClick={() => details?.neighbours.next && onShow(details.neighbours.next)}
      >
        <ChevronRight aria-hidden />
      </Button>
      <Button
        variant="quiet"
        size="iconSm"
        aria-label="Close the panel"
        onClick={onClose}
        className="ml-auto max-lg:hidden"
      >
        <X aria-hidden />
      </Button>
    </div>
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
        <span className="text-12 text-ink-3">
          {resourceWords(row.resource)}
          {row.localKey && (
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

/** Who decided what, for rows that are not open. */
function Decided({ row }: { row: DiscrepancyRow }) {
  return (
    <p className="mt-3 flex flex-wrap items-center gap-x-2 text-13 text-ink-2">
      <StateLabel state={row.state} className="font-medium" />{" "}
      {row.decidedBy && <span>by {row.decidedBy} </span>}
      {row.decidedAt && <Time at={row.decidedAt} />}
      {row.state === "snoozed" && row.snoozedUntil && (
        <span>
          {" "}
          until <Time at={row.snoozedUntil} style="exact" />
        </span>
      )}
      {row.decisionReason && <span className="wrap-anywhere"> “{row.decisionReason}”</span>}
    </p>
  );
}

function Rest({ details, saidBelow }: { details: DiscrepancyDetails; saidBelow: boolean }) {
  const { discrepancy: row, statement, obstacle } = details;
  const closed = row.state === "fixed" || row.state === "resolved";
  return (
    <>
      <section className="mt-5 text-13">
        <h3 className="text-12 font-medium text-ink-3">Why</h3>
        <p className="mt-0.5">
          {row.cause !== "unknown" && (
            <>
              <CauseLabel cause={row.cause} long className="font-medium whitespace-normal" />.{" "}
            </>
          )}
          <span className="text-ink-2">{causeWords[row.cause].meaning}</span>
        </p>
      </section>
      {!closed && obstacle && !saidBelow && (
        <Notice level="info" title="Nothing can be applied." className="mt-5">
          {obstacle}
        </Notice>
      )}
      {!closed && statement && <Statement sql={statement} className="mt-5" />}
      <History entries={details.history} discrepancyId={row.id} />
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
