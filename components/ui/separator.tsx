import { cn } from "./cn.ts";

export function Separator({
  className,
  orientation = "horizontal",
}: {
  className?: string;
  orientation?: "horizontal" | "vertical";
}) {
  return (
    <div
      aria-hidden
      className={cn("shrink-0 bg-line", orientation === "horizontal" ? "h-px w-full" : "h-4 w-px", className)}
    />
  );
}
