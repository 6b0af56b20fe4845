import Link from "next/link";
import type { ReactNode } from "react";
import type { BulkDetails } from "@/lib/fixes/bulk-view.ts";
import { durationText } from "../format/clock.ts";
import { Time } from "../format/time.tsx";
import { plural } from "../format/words.ts";
import { bulkStateWords } from "./bulk-words.ts";
import { filterWords } from "./filter-words.ts";

/** Who asked for what, who agreed, why and when, as pairs. */
export function BulkFacts({ bulk }: { bulk: BulkDetails }) {
  const { finishedAt, createdAt, undoneBy } = bulk;
  return (
    <dl className="grid grid-cols-1 gap-x-6 gap-y-4 border-y border-line px-4 py-4 text-13 sm:grid-cols-2 md:px-6 xl:grid-cols-4">
      <Fact name="Asked by">
        {bulk.askedBy}
        <span className="text-ink-3">
          {" "}
          · <Time at={createdAt} />
        </span>
      </Fact>
      <Fact name="Approved by">
        {bulk.agreedBy ?? (
          <span className="text-ink-3">
            {bulk.state === "waiting" ? "nobody yet" : "no second person was needed"}
          </span>
        )}
      </Fact>
      <Fact name="About">{about(bulk)}</Fact>
      <Fact name="Ended">
        {finishedAt ? (
          <>
            <Time at={finishedAt} />
            {bulk.agreedBy === null && bulk.state === "done" && (
              <span className="text-ink-3">
                {" "}
                · took {durationText(finishedAt.getTime() - createdAt.getTime())}
              </span>
            )}
          </>
        ) : (
          <span className="text-ink-3">not yet</span>
        )}
      </Fact>
      {bulk.reason && (
        <Fact name="Why" wide>
          “{bulk.reason}”
        </Fact>
      )}
      {undoneBy.length > 0 && (
        <Fact name="Undone by" wide>
          {undoneBy.map(({ id, state }, at) => (
            <span key={id}>
              {at > 0 && ", "}
              <BulkLink id={id} />
              {state !== "done" && ` (${bulkStateWords[state].toLowerCase()})`}
            </span>
          ))}
        </Fact>
      )}
    </dl>
  );
}

function about({ filter, reverts, runId, total, kind }: BulkDetails): ReactNode {
  if (reverts !== null)
    return (
      <>
        what <BulkLink id={reverts} /> applied
      </>
    );
  if (runId !== null)
    return (
      <>
        what{" "}
        <Link className="link" href={`/runs/${runId}`}>
          run {runId}
        </Link>{" "}
        found
      </>
    );
  if (filter !== null) return filterWords(filter);
  if (kind === "revert") return total === 1 ? "one fix" : `${plural(total, "fix", "fixes")} by their numbers`;
  return total === 1 ? "one difference" : `${plural(total, "difference")}, ticked one by one`;
}

function BulkLink({ id }: { id: number }) {
  return (
    <Link className="link" href={`/bulks/${id}`}>
      bulk {id}
    </Link>
  );
}

function Fact({ name, wide, children }: { name: string; wide?: boolean; children: ReactNode }) {
  return (
    <div className={wide ? "min-w-0 sm:col-span-2" : "min-w-0"}>
      <dt className="text-12 text-ink-3">{name}</dt>
      <dd className="mt-0.5 text-ink wrap-anywhere">{children}</dd>
    </div>
  );
}
