import type { ReactNode } from "react";
import type { AccountsMapping } from "@/lib/accounts/known.ts";
import { automaticColumns, reviewedOnInsert } from "@/lib/config/policy.ts";
import type { Resource } from "@/lib/config/resource.ts";
import { durationText } from "../format/clock.ts";
import { resourceTitle, resourceWords } from "../format/words.ts";
import { Badge } from "../ui/badge.tsx";

/** Every mapped resource, as sentences: what stands for what, and what may be done about a difference. */
export function Mapping({ mappings }: { mappings: readonly AccountsMapping[] }) {
  return (
    <ul className="divide-y divide-line overflow-hidden rounded-lg border border-line">
      {mappings.map(({ resource, accounts, rows }) => (
        <li key={`${resource.name} ${accounts.join(" ")}`} className="px-4 py-4">
          <h3 className="flex flex-wrap items-center gap-x-2 gap-y-1 text-13">
            <span className="font-medium">{resourceTitle(resource.name)}</span>
            {accounts.length > 0 && <span className="text-ink-2">of {accounts.join(", ")}</span>}
            <span className="ml-auto flex items-center gap-1.5">
              <Badge tone="local" className="font-mono font-normal">
                {resource.table.schema}.{resource.table.name}
              </Badge>
              <span aria-hidden className="text-ink-3">
                ↔
              </span>
              <Badge tone="stripe">Stripe {resourceWords(resource.stripe)}</Badge>
            </span>
          </h3>
          <p className="mt-2 text-13 text-pretty text-ink-2">{matchSentence(resource)}</p>
          <ul aria-label="Columns that are compared" className="mt-3 flex flex-wrap gap-1.5">
            {resource.fields.map((field) => (
              <li
                key={field.column}
                className="inline-flex h-6 items-center gap-1.5 rounded-sm border border-line px-1.5 text-12"
              >
                <span className="font-mono">{field.column}</span>
                {field.money && <span className="text-money">money</span>}
                {field.policy === "auto" && <span className="text-ink-3">corrected automatically</span>}
                {field.compare === "ignoreCase" && <span className="text-ink-3">any case</span>}
              </li>
            ))}
          </ul>
          <ul className="mt-3 flex flex-col gap-1 text-13 text-ink-2">
            {resource.access && (
              <li>
                Lets people in while <Code>{resource.access.field}</Code> is {either(resource.access.granted)}
                .
              </li>
            )}
            <li>
              {resource.missingInStripe === "report" ? (
                "A row without its Stripe object is shown, and cannot be corrected from here."
              ) : (
                <>
                  A row without its Stripe object{" "}
                  {Object.keys(resource.missingInStripe.set).every((column) =>
                    automaticColumns(resource).includes(column),
                  )
                    ? "is corrected automatically"
                    : "can be corrected"}
                  : sets{" "}
                  {Object.entries(resource.missingInStripe.set).map(([column, value], index) => (
                    <span key={column}>
                      {index > 0 && ", "}
                      <Code>{column}</Code> to {value === null ? "nothing" : String(value)}
                    </span>
                  ))}
                  .
                </>
              )}
            </li>
            <li>
              {resource.missingLocal === "report"
                ? "A Stripe object without a row is shown, and no row is made for it."
                : `A Stripe object without a row ${insertWords(resource)}.`}
            </li>
            {resource.settled && (
              <li>
                Objects that have been in a final state and in order for{" "}
                {durationText(resource.settled.afterMs)} are read again every{" "}
                {durationText(resource.settled.rereadEveryMs)} only.
              </li>
            )}
            {rows.map(({ account, where }) => (
              <li key={account}>
                {account === null ? "Only rows" : `Of ${account}, only rows`} where <Code>{where}</Code>.
              </li>
            ))}
          </ul>
        </li>
      ))}
    </ul>
  );
}

function insertWords(resource: Resource): string {
  const reviewed = reviewedOnInsert(resource);
  if (reviewed === null) return "can get one";
  return reviewed.length === 0
    ? "gets one automatically"
    : `can get one; automatically where that writes nothing into ${reviewed.join(", ")}`;
}

function matchSentence({ match, key, stripe, label }: Resource): ReactNode {
  const object = resourceWords(stripe);
  const what = {
    id: (
      <>
        A row and {/^[aeiou]/.test(object) ? "an" : "a"} {object} belong together when{" "}
        <Code>{match.column}</Code> holds the {object}'s id.
      </>
    ),
    customer: (
      <>
        A row stands for a customer: <Code>{match.column}</Code> holds the customer's id. Of several {object}s
        the one that counts now is taken.
      </>
    ),
    customerEmail: (
      <>
        A row stands for a customer: <Code>{match.column}</Code> holds the customer's e-mail address. Of
        several {object}s the one that counts now is taken.
      </>
    ),
  }[match.by];
  return (
    <>
      {what} Rows are named by <Code>{label ?? key}</Code>.
    </>
  );
}

const either = (values: readonly string[]) =>
  values.length < 2 ? values.join("") : `${values.slice(0, -1).join(", ")} or ${values.at(-1)}`;

function Code({ children }: { children: ReactNode }) {
  return <code className="rounded-sm bg-sunken px-1 py-px font-mono text-12 text-ink">{children}</code>;
}
