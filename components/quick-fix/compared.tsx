import Link from "next/link";
import type { ImportFindingKind } from "@/lib/db/schema.ts";
import type { FindingView } from "@/lib/quick-fix/imports.ts";
import type { RunView } from "@/lib/reconcile/runs.ts";
import { count, plural } from "../format/words.ts";
import { figuresOf } from "../runs/figures.ts";
import { RunState } from "../runs/run-state.tsx";
import { Button } from "../ui/button.tsx";
import { Notice } from "../ui/notice.tsx";
import { FindingTable } from "./lines.tsx";
import { findingWords } from "./words.ts";

/** How the last comparison ended: what differs, and what it could not say. */
export function Compared({
  id,
  run,
  differences,
  findings,
  list,
}: {
  id: number;
  run: RunView;
  differences: { open: number; all: number };
  findings: {
    counts: readonly { finding: ImportFindingKind; count: number }[];
    rows: readonly FindingView[];
  };
  list: boolean;
}) {
  const { found } = figuresOf(run);
  const listed = findings.counts.reduce((sum, one) => sum + one.count, 0);
  return (
    <section aria-labelledby="compared" className="border-t border-line">
      <div className="flex flex-col gap-3 px-4 py-5 md:px-6">
        <h2 id="compared" className="flex flex-wrap items-center gap-x-3 text-14 font-semibold">
          What the comparison found
          <Link href={`/runs/${run.id}`} className="link rounded-sm text-13 font-normal">
            Run {run.id}
          </Link>
          <RunState state={run.state} className="text-13 font-normal" />
        </h2>
        {run.message && <Notice level={run.state === "succeeded" ? "info" : "problem"} title={run.message} />}
        {list ? (
          (found > 0 || run.state === "succeeded") && (
            <Notice
              level={found > 0 ? "warning" : "good"}
              title={
                found > 0
                  ? `${plural(found, "difference")} among them.`
                  : "Stripe agrees with our records of them."
              }
              action={
                found > 0 && (
                  <Button asChild variant="primary">
                    <Link href="/discrepancies">Open differences</Link>
                  </Button>
                )
              }
            >
              Stripe was asked about each entry, and about everything of the customers among them.
            </Notice>
          )
        ) : (
          <Notice
            level={differences.open > 0 ? "warning" : "good"}
            title={
              differences.open > 0
                ? `${plural(differences.open, "open difference")} by the word of this file.`
                : "Nothing is open by the word of this file."
            }
            action={
              differences.all > 0 && (
                <Button asChild variant="primary">
                  <Link href={`/discrepancies?import=${id}`}>Open differences</Link>
                </Button>
              )
            }
          >
            {differences.open > 0
              ? "The file says what was true when it was exported. Each correction still checks that our record has not changed since."
              : "Either our records agree with it, or Stripe itself has been asked since."}
          </Notice>
        )}
        {findings.counts.length > 0 && (
          <ul className="flex flex-col gap-1 text-13">
            {findings.counts.map((one) => (
              <li key={one.finding} className="text-pretty text-ink-2">
                <span className="font-medium text-ink">
                  {count(one.count)} × {findingWords[one.finding].title}.
                </span>{" "}
                {findingWords[one.finding].meaning}
              </li>
            ))}
          </ul>
        )}
      </div>
      {findings.rows.length > 0 && <FindingTable rows={findings.rows} />}
      {listed > findings.rows.length && (
        <p className="px-4 py-3 text-13 text-ink-3 md:px-6">
          The first {findings.rows.length} of {count(listed)}.
        </p>
      )}
    </section>
  );
}
