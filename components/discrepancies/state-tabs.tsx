"use client";

import Link from "next/link";
import type { DiscrepancyState } from "@/lib/db/schema.ts";
import { count, stateWords } from "../format/words.ts";
import { tabStyle } from "../ui/tabs.tsx";
import { type ListParams, listHref } from "./search-params.ts";

const tabs: DiscrepancyState[] = ["open", "waiting", "snoozed", "fixed", "rejected", "resolved"];

/** One list per state. Those that hold something on the way show up only then. */
export function StateTabs({
  params,
  counts,
}: {
  params: ListParams;
  counts: Record<DiscrepancyState, number>;
}) {
  const shown = tabs.filter((state) => state !== "resolved" || counts.resolved > 0 || params.state === state);
  if (counts.applying > 0 || params.state === "applying") shown.splice(2, 0, "applying");
  return (
    <nav
      aria-label="States"
      className="flex gap-4 overflow-x-auto border-b border-line px-4 @4xl:px-6 [scrollbar-width:none]"
    >
      {shown.map((state) => (
        <Link
          key={state}
          href={`/discrepancies${listHref({ ...params, state, cursor: null, id: null, bulk: null })}`}
          aria-current={params.state === state ? "page" : undefined}
          title={stateWords[state].meaning}
          className={`${tabStyle} -outline-offset-2`}
        >
          {stateWords[state].long}
          {counts[state] > 0 && (
            <span className="text-12 font-normal text-ink-3">{count(counts[state])}</span>
          )}
        </Link>
      ))}
    </nav>
  );
}
