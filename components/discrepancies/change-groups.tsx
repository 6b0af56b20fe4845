"use client";

import type { ChangeCount } from "@/lib/discrepancies/facets.ts";
import { moneyText } from "@/lib/money.ts";
import { ImpactShape } from "../format/impact-badge.tsx";
import { Stakes } from "../format/stakes.tsx";
import { count, impactWords } from "../format/words.ts";

/** The list summed up by what changes; each line narrows the list to its rows. */
export function ChangeGroups({
  groups,
  chosen,
  onChoose,
}: {
  groups: readonly ChangeCount[];
  chosen: readonly string[];
  onChoose: (change: string[]) => void;
}) {
  if (groups.length === 0) return null;
  return (
    <ul
      aria-label="By change"
      className="flex max-h-48 flex-wrap gap-1.5 overflow-y-auto border-t border-line bg-sunken px-4 py-2.5 @4xl:px-6"
    >
      {groups.map((group) => {
        const isChosen = chosen.includes(group.value);
        return (
          <li key={group.value} className="max-w-full">
            <button
              type="button"
              aria-pressed={isChosen}
              onClick={() =>
                onChoose(
                  isChosen ? chosen.filter((other) => other !== group.value) : [...chosen, group.value],
                )
              }
              className="inline-flex h-7 max-w-full items-center gap-2 rounded-md border border-line bg-surface px-2 text-13 hover:border-line-strong aria-pressed:border-ink aria-pressed:bg-selected"
            >
              <ImpactShape impact={group.impact} className="size-2" />
              <span className="sr-only">Mostly {impactWords[group.impact].short}:</span>
              <span className="truncate">{group.value}</span>
              <span className="text-12 whitespace-nowrap text-ink-3">
                {count(group.count)}
                {group.more && "+"}
              </span>
              {group.stakes.length > 0 && (
                <span className="flex gap-3 text-12 whitespace-nowrap text-ink-2">
                  <Stakes stakes={group.stakes.slice(0, 2)} />
                  {group.stakes.length > 2 && <MoreCurrencies stakes={group.stakes.slice(2)} />}
                </span>
              )}
            </button>
          </li>
        );
      })}
    </ul>
  );
}

function MoreCurrencies({ stakes }: { stakes: ChangeCount["stakes"] }) {
  const text = stakes.map(({ amountMinor, currency }) => moneyText(amountMinor, currency)).join(", ");
  return (
    <span title={text} className="text-ink-3">
      <span aria-hidden>+{stakes.length}</span>
      <span className="sr-only">{text}</span>
    </span>
  );
}
