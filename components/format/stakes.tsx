import type { Amount } from "@/lib/discrepancies/summary.ts";
import { Money } from "./money.tsx";

/** Money per currency, side by side: sums of different currencies are never added up. */
export function Stakes({ stakes, perMonth }: { stakes: readonly Amount[]; perMonth?: boolean }) {
  return (
    <span className="inline-flex flex-wrap gap-x-3">
      {stakes.map((stake) => (
        <Money
          key={stake.currency}
          amountMinor={stake.amountMinor}
          currency={stake.currency}
          short
          {...(perMonth ? { suffix: "/mo" } : {})}
        />
      ))}
    </span>
  );
}
