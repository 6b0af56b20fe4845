import Link from "next/link";
import type { ReactNode } from "react";
import type { DiscrepancyState } from "@/lib/db/schema.ts";
import type { WaitingBulk } from "@/lib/discrepancies/waiting.ts";
import type { RecentRuns } from "@/lib/reconcile/recent.ts";
import { count } from "../format/words.ts";
import { Compared } from "../runs/compared.tsx";
import { RunNotice } from "../runs/run-notice.tsx";
import type { DriftActions, Rights } from "./contract.ts";
import type { ListParams } from "./search-params.ts";
import { StateTabs } from "./state-tabs.tsx";
import { WaitingBulks } from "./waiting-bulks.tsx";

interface HeadingProps {
  params: ListParams;
  counts: Record<DiscrepancyState, number>;
  /** Of each account in view. */
  runs: readonly RecentRuns[];
  waiting: readonly WaitingBulk[];
  actions: DriftActions;
  rights: Rights;
  runButton: ReactNode;
}

/** How much there is to decide, how far the numbers can be trusted, and the way to what is decided already. */
export function Heading({ params, counts, runs, waiting, actions, rights, runButton }: HeadingProps) {
  const underWay = runs.some((of) => of.underWay !== null);
  const known = runs.some((of) => of.lastAnswer !== null);
  return (
    <>
      <header className="px-4 pt-5 pb-2 @4xl:px-6">
        <div className="flex flex-wrap items-start justify-between gap-x-6">
          <h1 className="text-20 font-semibold">{headline(counts.open, known)}</h1>
          <Link href="/bulks" className="rounded-sm py-1 text-13 text-ink-3 hover:text-ink">
            Actions so far
          </Link>
        </div>
        <p className="mt-0.5 text-13 text-ink-2">
          <Compared runs={runs} />
          {underWay && " A run is under way; this is what was known before it."}
        </p>
      </header>
      {runs.map(
        ({ underWay, lastEnded, lastAnswer }) =>
          !underWay &&
          lastEnded &&
          lastEnded.state !== "succeeded" && (
            <div key={lastEnded.id} className="px-4 pb-2 @4xl:px-6">
              <RunNotice run={lastEnded} numbersFrom={lastAnswer} action={runButton} />
            </div>
          ),
      )}
      <StateTabs params={params} counts={counts} />
      {params.state === "waiting" && (
        <WaitingBulks waiting={waiting} actions={actions} rights={rights} className="px-4 pt-3 @4xl:px-6" />
      )}
    </>
  );
}

function headline(open: number, known: boolean): string {
  if (open > 0) return `${count(open)} ${open === 1 ? "difference is" : "differences are"} open.`;
  return known ? "Nothing is left to decide." : "Nothing has been compared yet.";
}
