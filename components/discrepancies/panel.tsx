"use client";

import { ArrowLeft, ChevronLeft, ChevronRight, X } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import type { DiscrepancyDetails, LastFix } from "@/lib/discrepancies/details.ts";
import type { DiscrepancyRow } from "@/lib/discrepancies/list.ts";
import type { Count } from "@/lib/discrepancies/totals.ts";
import { UndoButton } from "../bulks/undo-button.tsx";
import { count } from "../format/words.ts";
import { useCommands } from "../frame/commands.ts";
import { Button } from "../ui/button.tsx";
import { type Obstacles, obstaclesOf } from "./allowed.ts";
import type { DecisionKind, DriftActions, Rights } from "./contract.ts";
import { titleOf } from "./difference.tsx";
import { PanelActions, panelButtons } from "./panel-actions.tsx";
import { PanelBody } from "./panel-body.tsx";
import { useShortcuts } from "./shortcuts.ts";
import { type Check, useCheck } from "./use-check.ts";
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
  /** Its neighbours in the list, until the server has said who they are. */
  beside: { previous: number | null; next: number | null };
  rights: Rights;
  onShow: (id: number) => void;
  onClose: () => void;
  onDecide: (kind: DecisionKind, row: DiscrepancyRow) => void;
  actions: DriftActions;
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
  const decide = useDecide(props, row, obstacles);
  // What had the focus may be gone with a decision.
  // biome-ignore lint/correctness/useExhaustiveDependencies: whenever the panel says something else.
  useEffect(() => {
    if (document.activeElement === document.body) heading.current?.focus({ preventScroll: true });
  }, [details]);
  const check = useCheck(props.id, props.actions.check);
  const mayCheck = props.rights.check ? check : null;
  usePanelKeys(props, details, { decide, check: mayCheck });
  useCommands([
    ...panelButtons
      .filter(({ kind }) => obstacles?.[kind] === null)
      .map(({ kind, name, key }) => ({ name, keys: key, run: () => decide(kind) })),
    ...(mayCheck ? [{ name: "Check again", keys: "r", run: () => mayCheck.run() }] : []),
    { name: "Close the panel", keys: "Esc", run: props.onClose },
  ]);
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
        <PanelBody
          row={row}
          answer={answer}
          obstacles={obstacles}
          rights={props.rights}
          actions={props.actions}
          onRetry={retry}
          onClose={props.onClose}
        />
      </div>
      {row && obstacles && (
        <PanelActions
          obstacles={obstacles}
          onDecide={decide}
          check={mayCheck}
          seenAt={row.observedAt}
          undo={details?.fix && <UndoFix fix={details.fix} row={row} {...props} />}
        />
      )}
    </aside>
  );
}

/** Also before the details are there: what was asked for then is done once they say that it may be. */
function useDecide({ id, onDecide }: PanelProps, row: DiscrepancyRow | null, obstacles: Obstacles | null) {
  const [wanted, setWanted] = useState<{ id: number; kind: DecisionKind } | null>(null);
  useEffect(() => {
    if (wanted === null || (wanted.id === id && obstacles === null)) return;
    setWanted(null);
    if (wanted.id === id && row && obstacles?.[wanted.kind] === null) onDecide(wanted.kind, row);
  }, [wanted, id, row, obstacles, onDecide]);
  return (kind: DecisionKind) => setWanted({ id, kind });
}

/** The way back from a correction, or why there is none. */
function UndoFix({ fix, row, rights, actions }: PanelProps & { fix: LastFix; row: DiscrepancyRow }) {
  const obstacle = !rights.decide
    ? "It is fixed. Support, finance and admin may undo that."
    : (fix.obstacle ??
      (fix.changesMoney && !rights.decideMoney
        ? "It is fixed. Undoing it changes an amount of money: finance and admin may do that."
        : null));
  if (obstacle !== null) return <p className="text-12 text-pretty text-ink-2">{obstacle}</p>;
  return (
    <>
      <p className="w-full text-12 text-ink-2">It is fixed. You can undo that.</p>
      <UndoButton undo={{ fixes: [fix.id] }} subject={titleOf(row)} actions={actions} rights={rights}>
        Undo this fix…
      </UndoButton>
    </>
  );
}

function usePanelKeys(
  { onShow, onClose, beside }: PanelProps,
  details: DiscrepancyDetails | null,
  { decide, check }: { decide: (kind: DecisionKind) => void; check: Check | null },
) {
  const go = (id: number | null | undefined) => () => {
    if (id) onShow(id);
    return true;
  };
  const neighbours = details?.neighbours ?? beside;
  const next = go(neighbours.next);
  const previous = go(neighbours.previous);
  // With the focus inside, the arrows scroll what is read.
  const outside = () => document.activeElement?.closest("aside") === null;
  const down = () => outside() && next();
  const up = () => outside() && previous();
  const by = (kind: DecisionKind) => () => {
    decide(kind);
    return true;
  };
  const close = () => {
    onClose();
    return true;
  };
  const again = () => {
    if (details) check?.run();
    return true;
  };
  useShortcuts({
    j: next,
    k: previous,
    ArrowDown: down,
    ArrowUp: up,
    a: by("apply"),
    x: by("reject"),
    s: by("snooze"),
    r: again,
    u: () => {
      document.querySelector<HTMLElement>("aside [data-undo]")?.click();
      return true;
    },
    Escape: close,
  });
}

/** Where it stands in the list, and the way on, back and out. */
function PanelBar(props: PanelProps & { details: DiscrepancyDetails | null }) {
  const { details, total, onShow, onClose } = props;
  const { previous, next } = details?.neighbours ?? props.beside;
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
        disabled={previous === null}
        onClick={() => previous !== null && onShow(previous)}
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
        disabled={next === null}
        onClick={() => next !== null && onShow(next)}
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
