import type { DiscrepancyRow } from "@/lib/discrepancies/list.ts";
import { columnWords, inWords, tellingField } from "@/lib/discrepancies/sides.ts";
import { Change } from "../format/change.tsx";
import { kindWords } from "../format/words.ts";

/** What people call a row. */
export const titleOf = (row: Pick<DiscrepancyRow, "id" | "label" | "stripeId" | "localKey">): string =>
  row.label || row.stripeId || row.localKey || `Difference ${row.id}`;

/** What differs, in one line: the field that says most, and how many more there are. */
export function Difference({
  row,
  className,
}: {
  row: Pick<DiscrepancyRow, "kind" | "observed" | "expected" | "fields" | "change" | "rowError">;
  className?: string;
}) {
  if (row.rowError) return <span className={className}>Cannot be compared</span>;
  const field = row.kind === "mismatch" ? tellingField(row) : undefined;
  if (!field) return <span className={className}>{kindWords[row.kind].long}</span>;
  const more = row.fields.length - 1;
  return (
    <span className="flex min-w-0 items-center gap-1.5">
      <Change
        field={columnWords(field.name)}
        from={field.local === null ? null : inWords(field.local)}
        to={field.stripe === null ? null : inWords(field.stripe)}
        {...(className ? { className } : {})}
      />
      {more > 0 && (
        <span
          className="shrink-0 text-12 text-ink-3"
          title={row.fields
            .filter((other) => other !== field)
            .map((other) => columnWords(other.name))
            .join(", ")}
        >
          +{more}
          <span className="sr-only"> more</span>
        </span>
      )}
    </span>
  );
}
