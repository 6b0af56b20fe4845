import { CircleCheck, Clock, FilterX, Inbox, Telescope } from "lucide-react";
import Link from "next/link";
import type { ReactNode } from "react";
import type { DiscrepancyState } from "@/lib/db/schema.ts";
import type { RecentRuns } from "@/lib/reconcile/recent.ts";
import { Compared } from "../runs/compared.tsx";
import { Button } from "../ui/button.tsx";
import { EmptyState } from "../ui/empty-state.tsx";
import { isFiltered, type ListParams, listHref, noFilter } from "./search-params.ts";

/** A list without rows: a good day, nothing found, or nothing compared yet. */
export function EmptyList({
  params,
  runs,
  runButton,
}: {
  params: ListParams;
  /** What the list comes from, of each account in view. */
  runs: readonly RecentRuns[];
  /** For those who may start one. */
  runButton: ReactNode;
}) {
  if (isFiltered(params))
    return (
      <EmptyState
        icon={FilterX}
        title={params.search.trim() ? `Nothing here for “${params.search.trim()}”.` : "Nothing matches."}
        action={
          <Button asChild>
            <Link href={`/discrepancies${listHref({ ...params, ...noFilter, id: null })}`}>
              Clear the filter
            </Link>
          </Button>
        }
      >
        {params.search.trim()
          ? "The search looks at customers, e-mail addresses and ids, in this tab only. A record that agrees with Stripe is in none of them."
          : "Other filters, or another tab, may show more."}
      </EmptyState>
    );
  if (params.state !== "open")
    return (
      <EmptyState icon={Clock} title={emptyWords[params.state].title}>
        {emptyWords[params.state].text}
      </EmptyState>
    );
  if (runs.every(({ lastAnswer }) => lastAnswer === null))
    return (
      <EmptyState icon={Telescope} title="Nothing has been compared yet." action={runButton}>
        The first run reads every mapped table and the Stripe objects behind it. It changes nothing on either
        side.
        {!runButton && " Somebody with the role support, finance or admin can start it."}
      </EmptyState>
    );
  return runs.every(({ lastAnswer }) => lastAnswer?.state === "succeeded") ? (
    <EmptyState icon={CircleCheck} title="Nothing differs.">
      <Compared runs={runs} />
    </EmptyState>
  ) : (
    <EmptyState icon={Inbox} title="Nothing is known to differ." action={runButton}>
      The last check did not get to its end, so this is not the whole picture.
    </EmptyState>
  );
}

const emptyWords: Record<DiscrepancyState, { title: string; text: string }> = {
  open: { title: "Nothing differs.", text: "" },
  waiting: {
    title: "Nothing waits for a second person.",
    text: "Large corrections land here until somebody else agrees to them.",
  },
  snoozed: {
    title: "Nothing is put off.",
    text: "What somebody snoozes waits here until its time, and is open again then.",
  },
  applying: { title: "Nothing is being written.", text: "Corrections pass through here on their way." },
  fixed: {
    title: "Nothing was corrected yet.",
    text: "Records that are corrected from here are listed here, with who decided and when.",
  },
  rejected: {
    title: "Nothing was rejected.",
    text: "Differences that somebody decided to leave as they are end up here, with the reason.",
  },
  resolved: {
    title: "Nothing went away by itself.",
    text: "Differences that a later check no longer found are listed here.",
  },
};
