import { CircleCheck, CircleSlash, type LucideIcon, TriangleAlert } from "lucide-react";
import Link from "next/link";
import type { Choice, Source, Strategy, Verdict } from "@/lib/choose/choose.ts";
import { Card } from "../ui/card.tsx";
import { cn } from "../ui/cn.ts";

export const strategyWords: Record<Strategy, { name: string; what: string; href: string }> = {
  "quick-fix": {
    name: "Quick fix",
    what: "A person brings what Stripe's Dashboard exported.",
    href: "/quick-fix",
  },
  reconciliation: {
    name: "Reconciliation",
    what: "Runs compare and correct, by themselves.",
    href: "/runs",
  },
  "live-lookup": {
    name: "Live lookup",
    what: "Programs ask Stripe instead of your records.",
    href: "/lookup",
  },
};

const fitWords: Record<Verdict["fits"], { words: string; icon: LucideIcon; className: string }> = {
  yes: { words: "Fits", icon: CircleCheck, className: "text-fixed" },
  "with care": { words: "Fits with care", icon: TriangleAlert, className: "text-unpaid" },
  no: { words: "Does not fit", icon: CircleSlash, className: "text-ink-3" },
};
const sourceWords: Record<Source, string> = {
  yours: "as it is set",
  computed: "from your figures",
  assumed: "our assumption",
  limit: "what the config allows at Stripe",
};

/** Each strategy by these figures, the one to rest on first. */
export function Verdicts({ choice: { take, verdicts } }: { choice: Choice }) {
  const rest = (Object.keys(verdicts) as Strategy[]).filter((one) => !take.includes(one));
  return (
    <ul className="grid gap-4 px-4 pb-8 md:px-6 xl:grid-cols-3">
      {[...take, ...rest].map((strategy) => (
        <li key={strategy}>
          <One verdict={verdicts[strategy]} />
        </li>
      ))}
    </ul>
  );
}

function One({ verdict: { strategy, fits, why, costs, risk } }: { verdict: Verdict }) {
  const { name, what, href } = strategyWords[strategy];
  const { words, icon: Icon, className } = fitWords[fits];
  return (
    <Card className="flex h-full flex-col gap-3 p-5 text-13" aria-label={name}>
      <div className="flex flex-wrap items-center justify-between gap-2">
        <h2 className="text-16 font-semibold">
          <Link href={href} className="rounded-sm hover:underline">
            {name}
          </Link>
        </h2>
        <span className="inline-flex items-center gap-1.5 font-medium">
          <Icon aria-hidden className={cn("size-4", className)} />
          {words}
        </span>
      </div>
      <p className="text-pretty text-ink-2">{what}</p>
      <p className="text-pretty">{why}</p>
      <dl className="flex flex-col gap-2 border-t border-line pt-3">
        {costs.map((cost) => (
          <div key={cost.what} className="flex flex-wrap items-baseline justify-between gap-x-3">
            <dt className="text-ink-2">
              {cost.what} <span className="text-12 text-ink-3">({sourceWords[cost.from]})</span>
            </dt>
            <dd className="font-medium tabular-nums">{cost.value}</dd>
          </div>
        ))}
      </dl>
      <p className="mt-auto border-t border-line pt-3 text-pretty">
        <span className="font-medium">Its risk: </span>
        <span className="text-ink-2">{risk}</span>
      </p>
    </Card>
  );
}
