import { CircleAlert, CircleCheck, Info, TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";
import { cn } from "./cn.ts";

const icons = { info: Info, warning: TriangleAlert, problem: CircleAlert, good: CircleCheck };

/** One sentence about the state of things above what it is about, with the next step beside it. */
export function Notice({
  level,
  title,
  children,
  action,
  className,
}: {
  level: keyof typeof icons;
  title: ReactNode;
  children?: ReactNode;
  action?: ReactNode;
  className?: string;
}) {
  const Icon = icons[level];
  return (
    <div
      role="status"
      className={cn(
        "flex flex-wrap items-start gap-x-3 gap-y-2 rounded-lg border border-line bg-sunken px-4 py-3 text-13",
        className,
      )}
    >
      <Icon
        aria-hidden
        className={cn("mt-0.5 size-4 shrink-0", {
          "text-ink-3": level === "info",
          "text-unpaid": level === "warning",
          "text-locked": level === "problem",
          "text-fixed": level === "good",
        })}
      />
      <div className="min-w-48 flex-1">
        <p className="font-medium text-ink">{title}</p>
        {children && <div className="mt-0.5 text-pretty text-ink-2">{children}</div>}
      </div>
      {action && <div className="flex items-center gap-2 self-center">{action}</div>}
    </div>
  );
}
