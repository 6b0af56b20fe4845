import type { Impact } from "@/lib/db/schema.ts";
import { cn } from "../ui/cn.ts";
import { impactWords } from "./words.ts";

export const impactTone: Record<Impact, { text: string; soft: string }> = {
  paid_no_access: { text: "text-locked", soft: "bg-locked-soft" },
  access_no_pay: { text: "text-unpaid", soft: "bg-unpaid-soft" },
  money: { text: "text-money", soft: "bg-money-soft" },
  other: { text: "text-other", soft: "bg-other-soft" },
};

/** Each impact has a shape of its own, so that nobody needs the colour. */
export function ImpactShape({ impact, className }: { impact: Impact; className?: string }) {
  return (
    <svg
      aria-hidden="true"
      viewBox="0 0 10 10"
      className={cn("size-2.5 shrink-0 fill-current", impactTone[impact].text, className)}
    >
      {impact === "paid_no_access" && <rect x="1" y="1" width="8" height="8" rx="1.5" />}
      {impact === "access_no_pay" && <path d="M5 .8 9.6 9a.4.4 0 0 1-.4.6H.8A.4.4 0 0 1 .4 9Z" />}
      {impact === "money" && <path d="M5 .4 9.6 5 5 9.6.4 5Z" />}
      {impact === "other" && <circle cx="5" cy="5" r="3.5" />}
    </svg>
  );
}

export function ImpactBadge({
  impact,
  long,
  className,
}: {
  impact: Impact;
  /** "Paid, locked out" instead of "locked out". */
  long?: boolean;
  className?: string;
}) {
  const words = impactWords[impact];
  const tone = impactTone[impact];
  return (
    <span
      title={words.meaning}
      className={cn(
        "inline-flex h-5 items-center gap-1.5 whitespace-nowrap rounded-sm px-1.5 text-12 font-medium",
        tone.soft,
        tone.text,
        className,
      )}
    >
      <ImpactShape impact={impact} className="size-2" />
      {long ? words.long : words.short}
    </span>
  );
}
