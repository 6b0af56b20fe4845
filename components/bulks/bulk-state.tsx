import type { BulkState as State } from "@/lib/db/schema.ts";
import { type Stage, StageLabel } from "../format/stage-label.tsx";
import { bulkStateWords } from "./bulk-words.ts";

const stages: Record<State, Stage> = {
  waiting: "asking",
  running: "running",
  done: "done",
  failed: "failed",
  cancelled: "cancelled",
};

export function BulkState({ state, className }: { state: State; className?: string }) {
  return <StageLabel stage={stages[state]} word={bulkStateWords[state]} className={className} />;
}
