import type { RecentRuns } from "@/lib/reconcile/recent.ts";
import { Time } from "../format/time.tsx";
import { plural } from "../format/words.ts";
import { figuresOf } from "./figures.ts";

/** How much was compared, and how long ago: what the numbers on a page come from. */
export function Compared({ runs }: { runs: readonly RecentRuns[] }) {
  const answers = runs.flatMap(({ lastAnswer }) => lastAnswer ?? []);
  const oldest = answers.flatMap((run) => run.finishedAt ?? []).sort((a, b) => a.getTime() - b.getTime())[0];
  if (!oldest) return "No run has come to an end yet.";
  const records = plural(
    answers.reduce((sum, run) => sum + figuresOf(run).compared, 0),
    "record",
  );
  if (runs.length === 1)
    return (
      <>
        {records} compared <Time at={oldest} />.
      </>
    );
  const missing = runs.filter(({ lastAnswer }) => lastAnswer === null).map(({ account }) => account);
  return (
    <>
      {records} compared in {plural(answers.length, "account")}; the oldest check was <Time at={oldest} />.
      {missing.length > 0 && ` Not compared yet: ${missing.join(", ")}.`}
    </>
  );
}
