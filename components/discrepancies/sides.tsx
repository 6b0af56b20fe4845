import { ArrowRight, ChevronRight, Equal } from "lucide-react";
import { Fragment } from "react";
import type { DiscrepancyRow } from "@/lib/discrepancies/list.ts";
import { compareSides, inWords } from "@/lib/discrepancies/sides.ts";
import { plural } from "../format/words.ts";
import { cn } from "../ui/cn.ts";

/** Both sides field by field, differences first; what is equal is folded away. */
export function Sides({ row }: { row: DiscrepancyRow }) {
  const { differing, equal } = compareSides(row);
  if (differing.length === 0 && equal.length === 0) return null;
  const noLocal = row.kind === "missing_local";
  const alone = row.kind === "missing_in_stripe" || row.kind === "duplicate";
  return (
    <div className="mt-4 overflow-hidden rounded-lg border border-line text-13">
      {differing.length > 0 && (
        <table className="w-full table-fixed border-collapse" aria-label="What differs">
          <thead>
            <tr className="text-left text-12">
              <th scope="col" className="h-8 w-[32%] px-3 font-medium text-ink-3">
                <span className="sr-only">Field</span>
              </th>
              {!noLocal && (
                <>
                  <th scope="col" className="bg-local px-3 font-medium text-local-ink">
                    Local record
                  </th>
                  <th scope="col" className="w-7">
                    <span className="sr-only">becomes</span>
                  </th>
                </>
              )}
              <th scope="col" className="bg-stripe px-3 font-medium text-stripe-ink">
                {row.kind === "missing_in_stripe" ? "Will say" : row.word ? "The file" : "Stripe"}
              </th>
            </tr>
          </thead>
          <tbody>
            {differing.map((field) => (
              <tr key={field.name} className="border-t border-line align-top">
                <th scope="row" className="px-3 py-2 text-left font-normal text-ink-2 wrap-anywhere">
                  <FieldName name={field.name} />
                </th>
                {!noLocal && (
                  <>
                    <Value value={field.local} className="bg-local text-ink-2" />
                    <td className="px-1 py-2 text-center">
                      <ArrowRight aria-hidden className="mt-1 inline size-3 text-ink-3" />
                    </td>
                  </>
                )}
                <Value value={field.stripe} className="bg-stripe font-medium" />
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {equal.length > 0 && (
        <details
          className={cn("group", differing.length > 0 && "border-t border-line")}
          open={alone || undefined}
        >
          <summary className="flex h-9 list-none items-center gap-1.5 px-3 text-12 text-ink-3 -outline-offset-2 hover:text-ink [&::-webkit-details-marker]:hidden">
            <ChevronRight aria-hidden className="size-3.5 group-open:rotate-90" />
            {alone
              ? `The local record, ${plural(equal.length, "more field")}`
              : `${plural(equal.length, "field is", "fields are")} equal`}
          </summary>
          <table
            className="w-full table-fixed border-collapse border-t border-line"
            aria-label="What is equal"
          >
            <tbody>
              {equal.map(({ name, value }) => (
                <tr key={name} className="border-t border-line align-top first:border-t-0">
                  <th
                    scope="row"
                    className="w-[32%] px-3 py-1.5 text-left font-normal text-ink-3 wrap-anywhere"
                  >
                    <FieldName name={name} />
                  </th>
                  <td className="px-3 py-1.5 text-ink-2 wrap-anywhere">
                    {!alone && <Equal aria-hidden className="mr-1.5 inline size-3 text-ink-3" />}
                    <Words value={value} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </details>
      )}
    </div>
  );
}

/** Breaks where people would. */
function FieldName({ name }: { name: string }) {
  const parts = name.split("_");
  return parts.map((part, at) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: the same part may come twice, and none of them moves.
    <Fragment key={at}>
      {part}
      {at < parts.length - 1 && (
        <>
          _<wbr />
        </>
      )}
    </Fragment>
  ));
}

function Value({ value, className }: { value: string | null; className: string }) {
  return (
    <td className={cn("px-3 py-2 wrap-anywhere", className)} title={value ?? undefined}>
      <Words value={value} />
    </td>
  );
}

function Words({ value }: { value: string | null }) {
  if (value === null || value === "")
    return <span className="font-normal text-ink-3 italic">{inWords(value)}</span>;
  return inWords(value);
}
