import { moneyText } from "@/lib/money.ts";
import { cn } from "../ui/cn.ts";

/** An amount in the currency's smallest unit. Put it into right-aligned cells. */
export function Money({
  amountMinor,
  currency,
  short,
  suffix,
  className,
}: {
  amountMinor: number;
  currency: string | null;
  /** Without decimals where they are zero. */
  short?: boolean;
  /** e.g. "/mo" */
  suffix?: string;
  className?: string;
}) {
  if (currency === null) return null;
  return (
    <span className={cn("whitespace-nowrap tabular-nums", className)}>
      {moneyText(amountMinor, currency, { short: short ?? false })}
      {suffix && <span className="text-ink-3">{suffix}</span>}
    </span>
  );
}
