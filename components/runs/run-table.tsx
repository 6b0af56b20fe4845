import Link from "next/link";
import type { RunView } from "@/lib/reconcile/runs.ts";
import { durationText } from "../format/clock.ts";
import { Time } from "../format/time.tsx";
import { count, resourceWords, runTriggerWords } from "../format/words.ts";
import { AccountLabel } from "../frame/accounts.tsx";
import { withAccount } from "../frame/with-account.ts";
import { cn } from "../ui/cn.ts";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "../ui/table.tsx";
import { durationMs, figuresOf, heldBackIn } from "./figures.ts";
import { RunState } from "./run-state.tsx";

export function RunTable({
  runs,
  now,
  account,
}: {
  runs: readonly RunView[];
  now: Date;
  /** The account in view, of several. */
  account?: string | undefined;
}) {
  return (
    <Table label="Runs" edge="page">
      <TableHeader>
        <TableRow>
          <TableHead>Run</TableHead>
          <TableHead>State</TableHead>
          <TableHead>Started</TableHead>
          <TableHead>Mode</TableHead>
          <TableHead>By</TableHead>
          <TableHead className="text-right">Took</TableHead>
          <TableHead className="text-right">Compared</TableHead>
          <TableHead className="text-right">Differ</TableHead>
          <TableHead className="text-right">No local record</TableHead>
          <TableHead className="text-right">Not in Stripe</TableHead>
          <TableHead className="text-right">Duplicate</TableHead>
          <TableHead className="text-right">Corrected</TableHead>
          <TableHead className="text-right max-2xl:hidden">Requests</TableHead>
        </TableRow>
      </TableHeader>
      <TableBody>
        {runs.map((run) => {
          const figures = figuresOf(run);
          const duration = durationMs(run, now);
          return (
            <TableRow key={run.id} className="relative has-[a:hover]:bg-hover">
              <TableCell>
                <Link
                  href={withAccount(`/runs/${run.id}`, account)}
                  className="mr-2 rounded-sm font-medium after:absolute after:inset-0"
                >
                  {run.id}
                </Link>
                <AccountLabel id={run.accountId} name={run.accountName} />
              </TableCell>
              <TableCell>
                <RunState state={run.state} />
              </TableCell>
              <TableCell className="relative text-ink-2">
                <Time at={run.startedAt ?? run.requestedAt} />
              </TableCell>
              <TableCell className="whitespace-nowrap text-ink-2">
                {run.mode}
                {run.onlyResources && (
                  <span className="text-ink-3"> · {run.onlyResources.map(resourceWords).join(", ")}</span>
                )}
              </TableCell>
              <TableCell className="max-w-48 truncate text-ink-2">
                {run.trigger === "person" ? run.requestedBy : runTriggerWords[run.trigger]}
              </TableCell>
              <TableCell className="text-right whitespace-nowrap text-ink-2">
                {duration === null ? "–" : durationText(duration)}
              </TableCell>
              <Figure value={figures.compared} />
              <Figure value={figures.mismatch} strong />
              <Figure value={figures.missingLocal} strong />
              <Figure value={figures.missingInStripe} strong />
              <Figure value={figures.duplicate} strong />
              <Corrected fixed={figures.fixed} heldBack={heldBackIn(run).length > 0} />
              <Figure value={run.requests} className="max-2xl:hidden" />
            </TableRow>
          );
        })}
      </TableBody>
    </Table>
  );
}

/** What policies corrected, or that they did not. */
export function Corrected({ fixed, heldBack }: { fixed: number; heldBack: boolean }) {
  if (!heldBack) return <Figure value={fixed} strong />;
  return (
    <TableCell className="text-right whitespace-nowrap text-ink-2">
      {fixed > 0 && `${count(fixed)}, rest `}held back
    </TableCell>
  );
}

export function Figure({
  value,
  strong,
  className,
}: {
  value: number;
  strong?: boolean;
  className?: string;
}) {
  return (
    <TableCell className={cn("text-right", strong && value > 0 ? "text-ink" : "text-ink-3", className)}>
      {value === 0 ? "–" : count(value)}
    </TableCell>
  );
}
