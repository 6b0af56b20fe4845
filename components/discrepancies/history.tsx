import Link from "next/link";
import type { ReadEntry } from "@/lib/audit/read.ts";
import { Changes, Sentence } from "../audit/sentence.tsx";
import { Time } from "../format/time.tsx";

/** What happened to one difference, newest first, in the audit log's sentences. */
export function History({
  entries,
  discrepancyId,
  customerId,
}: {
  entries: readonly ReadEntry[];
  discrepancyId: number;
  customerId: string | null;
}) {
  const pages: [string, string][] = [[`/audit?discrepancy=${discrepancyId}`, "In the audit log"]];
  if (customerId !== null)
    pages.push([`/audit?customer=${encodeURIComponent(customerId)}`, "Of this customer"]);
  return (
    <section className="mt-6 text-13">
      <div className="flex items-baseline justify-between gap-3">
        <h3 className="text-12 font-medium text-ink-3">History</h3>
        <p className="flex gap-3">
          {pages.map(([href, name]) => (
            <Link key={href} href={href} className="rounded-sm text-12 text-ink-3 hover:text-ink">
              {name}
            </Link>
          ))}
        </p>
      </div>
      {entries.length === 0 && <p className="mt-1 text-ink-2">Nothing is written down about it yet.</p>}
      <ol className="mt-2 border-l border-line">
        {entries.map((entry) => (
          <li key={entry.seq} className="relative pb-3 pl-4 last:pb-0">
            <span
              aria-hidden
              className="absolute top-1.5 -left-1 size-2 rounded-full border border-line-strong bg-surface"
            />
            <p className="text-ink-2">
              <Sentence {...entry} />
              <span className="text-ink-3">
                {" "}
                · <Time at={entry.at} />
              </span>
            </p>
            <Changes changes={entry.changes} />
          </li>
        ))}
      </ol>
    </section>
  );
}
