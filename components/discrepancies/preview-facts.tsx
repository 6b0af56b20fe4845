import type { ReactNode } from "react";
import { inWords } from "@/lib/discrepancies/sides.ts";
import type { Preview, PreviewSample } from "@/lib/fixes/preview.ts";
import { Change } from "../format/change.tsx";
import { ImpactShape } from "../format/impact-badge.tsx";
import { Stakes } from "../format/stakes.tsx";
import { count, impactWords, kindWords, plural } from "../format/words.ts";
import { AccountLabel } from "../frame/accounts.tsx";
import { Notice } from "../ui/notice.tsx";
import { titleOf } from "./difference.tsx";
import { Statement } from "./statement.tsx";

/** What a correction would do: how many of what, where, how much money, examples, and what it leaves out. */
export function PreviewFacts({ preview }: { preview: Preview }) {
  const [only] = preview.samples;
  return (
    <>
      {preview.applicable === 0 && (
        <Notice level="info" title="Nothing of this can be applied.">
          {preview.skipped.length === 1 && preview.skipped[0]?.reason}
        </Notice>
      )}
      {preview.needsSecondPerson && (
        <Notice level="info" title="A second person has to agree.">
          {preview.secondPersonBecause.includes("money")
            ? preview.applicable === 1
              ? "An amount of money is not changed by one person alone."
              : "There are amounts of money among them, which are not changed by one person alone."
            : "So many at once are not applied by one person alone."}{" "}
          Nothing is written until somebody else with the role finance or admin has looked and agreed; they
          find it under Waiting.
        </Notice>
      )}
      {preview.skipped.length > 0 && preview.applicable + preview.skipped.length > 1 && (
        <Block title="Left out">
          <ul className="flex flex-col gap-1">
            {preview.skipped.map((skipped) => (
              <li key={skipped.reason} className="flex gap-3">
                <span className="w-10 shrink-0 text-right text-ink-2">{count(skipped.count)}</span>
                <span className="text-ink-2">{skipped.reason}</span>
              </li>
            ))}
          </ul>
        </Block>
      )}
      {preview.applicable === 1 && only && preview.skipped.length === 0 ? (
        <One sample={only} preview={preview} />
      ) : (
        preview.applicable > 0 && <Many preview={preview} />
      )}
    </>
  );
}

function One({ sample, preview }: { sample: PreviewSample; preview: Preview }) {
  return (
    <>
      <Block title={`In ${preview.touched[0]?.table ?? sample.resource}`}>
        <AccountLabel id={sample.accountId} always />
        <Changes sample={sample} all />
      </Block>
      {preview.money.some((money) => money.amountMinor > 0) && (
        <Block title="At stake">
          <Stakes stakes={preview.money} />
        </Block>
      )}
      {sample.statement && <Statement sql={sample.statement} className="mt-1" />}
    </>
  );
}

function Many({ preview }: { preview: Preview }) {
  const counted = preview.byChange.reduce((sum, change) => sum + change.count, 0);
  return (
    <>
      <Block title="Changes">
        <ul className="flex flex-col gap-1">
          {preview.byChange.map((change) => (
            <li key={`${change.change} ${change.impact}`} className="flex items-center gap-3">
              <span className="w-10 shrink-0 text-right font-medium">{count(change.count)}</span>
              <span className="min-w-0 flex-1 truncate" title={change.change}>
                {change.change}
              </span>
              <span className="flex shrink-0 items-center gap-1.5 text-12 text-ink-2">
                <ImpactShape impact={change.impact} className="size-2" />
                {impactWords[change.impact].short}
              </span>
            </li>
          ))}
          {counted < preview.applicable && (
            <li className="pl-13 text-ink-3">and {count(preview.applicable - counted)} with rarer changes</li>
          )}
        </ul>
      </Block>
      <Block title="Tables and columns">
        <ul className="flex flex-col gap-1">
          {preview.touched.map((touched) => (
            <li key={`${touched.accountId} ${touched.resource}`} className="flex gap-3">
              <span className="w-10 shrink-0 text-right">{count(touched.count)}</span>
              <span className="min-w-0 font-mono text-12 leading-5 wrap-anywhere text-ink-2">
                <AccountLabel id={touched.accountId} always />{" "}
                <span className="text-ink">{touched.table}</span> {touched.columns.join(", ")}
              </span>
            </li>
          ))}
        </ul>
      </Block>
      {preview.money.some((money) => money.amountMinor > 0) && (
        <Block title="Money at stake">
          <Stakes stakes={preview.money.filter((money) => money.amountMinor > 0)} />
        </Block>
      )}
      <Block
        title={
          preview.samples.length < preview.applicable
            ? `${plural(preview.samples.length, "example")}, the most urgent first`
            : "Each of them, the most urgent first"
        }
      >
        <ul className="divide-y divide-line rounded-md border border-line">
          {preview.samples.map((sample) => (
            <li key={sample.id} className="px-3 py-2">
              <p className="flex items-center gap-2">
                <span className="truncate font-medium">{titleOf({ ...sample, stripeId: null })}</span>
                <AccountLabel id={sample.accountId} always />
              </p>
              <Changes sample={sample} />
              {sample.statement && <Statement sql={sample.statement} className="mt-1" />}
            </li>
          ))}
        </ul>
      </Block>
    </>
  );
}

/** At most three lines of a sample among others. */
function Changes({ sample, all }: { sample: PreviewSample; all?: boolean }) {
  if (sample.kind === "missing_local")
    return <p className="text-ink-2">{kindWords.missing_local.long}: it will be added.</p>;
  const shown = all ? sample.fields : sample.fields.slice(0, 3);
  return (
    <ul>
      {shown.map((field) => (
        <li key={field.name} className="flex min-w-0">
          <Change
            field={field.name}
            from={field.local === null ? null : inWords(field.local)}
            to={field.stripe === null ? null : inWords(field.stripe)}
            className="flex-wrap"
          />
        </li>
      ))}
      {shown.length < sample.fields.length && (
        <li className="text-12 text-ink-3">+{sample.fields.length - shown.length} more</li>
      )}
    </ul>
  );
}

/** A part of a preview, under its heading. */
export function Block({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className="text-13">
      <h3 className="mb-1 text-12 font-medium text-ink-3">{title}</h3>
      {children}
    </section>
  );
}
