import type { LucideIcon } from "lucide-react";
import type { ReactNode } from "react";
import { cn } from "./cn.ts";

/** Nothing to show, and why: a sentence, what it means, and the next step. */
export function EmptyState({
  icon: Icon,
  title,
  children,
  action,
  heading: Heading = "p",
  className,
}: {
  icon?: LucideIcon;
  title: string;
  children?: ReactNode;
  action?: ReactNode;
  /** `h1` where the sentence is all that the page says. */
  heading?: "p" | "h1";
  className?: string;
}) {
  return (
    <div className={cn("flex flex-col items-center px-6 py-16 text-center", className)}>
      {Icon && (
        <span className="mb-4 flex size-10 items-center justify-center rounded-lg border border-line bg-surface text-ink-3 shadow-low">
          <Icon aria-hidden className="size-5" strokeWidth={1.75} />
        </span>
      )}
      <Heading className="text-16 font-medium text-balance">{title}</Heading>
      {children && <div className="mt-1 max-w-104 text-13 text-pretty text-ink-2">{children}</div>}
      {action && <div className="mt-5 flex flex-wrap justify-center gap-2">{action}</div>}
    </div>
  );
}
