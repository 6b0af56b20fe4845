import { inWords } from "@/lib/discrepancies/sides.ts";
import type { RevertPreview } from "@/lib/fixes/revert-preview.ts";
import { titleOf } from "../discrepancies/difference.tsx";
import { Block } from "../discrepancies/preview-facts.tsx";
import { Change } from "../format/change.tsx";
import { count, plural } from "../format/words.ts";
import { AccountLabel } from "../frame/accounts.tsx";
import { Notice } from "../ui/notice.tsx";

/** What undoing would do: how many, what the records would say again, examples, and what it leaves out. */
export function RevertFacts({ preview }: { preview: RevertPreview }) {
  const { undoable, skipped, samples } = preview;
  const [only] = samples;
  return (
    <>
      {undoable === 0 && (
        <Notice level="info" title="Nothing of this can be undone.">
          {skipped.length === 1 && skipped[0]?.reason}
        </Notice>
      )}
      {preview.needsSecondPerson && (
        <Notice level="info" title="A second person has to agree.">
          {preview.secondPersonBecause.includes("money")
            ? "Amounts of money are not changed by one person alone."
            : "So many at once are not undone by one person alone."}{" "}
          Nothing is written until somebody else with the role finance or admin has looked and agreed; they
          find it under Waiting.
        </Notice>
      )}
      {skipped.length > 0 && (undoable > 0 || skipped.length > 1) && (
        <Block title="Left alone">
          <Counts rows={skipped.map(({ reason, count }) => [reason, count])} quiet />
        </Block>
      )}
      {undoable === 1 && only && (
        <Block title={`In ${preview.touched[0]?.table ?? "the record"}`}>
          <AccountLabel id={only.accountId} always />
          <Changes changes={only.changes} />
        </Block>
      )}
      {undoable > 1 && <Many preview={preview} />}
    </>
  );
}

function Many({ preview }: { preview: RevertPreview }) {
  const { undoable, byChange, touched, samples } = preview;
  const rest = undoable - byChange.reduce((sum, change) => sum + change.count, 0);
  return (
    <>
      <Block title="Changes back">
        <Counts rows={byChange.map(({ change, count }) => [change, count])} />
        {rest > 0 && <p className="pl-13 text-ink-3">and {count(rest)} with rarer changes</p>}
      </Block>
      <Block title="Tables and columns">
        <ul className="flex flex-col gap-1">
          {touched.map((one) => (
            <li key={`${one.accountId} ${one.resource}`} className="flex gap-3">
              <span className="w-10 shrink-0 text-right">{count(one.count)}</span>
              <span className="min-w-0 font-mono text-12 leading-5 wrap-anywhere text-ink-2">
                <AccountLabel id={one.accountId} always /> <span className="text-ink">{one.table}</span>{" "}
                {one.columns.join(", ")}
              </span>
            </li>
          ))}
        </ul>
      </Block>
      <Block title={samples.length < undoable ? plural(samples.length, "example") : "Each of them"}>
        <ul className="divide-y divide-line rounded-md border border-line">
          {samples.map((sample) => (
            <li key={sample.id} className="px-3 py-2">
              <p className="flex items-center gap-2">
                <span className="truncate font-medium">{titleOf({ ...sample, stripeId: null })}</span>
                <AccountLabel id={sample.accountId} always />
              </p>
              <Changes changes={sample.changes.slice(0, 3)} more={sample.changes.length - 3} />
            </li>
          ))}
        </ul>
      </Block>
    </>
  );
}

function Counts({ rows, quiet }: { rows: [words: string, count: number][]; quiet?: boolean }) {
  return (
    <ul className="flex flex-col gap-1">
      {rows.map(([words, rowCount]) => (
        <li key={words} className="flex gap-3">
          <span className="w-10 shrink-0 text-right text-ink-2">{count(rowCount)}</span>
          <span className={quiet ? "text-ink-2" : "min-w-0 truncate"}>{words}</span>
        </li>
      ))}
    </ul>
  );
}

function Changes({
  changes,
  more = 0,
}: {
  changes: RevertPreview["samples"][number]["changes"];
  more?: number;
}) {
  return (
    <ul>
      {changes.map(({ name, from, to }) => (
        <li key={name} className="flex min-w-0">
          <Change
            field={name}
            from={from === null ? null : inWords(from)}
            to={to === null ? null : inWords(to)}
            className="flex-wrap"
          />
        </li>
      ))}
      {more > 0 && <li className="text-12 text-ink-3">+{more} more</li>}
    </ul>
  );
}
