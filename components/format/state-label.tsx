import { Check, CircleDashed, CircleDot, Clock, LoaderCircle, Undo2, X } from "lucide-react";
import type { DiscrepancyState } from "@/lib/db/schema.ts";
import { cn } from "../ui/cn.ts";
import { stateWords } from "./words.ts";

const icons = {
  open: CircleDot,
  waiting: CircleDashed,
  snoozed: Clock,
  applying: LoaderCircle,
  fixed: Check,
  rejected: X,
  resolved: Undo2,
} satisfies Record<DiscrepancyState, typeof Check>;

export function StateLabel({ state, className }: { state: DiscrepancyState; className?: string }) {
  const Icon = icons[state];
  return (
    <span
      title={stateWords[state].meaning}
      className={cn(
        "inline-flex items-center gap-1.5 whitespace-nowrap",
        state === "fixed" ? "text-fixed" : "text-ink-2",
        className,
      )}
    >
      <Icon aria-hidden className={cn("size-3.5", state === "applying" && "animate-spin")} />
      {stateWords[state].long}
    </span>
  );
}
