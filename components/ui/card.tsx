import type { ComponentProps } from "react";
import { cn } from "./cn.ts";

/** A bordered region. For things that stand apart; a page is not made of these. */
export function Card({ className, ...props }: ComponentProps<"section">) {
  return <section className={cn("rounded-lg border border-line bg-surface", className)} {...props} />;
}

export function CardHeader({ className, ...props }: ComponentProps<"header">) {
  return (
    <header
      className={cn("flex min-h-11 items-center justify-between gap-3 border-b border-line px-4", className)}
      {...props}
    />
  );
}

export function CardTitle({ className, children, ...props }: ComponentProps<"h2">) {
  return (
    <h2 className={cn("text-13 font-medium text-ink", className)} {...props}>
      {children}
    </h2>
  );
}
