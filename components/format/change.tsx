import { ArrowRight } from "lucide-react";
import { cn } from "../ui/cn.ts";

/** A change, always in this direction: what the local record says, then what it will say. */
export function Change({
  from,
  to,
  field,
  className,
}: {
  from: string | null;
  to: string | null;
  /** The column's name in front. */
  field?: string;
  className?: string;
}) {
  return (
    <span className={cn("inline-flex min-w-0 items-center gap-1.5", className)}>
      {field && <span className="shrink-0 text-ink-3">{field}</span>}
      <Value value={from} className="text-ink-3" />
      <ArrowRight aria-label="to" className="size-3 shrink-0 text-ink-3" />
      <Value value={to} className="font-medium text-ink" />
    </span>
  );
}

function Value({ value, className }: { value: string | null; className: string }) {
  if (value === null || value === "")
    return (
      <span className={cn(className, "font-normal italic")}>{value === null ? "nothing" : "empty"}</span>
    );
  return (
    <span className={cn("truncate", className)} title={value}>
      {value}
    </span>
  );
}
