import type { ComponentProps } from "react";
import { cn } from "./cn.ts";

export function Label({ className, ...props }: ComponentProps<"label">) {
  // biome-ignore lint/a11y/noLabelWithoutControl: whoever uses it gives htmlFor or the control as a child.
  return <label className={cn("text-13 font-medium text-ink", className)} {...props} />;
}
