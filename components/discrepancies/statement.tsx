import { cn } from "../ui/cn.ts";

/** What a correction runs, folded away: for those who read SQL. */
export function Statement({ sql, className }: { sql: string; className?: string }) {
  return (
    <details className={cn("text-12", className)}>
      <summary className="w-fit rounded-sm font-medium text-ink-3 hover:text-ink">What will run</summary>
      <pre className="mt-1.5 rounded-md bg-sunken px-3 py-2.5 font-mono text-12 whitespace-pre-wrap wrap-anywhere">
        {sql}
      </pre>
    </details>
  );
}
