import type { RunState as State } from "@/lib/db/schema.ts";
import { type Stage, StageLabel } from "../format/stage-label.tsx";
import { runStateWords } from "../format/words.ts";

const stages: Record<State, Stage> = {
  queued: "queued",
  running: "running",
  succeeded: "done",
  incomplete: "incomplete",
  suspicious: "suspicious",
  failed: "failed",
  cancelled: "cancelled",
};

export function RunState({
  state,
  iconOnly,
  className,
}: {
  state: State;
  iconOnly?: boolean;
  className?: string;
}) {
  return (
    <StageLabel stage={stages[state]} word={runStateWords[state]} iconOnly={iconOnly} className={className} />
  );
}
