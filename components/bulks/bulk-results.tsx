import Link from "next/link";
import type { BulkAction } from "@/lib/db/schema.ts";
import { columnWords, inWords } from "@/lib/discrepancies/sides.ts";
import type { BulkResult, ResultOutcome, ResultPage } from "@/lib/fixes/bulk-results.ts";
import { Change } from "../format/change.tsx";
import { count } from "../format/words.ts";
import { AccountLabel } from "../frame/accounts.tsx";
import { cn } from "../ui/cn.ts";
import { PageLinks } from "../ui/page-links.tsx";
import { doneWords, outcomeWords } from "./bulk-words.ts";

/** What came of each row: all of them, or those with one outcome, page by page. */
export function BulkResults({
  bulk,
  page,
  outcome,
  first,
}: {
  bulk: BulkAction;
  page: ResultPage;
  outcome: ResultOutcome | undefined;
  /** Whether this is the first page. */
  first: boolean;
}) {
  const href = (chosen: ResultOutcome | undefined, after?: number) => {
    const query = new URLSearchParams();
    if (chosen) query.set("outcome", chosen);
    if (after) query.set("after", String(after));
    return query.size > 0 ? `/bulks/${bulk.id}?${query}` : `/bulks/${bulk.id}`;
  };
  return (
    <section aria-labelledby="results">
      <h2 id="results" className="px-4 pt-5 text-16 font-semibold md:px-6">
        Results
      </h2>
      <nav aria-label="Results by outcome" className="flex flex-wrap gap-1 px-3 py-3 md:px-5">
        {choicesOf(bulk, outcome).map(([value, name, rows]) => (
          <Link
            key={name}
            href={href(value)}
            aria-current={value === outcome ? "page" : undefined}
            className="flex h-7 items-center gap-1.5 rounded-md px-2.5 text-13 font-medium text-ink-2 first-letter:uppercase hover:bg-hover hover:text-ink aria-[current=page]:bg-selected aria-[current=page]:text-ink"
          >
            <span className="first-letter:uppercase">{name}</span>
            <span className="font-normal text-ink-3">{count(rows)}</span>
          </Link>
        ))}
      </nav>
      <div className="border-t border-line">
        {page.results.length > 0 ? (
          <ResultList bulk={bulk} results={page.results} />
        ) : (
          <p className="px-4 py-6 text-13 text-ink-2 md:px-6">There are none.</p>
        )}
      </div>
      <PageLinks
        back={first ? null : { href: href(outcome), name: "First" }}
        on={page.next === null ? null : { href: href(outcome, page.next), name: "Next rows" }}
      />
    </section>
  );
}

type Choice = [value: ResultOutcome | undefined, name: string, rows: number];

function choicesOf(bulk: BulkAction, chosen: ResultOutcome | undefined): Choice[] {
  const left = bulk.total - bulk.applied - bulk.stale - bulk.failed - bulk.skipped;
  const some: Choice[] = [
    ["applied", doneWords[bulk.kind], bulk.applied],
    ["stale", outcomeWords.stale, bulk.stale],
    ["failed", outcomeWords.failed, bulk.failed],
    ["skipped", outcomeWords.skipped, bulk.skipped],
    ["left", outcomeWords.left, left],
  ];
  return [[undefined, "all", bulk.total], ...some.filter(([value, , rows]) => rows > 0 || value === chosen)];
}

const columns = "md:grid md:grid-cols-[minmax(0,1fr)_minmax(0,1.3fr)_minmax(0,1.2fr)] md:gap-x-6";

/** Side by side where there is room, below each other on a phone. */
function ResultList({ bulk, results }: { bulk: BulkAction; results: readonly BulkResult[] }) {
  return (
    <>
      <div
        aria-hidden
        className={cn(columns, "hidden h-8 items-center px-4 text-12 font-medium text-ink-3 md:px-6")}
      >
        <span>Record</span>
        <span>Change</span>
        <span>Result</span>
      </div>
      <ul aria-label="What came of each row" className="divide-y divide-line border-line text-13 md:border-t">
        {results.map((result) => (
          <li key={result.discrepancyId} className={cn(columns, "flex flex-col gap-y-1 px-4 py-2.5 md:px-6")}>
            <div className="min-w-0">
              <Link
                href={`/discrepancies?id=${result.discrepancyId}`}
                className="link inline-block max-w-full truncate align-top"
              >
                {result.label ?? result.stripeId ?? result.localKey ?? `Difference ${result.discrepancyId}`}
              </Link>{" "}
              <AccountLabel id={result.accountId} />
            </div>
            <Changes result={result} />
            <div className="min-w-0">
              <span className={cn("inline-block font-medium first-letter:uppercase", toneOf(result.outcome))}>
                {result.outcome === "applied" ? doneWords[bulk.kind] : outcomeWords[result.outcome]}
              </span>
              {result.undone && <span className="text-ink-2">, undone since</span>}
              {result.message && <p className="text-pretty text-ink-2 wrap-anywhere">{result.message}</p>}
            </div>
          </li>
        ))}
      </ul>
    </>
  );
}

const tones: Partial<Record<ResultOutcome, string>> = { failed: "text-locked", left: "text-ink-3" };
const toneOf = (outcome: ResultOutcome) => tones[outcome] ?? "text-ink";

const shownAtMost = 3;

function Changes({ result: { changes, added } }: { result: BulkResult }) {
  if (added) return <p className="text-ink-2">The record was added.</p>;
  if (changes.length === 0) return <p className="text-ink-3">–</p>;
  return (
    <ul className="min-w-0">
      {changes.slice(0, shownAtMost).map(({ name, from, to }) => (
        <li key={name} className="flex min-w-0">
          <Change
            field={columnWords(name)}
            from={from === null ? null : inWords(from)}
            to={to === null ? null : inWords(to)}
            className="flex-wrap"
          />
        </li>
      ))}
      {changes.length > shownAtMost && (
        <li className="text-12 text-ink-3">+{changes.length - shownAtMost} more</li>
      )}
    </ul>
  );
}
