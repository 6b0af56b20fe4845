import { ArrowUp } from "lucide-react";
import Link from "next/link";
import { impacts } from "@/lib/db/schema.ts";
import type { ImpactSummary, Summary } from "@/lib/discrepancies/summary.ts";
import { ImpactShape } from "../format/impact-badge.tsx";
import { Stakes } from "../format/stakes.tsx";
import { Time } from "../format/time.tsx";
import { count, impactWords } from "../format/words.ts";
import { withAccount } from "../frame/with-account.ts";
import { cn } from "../ui/cn.ts";

/** The four impacts, in the order in which they hurt. Each leads to its rows. */
export function ImpactTiles({ summary, account }: { summary: Summary; account?: string | undefined }) {
  return (
    <ul className="grid overflow-hidden rounded-lg border border-line bg-line sm:grid-cols-2 xl:grid-cols-[1.25fr_1.25fr_1fr_1fr] gap-px">
      {impacts.map((impact) => (
        <Tile key={impact} summary={summary.impacts[impact]} account={account} />
      ))}
    </ul>
  );
}

function Tile({ summary, account }: { summary: ImpactSummary; account: string | undefined }) {
  const { impact } = summary;
  const people = impact === "paid_no_access" || impact === "access_no_pay";
  const number = people ? summary.customers : summary.rows;
  const unit = people ? (number === 1 ? "customer" : "customers") : number === 1 ? "record" : "records";
  return (
    <li className="relative flex flex-col bg-surface px-4 pt-3.5 pb-3 transition-colors duration-100 has-[a:hover]:bg-hover">
      <h2 className="flex items-center gap-2 text-13 font-medium">
        <ImpactShape impact={impact} className={cn(number === 0 && "text-line-strong")} />
        <Link
          href={withAccount(`/discrepancies?${new URLSearchParams({ impact })}`, account)}
          className="rounded-sm after:absolute after:inset-0"
        >
          {impactWords[impact].long}
        </Link>
      </h2>
      <p className="mt-3 flex items-baseline gap-2">
        <span className={cn("text-28 font-semibold proportional-nums", number === 0 && "text-ink-3")}>
          {count(number)}
        </span>
        <span className="text-13 text-ink-2">{unit}</span>
      </p>
      <p className="mt-0.5 min-h-5 text-13 text-ink-2">
        {summary.stakes.length > 0 ? (
          <Stakes stakes={summary.stakes} perMonth={people} />
        ) : (
          <span className="text-ink-3">{number === 0 ? "None at the moment" : "No money at stake"}</span>
        )}
      </p>
      <p className="relative mt-3 flex min-h-4 items-center gap-3 self-start text-12 text-ink-3">
        {summary.oldestAt && (
          <span>
            oldest <Time at={summary.oldestAt} style="age" />
          </span>
        )}
        {summary.newRows > 0 && (
          <span className="inline-flex items-center gap-0.5 text-ink-2">
            <ArrowUp aria-hidden className="size-3" />
            {count(summary.newRows)} in 24 h
          </span>
        )}
      </p>
    </li>
  );
}
