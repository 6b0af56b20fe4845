import type { AuditSentence } from "@/lib/audit/sentence.ts";
import { inWords } from "@/lib/discrepancies/sides.ts";
import { Change } from "../format/change.tsx";

/** Who did what to whom, and, in parentheses, what else belongs to it. */
export function Sentence({ who, did, more }: Pick<AuditSentence, "who" | "did" | "more">) {
  return (
    <>
      <span className="font-medium text-ink">{who}</span> {did}
      {more.length > 0 && <span className="text-ink-3"> ({more.join(", ")})</span>}
    </>
  );
}

/** The columns that an entry tells of, a line each. */
export function Changes({ changes }: Pick<AuditSentence, "changes">) {
  return changes.map((change) => (
    <p key={change.name} className="mt-0.5 text-12">
      <Change
        field={change.name}
        from={change.from && inWords(change.from)}
        to={change.to && inWords(change.to)}
        className="max-w-full flex-wrap"
      />
    </p>
  ));
}
