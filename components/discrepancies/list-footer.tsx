"use client";

import { Keyboard } from "lucide-react";
import type { DiscrepancyPage } from "@/lib/discrepancies/list.ts";
import { type Picked, pickedCount } from "@/lib/discrepancies/picked.ts";
import { Pager } from "../data-table/pager.tsx";
import { count } from "../format/words.ts";
import { Button } from "../ui/button.tsx";
import type { DecisionKind, Rights } from "./contract.ts";

interface ListFooterProps {
  page: DiscrepancyPage;
  picked: Picked;
  /** What can be decided on rows of this list. */
  decisions: readonly DecisionKind[];
  rights: Rights;
  atStart: boolean;
  onGo: (cursor: string | null) => void;
  onPickAll: () => void;
  onClear: () => void;
  onDecide: (kind: DecisionKind) => void;
  onHelp: () => void;
}

/** What is selected and what can be done with it; otherwise the way to the other pages. */
export function ListFooter(props: ListFooterProps) {
  const { page, picked, decisions, rights } = props;
  const chosen = pickedCount(picked);
  const chosenText = `${count(chosen.count)}${chosen.more ? "+" : ""}`;
  const totalText = `${count(page.total.count)}${page.total.more ? "+" : ""}`;
  const some = chosen.count > 0;
  const moreThanShown = page.next !== null || page.previous !== null;
  return (
    <footer className="sticky bottom-14 z-20 mt-auto flex min-h-12 flex-wrap items-center gap-x-3 gap-y-2 border-t border-line bg-surface px-4 py-2 md:bottom-0 @4xl:px-6">
      <p aria-live="polite" className={some ? "text-13 font-medium" : "min-w-0 flex-1 text-12 text-ink-3"}>
        {some ? `${picked.kind === "all" ? "All " : ""}${chosenText} selected` : hintFor(rights)}
      </p>
      {some && (
        <>
          <span className="flex items-center gap-1">
            {picked.kind === "rows" && moreThanShown && (
              <Button variant="link" size="sm" onClick={props.onPickAll}>
                Select all {totalText} that match
              </Button>
            )}
            <Button variant="quiet" size="sm" onClick={props.onClear}>
              Clear
            </Button>
          </span>
          <span className="flex flex-wrap items-center gap-2 @3xl:ml-auto">
            {decisions.map((kind) => (
              <Button
                key={kind}
                variant={kind === "apply" ? "primary" : "secondary"}
                size="sm"
                onClick={() => props.onDecide(kind)}
              >
                {kind === "apply" ? `Approve ${chosenText}…` : kind === "reject" ? "Reject…" : "Snooze…"}
              </Button>
            ))}
          </span>
        </>
      )}
      <span className="ml-auto flex items-center gap-2">
        <Pager previous={page.previous} next={page.next} onGo={props.onGo} atStart={props.atStart} />
        <Button variant="quiet" size="sm" onClick={props.onHelp} className="max-md:hidden">
          <Keyboard aria-hidden /> <span className="max-xl:sr-only">Shortcuts</span>
        </Button>
      </span>
    </footer>
  );
}

function hintFor(rights: Rights): string {
  if (!rights.decide) return "You see everything here. Deciding takes the role support, finance or admin.";
  if (!rights.bulk) return "You decide one difference at a time. Finance and admin may decide many at once.";
  return "";
}
