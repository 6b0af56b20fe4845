import type { ReactNode } from "react";
import { cn } from "../ui/cn.ts";

/** The answer first: a page's heading is the sentence that people came for, where there is one. */
export function PageHeader({
  title,
  children,
  actions,
  className,
}: {
  title: ReactNode;
  /** One line below it. */
  children?: ReactNode;
  actions?: ReactNode;
  className?: string;
}) {
  return (
    <header
      className={cn(
        "flex flex-wrap items-start justify-between gap-x-6 gap-y-3 px-4 pt-6 pb-5 md:px-6",
        className,
      )}
    >
      <div className="min-w-0">
        <h1 className="text-20 font-semibold">{title}</h1>
        {children && <div className="mt-1 text-13 text-pretty text-ink-2">{children}</div>}
      </div>
      {actions && <div className="flex flex-wrap items-center gap-2">{actions}</div>}
    </header>
  );
}
