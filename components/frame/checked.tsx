import type { RunView } from "@/lib/reconcile/runs.ts";
import { Time } from "../format/time.tsx";

/** How fresh the numbers are: when the last run that came to an end with an answer did. */
export function Checked({ run }: { run: RunView | null }) {
  if (!run?.finishedAt) return <span className="text-12 text-ink-3">Never checked</span>;
  return (
    <span className="text-12 whitespace-nowrap text-ink-3">
      Checked <Time at={run.finishedAt} />
    </span>
  );
}
