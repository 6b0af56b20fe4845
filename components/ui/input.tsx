import type { ComponentProps } from "react";
import { cn } from "./cn.ts";

export const fieldStyle =
  "w-full rounded-md border border-line-strong bg-surface px-3 text-14 text-ink placeholder:text-ink-3 transition-colors duration-100 hover:border-ink-3 focus-visible:outline-2 focus-visible:-outline-offset-1 focus-visible:outline-ring disabled:opacity-50 aria-invalid:border-locked";

export function Input({ className, ...props }: ComponentProps<"input">) {
  return <input className={cn(fieldStyle, "h-8 text-13", className)} {...props} />;
}
