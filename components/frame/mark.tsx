import { cn } from "../ui/cn.ts";

/** Two records of one thing, a little out of line. */
export function Mark({ className }: { className?: string }) {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true" className={cn("size-6", className)}>
      <rect width="32" height="32" rx="7" className="fill-action dark:fill-selected" />
      <path d="M8 12.5h10" stroke="#8db7e8" strokeWidth="3.2" strokeLinecap="round" />
      <path d="M14 19.5h10" stroke="#e6d3b4" strokeWidth="3.2" strokeLinecap="round" />
    </svg>
  );
}
