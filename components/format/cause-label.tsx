import type { Cause } from "@/lib/db/schema.ts";
import { cn } from "../ui/cn.ts";
import { causeWords } from "./words.ts";

export function CauseLabel({ cause, long, className }: { cause: Cause; long?: boolean; className?: string }) {
  const words = causeWords[cause];
  return (
    <span
      title={words.meaning}
      className={cn("whitespace-nowrap", cause === "unknown" ? "text-ink-3" : "text-ink-2", className)}
    >
      {long ? words.long : words.short}
    </span>
  );
}
