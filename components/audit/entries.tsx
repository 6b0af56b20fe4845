import Link from "next/link";
import type { ReadEntry } from "@/lib/audit/read.ts";
import { Time } from "../format/time.tsx";
import { count, resourceTitle } from "../format/words.ts";
import { AccountLabel } from "../frame/accounts.tsx";
import { Changes, Sentence } from "./sentence.tsx";

/** The history in sentences, newest first; what an entry is about and its place in the chain unfold. */
export function Entries({ entries }: { entries: readonly ReadEntry[] }) {
  return (
    <ol aria-label="History" className="divide-y divide-line border-t border-line text-13">
      {entries.map((entry) => (
        <li key={entry.seq} className="px-4 py-2.5 md:px-6">
          <div className="flex flex-col gap-x-6 gap-y-0.5 sm:flex-row sm:items-baseline sm:justify-between">
            <p className="min-w-0 text-pretty break-words text-ink-2">
              <Sentence {...entry} /> <AccountLabel id={entry.accountId} />
            </p>
            <span className="shrink-0 text-12 text-ink-3">
              <Time at={entry.at} />
            </span>
          </div>
          <Changes changes={entry.changes} />
          <details className="mt-1 text-12 text-ink-3">
            <summary className="w-fit cursor-pointer rounded-sm hover:text-ink">
              Entry {count(entry.seq)}
              {entry.resource && ` · ${resourceTitle(entry.resource)}`}
            </summary>
            <div className="mt-1 flex flex-col gap-1 pb-1">
              <p>
                <Time at={entry.at} style="exact" />
              </p>
              <p className="flex flex-wrap gap-x-4 gap-y-1">
                {entry.discrepancyId !== null && (
                  <>
                    <Link
                      className="underline underline-offset-2 hover:text-ink"
                      href={`/discrepancies?id=${entry.discrepancyId}`}
                    >
                      The difference
                    </Link>
                    <Link
                      className="underline underline-offset-2 hover:text-ink"
                      href={`/audit?discrepancy=${entry.discrepancyId}`}
                    >
                      Its history
                    </Link>
                  </>
                )}
                {entry.runId !== null && (
                  <Link className="underline underline-offset-2 hover:text-ink" href={`/runs/${entry.runId}`}>
                    Run {entry.runId}
                  </Link>
                )}
                {entry.bulkId !== null && (
                  <>
                    <Link
                      className="underline underline-offset-2 hover:text-ink"
                      href={`/bulks/${entry.bulkId}`}
                    >
                      The action
                    </Link>
                    <Link
                      className="underline underline-offset-2 hover:text-ink"
                      href={`/audit?bulk=${entry.bulkId}`}
                    >
                      All of bulk {entry.bulkId}
                    </Link>
                  </>
                )}
              </p>
              <p>
                Link in the chain <code className="font-mono break-all">{entry.hash}</code>
              </p>
            </div>
          </details>
        </li>
      ))}
    </ol>
  );
}
