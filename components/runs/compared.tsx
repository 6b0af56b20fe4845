import type { RecentRuns } from "@/lib/reconcile/recent.ts";
import type { RunView } from "@/lib/reconcile/runs.ts";
import { Time } from "../format/time.tsx";
import { plural } from "../format/words.ts";
import { figuresOf } from "./figures.ts";

/** How much was compared, and how long ago: what the numbers on a page come from. */
export function Compared({ runs }: { runs: readonly RecentRuns[] }) {
  const answers = runs.flatMap(({ lastAnswer }) => lastAnswer ?? []);
  const checked = oldestOf(answers);
  if (!checked) return "No run has come to an end yet.";
  const full = runs.flatMap(({ lastFull }) => lastFull ?? []);
  const records = plural(
    full.reduce((sum, run) => sum + figuresOf(run).compared, 0),
    "record",
  );
  const [only] = runs;
  if (runs.length === 1 && only?.lastFull && only.lastFull.id !== only.lastAnswer?.id)
    return (
      <>
        What changed was compared <Time at={checked} />, all {records}{" "}
        <Time at={only.lastFull.finishedAt ?? checked} />.
      </>
    );
  if (runs.length === 1)
    return (
      <>
        {only?.lastFull ? records : "What changed was"} compared <Time at={checked} />.
      </>
    );
  const missing = runs.filter(({ lastAnswer }) => lastAnswer === null).map(({ account }) => account);
  return (
    <>
      {records} compared in {plural(answers.length, "account")}; the oldest check was <Time at={checked} />.
      {missing.length > 0 && ` Not compared yet: ${missing.join(", ")}.`}
    </>
  );
}

const oldestOf = (runs: readonly RunView[]): Date | undefined =>
  runs.flatMap((run) => run.finishedAt ?? []).sort((a, b) => a.getTime() - b.getTime())[0];
