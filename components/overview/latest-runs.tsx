import Link from "next/link";
import type { RunView } from "@/lib/reconcile/runs.ts";
import { durationText } from "../format/clock.ts";
import { Time } from "../format/time.tsx";
import { count } from "../format/words.ts";
import { AccountLabel } from "../frame/accounts.tsx";
import { durationMs, figuresOf, heldBackIn } from "../runs/figures.ts";
import { RunState } from "../runs/run-state.tsx";

export function LatestRuns({ runs }: { runs: readonly RunView[] }) {
  return (
    <ul className="divide-y divide-line text-13">
      {runs.map((run) => {
        const duration = durationMs(run, run.finishedAt ?? new Date());
        const { found, fixed } = figuresOf(run);
        const automatic =
          heldBackIn(run).length > 0 ? "held back" : fixed > 0 ? `${count(fixed)} corrected` : null;
        return (
          <li key={run.id} className="relative flex h-10 items-center gap-3 px-4 has-[a:hover]:bg-hover">
            <RunState state={run.state} iconOnly />
            <Link
              href={`/runs/${run.id}`}
              className="rounded-sm font-medium whitespace-nowrap after:absolute after:inset-0"
            >
              Run {run.id}
            </Link>
            <AccountLabel id={run.accountId} name={run.accountName} />
            <span className="relative text-ink-3">
              <Time at={run.startedAt ?? run.requestedAt} />
            </span>
            {automatic && <span className="whitespace-nowrap text-ink-3 max-sm:hidden">{automatic}</span>}
            <span className="ml-auto whitespace-nowrap text-ink-3 max-sm:hidden">
              {duration !== null && run.finishedAt && durationText(duration)}
            </span>
            <span className="w-20 text-right whitespace-nowrap text-ink-2">{count(found)} found</span>
          </li>
        );
      })}
    </ul>
  );
}
