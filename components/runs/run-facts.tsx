import type { ReactNode } from "react";
import type { RunView } from "@/lib/reconcile/runs.ts";
import { targetWords } from "@/lib/reconcile/target-words.ts";
import { durationText } from "../format/clock.ts";
import { StripeId } from "../format/stripe-id.tsx";
import { Time } from "../format/time.tsx";
import { count, resourceWords, runTriggerWords } from "../format/words.ts";
import { AccountLabel } from "../frame/accounts.tsx";
import { durationMs, figuresOf } from "./figures.ts";

/** What there is to know about a run as a whole, as pairs. */
export function RunFacts({ run, now }: { run: RunView; now: Date }) {
  const figures = figuresOf(run);
  const duration = durationMs(run, now);
  return (
    <dl className="grid grid-cols-2 gap-x-6 gap-y-4 border-y border-line px-4 py-4 text-13 sm:grid-cols-3 md:px-6 xl:grid-cols-6">
      <Fact name="Compared">{count(figures.compared)} records</Fact>
      <Fact name="Found">
        {count(figures.found)} differences
        {figures.fixed > 0 && (
          <span className="block text-fixed">{count(figures.fixed)} corrected automatically</span>
        )}
      </Fact>
      <Fact name="Took">{duration === null ? "–" : durationText(duration)}</Fact>
      <Fact name="Requests to Stripe">
        {count(run.requests)}
        {run.rateLimited > 0 && <span className="text-ink-3"> · {count(run.rateLimited)} slowed down</span>}
      </Fact>
      <Fact name={runTriggerWords[run.trigger]}>
        <span className="break-all">{run.requestedBy}</span>{" "}
        <span className="text-ink-3">
          · <Time at={run.requestedAt} />
        </span>
      </Fact>
      <Fact name="Scope">
        {run.targets ? `Only ${targetWords(run.targets)}` : run.mode === "full" ? "Full" : "Incremental"}
        {run.onlyResources ? ` · ${run.onlyResources.map(resourceWords).join(", ")}` : " · everything"}
        {run.accountId && (
          <span className="block">
            <StripeId id={run.accountId} />
          </span>
        )}
        <AccountLabel id={run.accountId} name={run.accountName} always />
      </Fact>
    </dl>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="min-w-0">
      <dt className="text-12 text-ink-3">{name}</dt>
      <dd className="mt-0.5 text-ink">{children}</dd>
    </div>
  );
}
